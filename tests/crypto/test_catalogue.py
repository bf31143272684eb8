from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archscan.crypto.catalogue import algorithm_rows, exports, libraries, load, load_all, show, stem
from archscan.crypto.mangled import narrower
from archscan.errors import RuleError
from archscan.store import tables

RULES = Path(__file__).parents[2] / "rules"

ALGORITHMS = """
[[algorithm]]
name = 'md5'
family = 'md5'
strength = 'weak'

[[algorithm]]
name = 'sha256'
family = 'sha2'
strength = 'ok'
note = 'fine'
"""

HEADER = """
library = 'demo'
sonames = ['libdemo.so.1', 'libdemo.so.2']
node = 'DEMO_1'
"""

DIRECT = """
[[direct]]
algorithm = 'md5'
role = 'hash'
symbols = '''
demo_md5 demo_md5_init@DEMO_2
'''
"""


SELECTORS = """
[[selector]]
name = 'demo_hash'
kind = 'number'
source = 'demo.h, libdemo-dev'
values = '''
md5 1 DEMO_MD5
sha256 0x10 DEMO_SHA256'''

[[selector]]
name = 'demo_names'
kind = 'prefix'
source = 'demo(3)'
values = '''
md5
md5 the old one
sha256 new'''
"""

GENERIC = """
[[generic]]
role = 'hmac'
argument = 1
selector = 'demo_hash'
when = { argument = 2, bits = 2 }
symbols = 'demo_open'

[[generic]]
role = 'hash'
argument = 1
selector = 'demo_hash'
selectors = { 'libdemo.so.2' = 'demo_names' }
symbols = 'demo_open'

[[generic]]
role = 'sign'
direction = 'generate'
argument = 3
points = 'DEMO'
size = 2
symbols = 'demo_sign'
"""


def write(directory: Path, library: str = HEADER + DIRECT, algorithms: str | None = ALGORITHMS) -> Path:
    (directory / "selectors").mkdir(parents=True, exist_ok=True)
    (directory / "selectors" / "demo.toml").write_text(SELECTORS)
    (directory / "catalogue").mkdir(parents=True, exist_ok=True)
    (directory / "catalogue" / "demo.toml").write_text(library)
    if algorithms is not None:
        (directory / "algorithms.toml").write_text(algorithms)
    return directory


def assert_refused(directory: Path, file: str, key: str, expected: str) -> None:
    """Loading the directory fails with one line that names the file, then the key, then what was expected."""
    with pytest.raises(RuleError) as caught:
        load(directory)
    message = str(caught.value)
    assert message.startswith(f"{directory / file}: {key}"), message
    assert expected in message
    assert "\n" not in message


def test_a_library_lists_its_symbols_with_version_and_kind(tmp_path: Path) -> None:
    data = DIRECT.replace("'md5'", "'sha256'").replace("demo_md5 demo_md5_init@DEMO_2", "d")
    data = data.replace("'hash'", "'lookup'\nkind = 'data'\nreturns = 'T'\nonly_in = ['libdemo.so.2']")
    (library,) = load(write(tmp_path, HEADER + DIRECT + data)).libraries
    assert [(one.name, one.version, one.data, one.returns) for one in library.symbols] == [
        ("d", "DEMO_1", True, "T"),
        ("demo_md5", "DEMO_1", False, None),
        ("demo_md5_init", "DEMO_2", False, None),
    ]
    assert [one.name for one in exports(library, "libdemo.so.1")] == ["demo_md5", "demo_md5_init"]
    assert [one.name for one in exports(library, "libdemo.so.2")] == ["d", "demo_md5", "demo_md5_init"]


def test_an_argument_may_say_which_algorithm_it_is(tmp_path: Path) -> None:
    book = load(write(tmp_path, HEADER + DIRECT + GENERIC))
    (opened,), (signed,) = book.index["demo_open"], book.index["demo_sign"]
    hmac, digest = opened.symbol.uses
    assert (hmac.role, hmac.algorithm, hmac.argument, hmac.selector) == ("hmac", None, 1, "demo_hash")
    assert hmac.when is not None
    assert (hmac.when.argument, hmac.when.bits) == (2, 2)
    assert (digest.role, digest.when, digest.selectors) == ("hash", None, (("libdemo.so.2", "demo_names"),))
    (use,) = signed.symbol.uses
    assert (use.points, use.argument, use.size, use.direction) == ("DEMO", 3, 2, "generate")


