"""Every recipe does what it says, by the word of readelf."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from archscan.errors import RuleError
from corpus.build import buildable, lacking
from corpus.recipes import ROOT, load, names, raw_name
from corpus.target import run, target
from tests import oracle

if TYPE_CHECKING:
    from pathlib import Path

    from corpus.build import Built
    from corpus.recipes import Object

FORMATTED = {"printf", "fprintf", "sprintf", "snprintf", "vprintf", "vfprintf", "vsprintf", "vsnprintf"}
HERE = [name for name in names() if not lacking(load(ROOT / name / "recipe.toml"))]
HOST = buildable()


def looked_at(built: Built) -> list[tuple[Object, oracle.Facts]]:
    return [(item, oracle.facts(built.objects[item.path])) for item in built.recipe.object]


@pytest.mark.parametrize("name", HOST)
def test_readelf_sees_the_facts_that_the_flags_decide(name: str, corpus_builds: dict[str, Built]) -> None:
    for item, found in looked_at(corpus_builds[name]):
        seen = oracle.columns(found)
        expected = {key: value or None if value == "" else value for key, value in item.facts.items()}
        assert {key: seen[key] for key in expected if key in seen} == {
            key: value for key, value in expected.items() if key in seen
        }, item.path


@pytest.mark.parametrize("name", HOST)
def test_protectors_and_checked_names_are_imported_where_a_recipe_says_so(
    name: str, corpus_builds: dict[str, Built]
) -> None:
    for item, found in looked_at(corpus_builds[name]):
        checked = {symbol for symbol in found.imported if symbol.endswith("_chk")}
        if "stack_protector" in item.facts:
            protected = item.facts["stack_protector"] in ("yes", "partial")
            assert ("__stack_chk_fail" in found.imported) is protected, item.path
        if "fortify" in item.facts:
            assert bool(checked) is (item.facts["fortify"] in ("yes", "partial")), item.path
            assert bool(found.imported & FORMATTED) is (item.facts["fortify"] in ("no", "partial")), item.path
        if "fortified_calls" in item.facts:
            assert len(checked) == item.facts["fortified_calls"], item.path


@pytest.mark.parametrize("column", ["ibt_marked", "shstk_marked"])
def test_control_flow_marks_are_in_the_notes(column: str, corpus_builds: dict[str, Built]) -> None:
    mark = column.removesuffix("_marked").upper()
    for built in _only_for("landing-pads", ("amd64", "i386"), corpus_builds):
        for item, found in looked_at(built):
            assert (mark in found.features) is (item.facts[column] == "yes")


def _only_for(name: str, architectures: tuple[str, ...], builds: dict[str, Built]) -> list[Built]:
    """What a recipe for some processors gave; on any other it must not have been built."""
    assert (name in builds) is (target().architecture in architectures)
    return [builds[name]] if name in builds else []


def _functions(path: Path) -> dict[str, str]:
    """Name → instructions of each function, as objdump prints them."""
    text = run(["objdump", "-d", "--no-show-raw-insn", str(path)])
    return dict(re.findall(r"^[0-9a-f]+ <(\w+)>:\n((?: .*\n)*)", text, re.MULTILINE))


@pytest.mark.parametrize("name", ["stack-clash", "partial-stack-protector", "privileged-link"])
def test_code_is_as_the_flags_of_each_unit_say(name: str, corpus_builds: dict[str, Built]) -> None:
    column, wanted, functions = {
        "stack-clash": ("stack_clash", r"\bor[lq]? +\$0x0,|\bstr\s+xzr, \[sp", ("main", "last_byte")),
    }.get(name, ("stack_protector", r"__stack_chk_fail", ("main", "length")))
    for item in corpus_builds[name].recipe.object:
        code = _functions(corpus_builds[name].objects[item.path])
        found = {bool(re.search(wanted, code[function])) for function in functions if function in code}
        said = "partial" if len(found) > 1 else "yes" if found == {True} else "no"
        assert said == item.facts[column], item.path


@pytest.mark.parametrize(
    ("name", "architectures"), [("landing-pads", ("amd64", "i386")), ("landing-pads-lost", ("amd64",))]
)
def test_functions_begin_with_landing_pads(
    name: str, architectures: tuple[str, ...], corpus_builds: dict[str, Built]
) -> None:
    for built in _only_for(name, architectures, corpus_builds):
        for item in built.recipe.object:
            first = _functions(built.objects[item.path])["main"].partition("\n")[0]
            assert ("endbr" in first) is (item.facts["ibt_compiled"] == "yes"), item.path


def test_sanitizers_are_imported_where_the_recipe_says_so(corpus_builds: dict[str, Built]) -> None:
    for item, found in looked_at(corpus_builds["sanitizer-shipped"]):
        assert ("__asan_init" in found.imported) is (item.facts["sanitizers"] == "address"), item.path


def test_every_fact_of_a_recipe_is_checked_by_a_test() -> None:
    elsewhere = {"stack_protector", "fortify", "fortified_calls", "ibt_marked", "shstk_marked", "language"}
    elsewhere |= {"ibt_compiled", "stack_clash", "sanitizers"}
    decided = {"kind", "pie", "nx", "relro", "bind_now", "soname", "interpreter", "rpath", "runpath", "stripped"}
    for name in names():
        for item in load(ROOT / name / "recipe.toml").object:
            assert set(item.facts) <= decided | elsewhere | {"wx_segments", "textrel"}, name


def test_code_is_patched_in_one_of_the_two_libraries(corpus_objects: dict[str, dict[str, Path]]) -> None:
    found = {path.rpartition("/")[2]: oracle.facts(file) for path, file in corpus_objects["text-relocations"].items()}
    assert {name: facts.textrel for name, facts in found.items()} == {
        "libtextrel.so.1": True,
        "libnotextrel.so.1": False,
    }


def test_nothing_is_left_to_bind_lazily_without_a_plt(corpus_objects: dict[str, dict[str, Path]]) -> None:
    found = oracle.facts(corpus_objects["no-immediate-binding"]["usr/bin/nothing-lazy"])
    assert not found.lazy
    assert not found.bound_now
    assert "printf" in found.imported


def test_the_compiler_says_that_it_was_gcc(corpus_objects: dict[str, dict[str, Path]]) -> None:
    file = corpus_objects["language-c"]["usr/bin/language-c"]
    assert "GCC: (" in run(["readelf", "-p", ".comment", str(file)])


def test_the_unmarked_object_has_no_section_for_its_stack(corpus_objects: dict[str, dict[str, Path]]) -> None:
    marks = [".note.GNU-stack" in oracle.facts(file).sections for file in corpus_objects["relocatable"].values()]
    assert marks == [True, False]


def test_a_sanitizer_is_needed_by_one_and_weakly_known_to_the_other(
    corpus_objects: dict[str, dict[str, Path]],
) -> None:
    shipped, aware = (oracle.facts(file) for file in corpus_objects["sanitizer-shipped"].values())
    assert "libasan.so.8" in shipped.needed
    assert "__asan_init" in shipped.imported
    assert "libasan.so.8" not in aware.needed
    assert [symbol.weak for symbol in aware.imports if symbol.name.startswith("__asan")] == [True]


CRYPTO = {
    "md5-import": ("MD5_Init", "libcrypto.so.3"),
    "md4-import": ("MD4_Init", "libcrypto.so.3"),
    "sha1-import": ("SHA1_Init", "libcrypto.so.3"),
    "ripemd-import": ("RIPEMD160_Init", "libcrypto.so.3"),
    "des-import": ("DES_ncbc_encrypt", "libcrypto.so.3"),
    "3des-import": ("DES_ede3_cbc_encrypt", "libcrypto.so.3"),
    "rc2-import": ("RC2_cbc_encrypt", "libcrypto.so.3"),
    "rc4-import": ("RC4", "libcrypto.so.3"),
    "blowfish-import": ("BF_cbc_encrypt", "libcrypto.so.3"),
    "tls-legacy": ("TLSv1_method", "libssl.so.3"),
    "password-crypt": ("DES_crypt", "libcrypto.so.3"),
}


@pytest.mark.parametrize("name", CRYPTO)
def test_weak_crypto_is_imported_by_the_hit_alone(name: str, corpus_objects: dict[str, dict[str, Path]]) -> None:
    symbol, library = CRYPTO[name]
    found = {path: oracle.facts(file) for path, file in corpus_objects[name].items()}
    imported = {
        path: [(one.version, one.library) for one in facts.imports if one.name == symbol]
        for path, facts in found.items()
    }
    assert imported == {
        f"usr/bin/{name.removesuffix('-import')}": [("OPENSSL_3.0.0", library)],
        "usr/bin/only-imported": [("OPENSSL_3.0.0", library)],
        "usr/bin/own-functions": [],
        "usr/bin/other-library": [(None, None)],
        "usr/bin/strong": [],
    }
    assert "libelsewhere.so.1" in found["usr/bin/other-library"].needed
    assert library in found["usr/bin/strong"].needed


MINIMAL = 'package = "xy"\ndescription = "d"\n'
OBJECT = MINIMAL + '[[object]]\npath = "usr/bin/x"\nsources = ["x.c"]\nflags = []\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("package = 1", "package: Expected `str`, got `int`"),
        ('package = "xy"', "missing required field `description`"),
        (MINIMAL + "colour = 1", "unknown field `colour`"),
        (MINIMAL + "= 1", "expected TOML"),
        (MINIMAL + '[build]\ndata = "rar"', "build.data: Invalid enum value 'rar'"),
        (OBJECT.replace('["x.c"]', "[]"), "sources: expected at least one file"),
        (OBJECT.replace("x.c", "y.c"), "sources: expected a file of"),
        (OBJECT + 'post = [["rm", "{out}"]]', "post: expected commands that start with one of objcopy, strip"),
        (OBJECT + '[object.facts]\ncolour = "red"', "facts.colour: expected a column of the table elf"),
        (OBJECT + '[object.facts]\npie = "maybe"', "facts.pie: Invalid enum value 'maybe'"),
        (OBJECT + 'copies = ["usr/bin/x"]', "path: expected a new one, got 'usr/bin/x' again"),
        (OBJECT + '[[archive]]\npath = "a"\nformat = "ar"\nmembers = ["no"]', "members: expected paths of objects"),
        (
            OBJECT + '[[archive]]\npath = "a"\nformat = "xz"\nmembers = ["usr/bin/x", "usr/bin/x"]',
            "members: expected exactly one",
        ),
    ],
)
def test_a_wrong_recipe_is_refused_with_file_key_and_expectation(text: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(text)
    (tmp_path / "x.c").touch()
    with pytest.raises(RuleError) as caught:
        load(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert complaint in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("usr/bin/x", b"./usr/bin/x"),
        ("usr/lib/{triplet}/x", b"./usr/lib/a-b-c/x"),
        (r"usr/caf\xe9", b"./usr/caf\xe9"),
        (r"usr/back\\slash", b"./usr/back\\slash"),
        ("../x", b"../x"),
        ("/x", b"/x"),
    ],
)
def test_a_path_of_a_recipe_becomes_the_bytes_of_the_archive(path: str, name: bytes) -> None:
    assert raw_name(path, "a-b-c") == name