def test_a_selector_lists_numbers_with_their_names_or_texts(tmp_path: Path) -> None:
    selectors = load(write(tmp_path)).selectors
    assert [(one.algorithm, one.number, one.text) for one in selectors["demo_hash"].values] == [
        ("md5", 1, "DEMO_MD5"),
        ("sha256", 16, "DEMO_SHA256"),
    ]
    assert [(one.algorithm, one.number, one.text) for one in selectors["demo_names"].values] == [
        ("md5", None, ""),
        ("md5", None, "the old one"),
        ("sha256", None, "new"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ("argument = 1\n", "", "generic[0].argument", "a number beside selector or points"),
        ("argument = 1", "argument = 16", "generic[0].argument", "a number from 0 to 15"),
        ("argument = 1", "argument = -1", "generic[0].argument", "a number from 0 to 15"),
        ("argument = 2, bits", "argument = 99, bits", "generic[0].argument", "a number from 0 to 15"),
        ("size = 2", "size = 99", "generic[2].argument", "a number from 0 to 15"),
        ("'demo_hash'", "'demo_hush'", "generic[0].selector", "a name from selectors/*.toml, got 'demo_hush'"),
        ("'libdemo.so.2' =", "'libdemo.so.9' =", "generic[1].selectors", "names from sonames"),
        ("points = 'DEMO'", "points = 'DEMO'\nselector = 'demo_hash'", "generic[2].selector", "not both"),
        ("direction = 'generate'", "direction = 'both'", "generic[2].direction", "one of generate, verify"),
        ("points = 'DEMO'", "points = 'DEMO'\ntext = 'BSTR'", "generic[2].text", "one of pointer, std::string"),
        ("bits = 2 }", "bits = 2, words = ['x'] }", "generic[0].when", "one of numbers, words, bits"),
        ("size = 2", "list = true", "generic[2].list", "a selector beside it"),
        ("size = 2", "count = 2", "generic[2].count", "list = true beside it"),
        ("size = 2", "also = [16]", "generic[2].argument", "a number from 0 to 15"),
        ("'demo_hash'", "'demo_names'\nlist = true", "generic[0].list", "a selector of numbers beside it"),
        ("argument = 3\n", "also = [4]\n", "generic[2].argument", "a number beside selector or points"),
        ("argument = 3\n", "argument = 0\nhidden = true\n", "generic[2].argument", "a number above 0 beside hidden"),
        (", bits = 2 }", " }", "generic[0].when", "one of numbers, words, bits"),
        (", bits = 2 }", ", bit = 2 }", "generic[0]", "unknown field `bit`"),
        ("when = { argument = 2, bits = 2 }\n", "", "generic[1].symbols", "`when` where more follow"),
        ("symbols = 'demo_sign'", "symbols = 'demo_sign'\nalgorithm = 'md5'", "generic[2]", "unknown field"),
        ("symbols = 'demo_open'\n\n[[generic]]\nrole = 'sign'", "returns = 'T'\nsymbols = 'demo_open'\n\n[[generic]]\n"
         "role = 'sign'", "generic[1].symbols", "the same version, returns, hidden"),
    ],
)  # fmt: skip
def test_a_wrong_generic_table_is_refused_with_file_key_and_expectation(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    assert old in GENERIC
    assert_refused(write(tmp_path, HEADER + GENERIC.replace(old, new)), "catalogue/demo.toml", key, expected)


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ("kind = 'number'", "kind = 'numbers'", "selector[0].kind", "one of number, bits, word, prefix, tokens"),
        ("name = 'demo_names'", "name = 'demo_hash'", "selector[1].name", "each name once"),
        ("name = 'demo_names'", "name = 'Demo'", "selector[1].name", "lower-case words"),
        ("md5 1 DEMO_MD5", "md6 1 DEMO_MD5", "selector[0].values", "the name of an algorithm first"),
        ("md5 1 DEMO_MD5", "md5 DEMO_MD5", "selector[0].values", "a number behind the algorithm"),
        ("sha256 new", "sha256 the old one", "selector[1].values", "each text once"),
        ("source = 'demo(3)'\n", "", "selector[1]", "missing required field `source`"),
        ("[[selector]]", "[[selectors]]", "", "expected"),
    ],
)
def test_a_wrong_selector_is_refused_with_file_key_and_expectation(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    assert old in SELECTORS
    (write(tmp_path) / "selectors" / "demo.toml").write_text(SELECTORS.replace(old, new))
    assert_refused(tmp_path, "selectors/demo.toml", key, expected)


def test_a_symbol_without_any_node_is_unversioned(tmp_path: Path) -> None:
    (library,) = load(write(tmp_path, HEADER.replace("node = 'DEMO_1'", "") + DIRECT)).libraries
    assert [one.version for one in library.symbols] == [None, "DEMO_2"]


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ("role = 'hash'", "role = 'hashing'", "direct[0].role", "one of hash, hmac, cipher"),
        ("role = 'hash'", "", "direct[0]", "missing required field `role`"),
        ("role = 'hash'", "role = 1", "direct[0]", "Expected `str`, got `int` - at `$.role`"),
        ("role = 'hash'", "role = 'hash'\nrolle = 'hash'", "direct[0]", "unknown field `rolle`"),
        ("role = 'hash'", "role = 'hash'\nkind = 'constant'", "direct[0].kind", "function or data"),
        ("role = 'hash'", "role = 'hash'\nvague = 'yes'", "direct[0]", "Expected `bool`"),
        ("role = 'hash'", "role = 'hash'\nonly_in = ['libdemo.so.9']", "direct[0].only_in", "names from sonames"),
        ("algorithm = 'md5'", "algorithm = 'md55'", "direct[0].algorithm", "a name from algorithms.toml, got 'md55'"),
        ("demo_md5 ", "", "direct[0].symbols", "each symbol once"),
        ("demo_md5 ", "demo_md5@ ", "direct[0].symbols", "name or name@NODE, got 'demo_md5@'"),
        ("demo_md5 demo_md5_init@DEMO_2", "", "direct[0].symbols", "at least one symbol"),
        ("library = 'demo'", "library = 'other'", "library", "'demo', as the file is named"),
        ("library = 'demo'", "", "", "missing required field `library`"),
        ("library = 'demo'", "library = 'demo'\nsoname = 'x'", "", "unknown field `soname`"),
        ("sonames = ['libdemo.so.1', 'libdemo.so.2']", "sonames = 'libdemo.so.1'", "", "Expected `array`"),
        ("sonames = ['libdemo.so.1', 'libdemo.so.2']", "sonames = []", "sonames", "at least one, or else a binary"),
        ("library = 'demo'", "library = 'demo'\nprefixes = 'demo_ d_'", "prefixes", "3 characters or more, got 'd_'"),
        (
            "library = 'demo'",
            "library = 'demo'\nprefixes = 'demon_'",
            "prefixes",
            "the beginning of at least one symbol",
        ),
        ("library = 'demo'", "library = 'demo'\nprefixes = ['demo_']", "", "Expected `str`"),
        (DIRECT, "", "direct", "at least one [[direct]] or [[generic]]"),
        (DIRECT, "[direct]\nrole = 'hash'", "direct", "at least one [[direct]] or [[generic]]"),
        (DIRECT, "direct = 'x'", "direct", "at least one [[direct]] or [[generic]]"),
        ("[[direct]]", "[[direct]", "", "expected TOML"),
    ],
)
def test_a_wrong_library_is_refused_with_file_key_and_expectation(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    text = HEADER + DIRECT
    assert old in text
    twice = "demo_md5 demo_md5 " if expected == "each symbol once" else new
    assert_refused(write(tmp_path, text.replace(old, twice)), "catalogue/demo.toml", key, expected)


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ("name = 'sha256'", "name = 'md5'", "algorithm[1].name", "each name once"),
        ("name = 'sha256'", "name = 'SHA256'", "algorithm[1].name", "a lower-case word"),
        ("family = 'sha2'", "family = ''", "algorithm[1].family", "a lower-case word"),
        ("family = 'sha2'", "", "algorithm[1]", "missing required field `family`"),
        ("strength = 'ok'", "strength = 'good'", "algorithm[1].strength", "one of weak, ok, none, got 'good'"),
        ("strength = 'ok'", "", "algorithm[1].strength", "one of weak, ok, none"),
        ("note = 'fine'", "note = 3", "algorithm[1]", "Expected `str | null`"),
        ("note = 'fine'", "notes = 'fine'", "algorithm[1]", "unknown field `notes`"),
        (ALGORITHMS, "algorithm = 'md5'", "", "Expected `array`"),
        (ALGORITHMS, "", "", "missing required field `algorithm`"),
    ],
)
def test_a_wrong_algorithm_is_refused_with_file_key_and_expectation(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    assert old in ALGORITHMS
    assert_refused(write(tmp_path, algorithms=ALGORITHMS.replace(old, new)), "algorithms.toml", key, expected)


def test_a_directory_without_libraries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"catalogue: expected at least one library"):
        load(tmp_path)


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (write(tmp_path) / "catalogue" / "demo.toml").write_bytes(b"library = '\xff'")
    with pytest.raises(RuleError, match=r"demo\.toml: expected UTF-8"):
        load(tmp_path)


def test_a_directory_named_like_a_library_is_refused(tmp_path: Path) -> None:
    (write(tmp_path) / "catalogue" / "odd.toml").mkdir()
    with pytest.raises(RuleError, match=r"odd\.toml: cannot be read: Is a directory"):
        load(tmp_path)


def test_two_libraries_with_one_soname_are_refused(tmp_path: Path) -> None:
    second = HEADER.replace("'demo'", "'twin'").replace("libdemo.so.1", "libdemo.so.9") + DIRECT
    (write(tmp_path) / "catalogue" / "twin.toml").write_text(second)
    with pytest.raises(RuleError, match=r"twin\.toml: sonames: expected none of library 'demo', got 'libdemo\.so\.9'"):
        load(tmp_path)


def test_another_directory_adds_and_replaces(tmp_path: Path) -> None:
    own = write(
        tmp_path, HEADER + DIRECT.replace("'md5'", "'own'"), "[[algorithm]]\nname='own'\nfamily='own'\nstrength='ok'"
    )
    (own / "catalogue" / "libmd.toml").write_text(
        (RULES / "catalogue" / "libmd.toml").read_text().replace("MD5Init", "New")
    )
    book, merged = load(RULES), load_all((RULES, own))
    assert {one.id for one in merged.libraries} - {one.id for one in book.libraries} == {"demo"}
    assert {entry.library for entry in book.index["MD5Init"]} == {"libbsd", "libmd", "mhash"}
    assert {entry.library for entry in merged.index["MD5Init"]} == {"libbsd", "mhash"}
    assert merged.strengths["own"] == "ok"
    assert merged.digest != book.digest


def test_a_directory_of_rules_alone_changes_nothing(tmp_path: Path) -> None:
    assert load_all((RULES, tmp_path)) == load(RULES)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("role = 'hash'", "role = 'hash'\nnote = 'x'", False),
        ("demo_md5 demo_md5_init@DEMO_2", "demo_md5_init@DEMO_2 \n\t demo_md5", False),
        ("role = 'hash'", "role = 'hmac'", True),
        ("algorithm = 'md5'", "algorithm = 'sha256'", True),
        ("demo_md5 ", "demo_md5x ", True),
        ("role = 'hash'", "role = 'hash'\nvague = true", True),
        ("libdemo.so.2", "libother.so.2", True),
    ],
)
def test_the_digest_follows_what_facts_depend_on(tmp_path: Path, old: str, new: str, changes: bool) -> None:
    before = load(write(tmp_path / "a")).digest
    after = load(write(tmp_path / "b", (HEADER + DIRECT).replace(old, new))).digest
    assert (before != after) is changes


def test_the_digest_follows_the_strength_of_an_algorithm(tmp_path: Path) -> None:
    before = load(write(tmp_path / "a")).digest
    assert load(write(tmp_path / "b", algorithms=ALGORITHMS.replace("'weak'", "'ok'"))).digest != before
    assert load(write(tmp_path / "c", algorithms=ALGORITHMS.replace("'fine'", "'better'"))).digest == before


@pytest.mark.parametrize(
    ("soname", "expected"),
    [
        ("libcrypto.so.3", "libcrypto"),
        ("libcrypto.so.1.1", "libcrypto"),
        ("/opt/vendor/lib/libcrypto.so.1.0.0", "libcrypto"),
        ("libcrypto.so", "libcrypto"),
        ("libbotan-2.so.19", "libbotan-2"),
        ("libbotan-3.so.7", "libbotan-3"),
        ("libssl3.so", "libssl3"),
        ("libxmlsec1-nss.so.1", "libxmlsec1-nss"),
        ("libisc-9.18.49-1~deb12u3-Debian.so", "libisc"),
        ("libisc-9.20.4-Debian.so", "libisc"),
        ("libpython3.11.so.1.0", "libpython3.11"),
    ],
)
def test_a_stem_is_a_soname_without_its_version(soname: str, expected: str) -> None:
    assert stem(soname) == expected


@pytest.mark.parametrize(
    ("soname", "library"),
    [  # those that Debian 13 has under another name than Debian 12
        ("libavutil.so.59", "avutil"),
        ("libbotan-3.so.7", "botan3"),
        ("libcliauth-private-samba.so.0", "samba-cliauth"),
        ("libisc-9.20.30-1~deb13u1-Debian.so", "bind9-isc"),
        ("libmbedcrypto.so.16", "mbedtls-crypto"),
        ("libmbedtls.so.21", "mbedtls-ssl"),
        ("libmbedx509.so.7", "mbedtls-x509"),
        ("libPocoCrypto.so.100", "poco-crypto"),
        ("libPocoFoundation.so.100", "poco-foundation"),
        ("libpython3.13.so.1.0", "python"),
        ("libqca-qt6.so.2", "qca-qt5"),
        ("librhash.so.1", "rhash"),
        ("librpmio.so.10", "rpmio"),
        ("libwinpr3.so.3", "winpr"),
        ("libwolfssl.so.42", "wolfssl"),
    ],
)
def test_libraries_are_known_under_their_names_in_debian_13(soname: str, library: str) -> None:
    book = load(RULES)
    assert book.stems.get(stem(soname)) == library
    assert soname in {name for one in book.libraries if one.id == library for name in one.sonames}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [*(HEADER + DIRECT).splitlines(), "[[direct]]", "direct = 1", "node = ''", "'''", "x = [1]"]
            ),
            max_size=14,
        ).map(lambda lines: "\n".join(lines).encode()),
    )
)
def test_any_file_is_read_or_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (write(tmp_path) / "catalogue" / "demo.toml").write_bytes(content)
    try:
        (library,) = load(tmp_path).libraries
    except RuleError as error:
        message = str(error)
        assert message.startswith(str(tmp_path / "catalogue" / "demo.toml"))
        assert message.splitlines() == [message]
    else:
        assert library.id == "demo"
        assert library.symbols


def test_the_schema_accepts_every_algorithm_and_every_role() -> None:
    book = load(RULES)
    db = sqlite3.connect(":memory:")
    db.executescript(tables.FACTS)
    db.executemany("INSERT INTO algorithm (name, family, strength, note) VALUES (?, ?, ?, ?)", algorithm_rows(book))
    uses = {
        (use.algorithm, book.strengths[use.algorithm].value, use.role.value)
        for library in book.libraries
        for one in library.symbols
        for use in one.uses
        if use.algorithm is not None
    }
    assert len(uses) > 50
    db.executemany(
        "INSERT INTO crypto_use (file_id, algorithm, strength, role, evidence, confidence) "
        "VALUES (1, ?, ?, ?, 'import', 'likely')",
        sorted(uses),
    )
    db.close()
    db.close()


def test_every_known_library_names_each_symbol_once() -> None:
    book = load(RULES)
    assert len(book.libraries) == len(list((RULES / "catalogue").glob("*.toml")))
    for library in book.libraries:
        names = [one.name for one in library.symbols]
        assert len(names) == len(set(names)), library.id
        assert all(exports(library, soname) for soname in library.sonames), library.id


def test_what_an_algorithm_travels_by_comes_from_somewhere_and_goes_somewhere() -> None:
    book = load(RULES)
    symbols = [one for library in book.libraries for one in library.symbols]
    given = {one.returns for one in symbols if one.returns}
    taken = {use.points for one in symbols for use in one.uses if use.points}
    assert taken <= given


def test_every_selector_is_used() -> None:
    book = load(RULES)
    uses = [use for library in book.libraries for one in library.symbols for use in one.uses]
    named = {use.selector for use in uses} | {name for use in uses for _, name in use.selectors}
    assert book.selectors.keys() - named == set()


def test_a_vtable_is_data() -> None:
    for library in load(RULES).libraries:
        for one in library.symbols:
            assert one.data or not one.name.startswith(("_ZTV", "_ZTI")), one.name


def test_seed_and_bcrypt_are_not_taken_for_64_bit_blocks() -> None:
    families = {name: family for name, family, _, _ in algorithm_rows(load(RULES))}
    assert families["seed"] != "64-bit-block"
    assert families["blowfish"] == families["cast5"] == families["idea"] == "64-bit-block"
    assert families["md2"] == families["md4"] == "md4"


def test_libraries_can_be_listed() -> None:
    lines = {line["library"]: line for line in libraries(load(RULES))}
    assert lines["libbsd"]["sonames"] == "libbsd.so.0"
    assert lines["libbsd"]["symbols"] == 9
    assert lines["libbsd"]["weak"] == "md5"
    assert lines["php"]["sonames"] == "usr/bin/php8.2"


def test_a_symbol_shows_each_exporter() -> None:
    lines = show(load(RULES), "MD5Init")
    assert [(line["library"], line["version"], line["algorithm"], line["role"]) for line in lines] == [
        ("libbsd", "LIBBSD_0.0", "md5", "hash"),
        ("libmd", "LIBMD_0.0", "md5", "hash"),
        ("mhash", None, "md5", "hash"),
    ]
    assert {line["strength"] for line in lines} == {"weak"}


def test_a_symbol_shows_how_its_arguments_select() -> None:
    book = load(RULES)
    (p12,), (etypes,) = show(book, "PKCS12_create"), show(book, "krb5_set_default_tgs_enctypes")
    assert (p12["algorithm"], etypes["algorithm"]) == (
        "arguments 5 and 6: openssl_nid",
        "argument 1: a list of krb5_enctype",
    )
    assert "argument 2: not NULL" in {line["when"] for line in show(book, "PEM_write_bio_RSAPrivateKey")}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_ZN5Botan3RC4C2Em", "_ZN5Botan3RC4C2Ej"),
        ("_ZN5Botan10RIPEMD_16010compress_nEPKhm", "_ZN5Botan10RIPEMD_16010compress_nEPKhj"),
        ("_ZN8CryptoPP5Tiger9TransformEPmPKm", "_ZN8CryptoPP5Tiger9TransformEPyPKy"),
        ("_ZN4Poco9MD4Engine10updateImplEPKvm", "_ZN4Poco9MD4Engine10updateImplEPKvj"),
        ("_ZN3lib4moveERKSsS1_l", "_ZN3lib4moveERKSsS1_i"),
    ],
)
def test_a_name_of_cpp_has_other_letters_for_sizes_on_32_bits(name: str, expected: str) -> None:
    assert expected in narrower(name)


@pytest.mark.parametrize("name", ["MD5_Init", "_ZN5Botan3MD510compressEv", "_ZN3lib6moveiti"])
def test_a_name_without_sizes_is_the_same_on_32_bits(name: str) -> None:
    assert narrower(name) == ()


def test_a_symbol_is_found_by_its_name_on_32_bits() -> None:
    (entry,) = load(RULES).index["_ZN5Botan3RC4C1Ej"]
    assert (entry.library, entry.symbol.name) == ("botan2", "_ZN5Botan3RC4C1Ej")
    assert entry.symbol.uses[0].algorithm == "rc4"


def test_a_library_shows_each_symbol_and_the_unknown_shows_nothing() -> None:
    book = load(RULES)
    assert [line["symbol"] for line in show(book, "libuuid")] == ["uuid_generate_md5", "uuid_generate_sha1"]
    assert show(book, "SSL_connect") == []
