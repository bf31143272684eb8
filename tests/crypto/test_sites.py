"""What calls select, in programs that gcc makes of a few lines, with libraries that have names and no code."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from archscan.crypto.catalogue import load
from archscan.elf import Place
from archscan.errors import ElfError
from archscan.model import CallSite, Elf
from archscan.scan.objects import object_facts
from corpus.catalogue import stubs_of
from corpus.stubs import build
from corpus.target import Target, target

RULES = Path(__file__).parents[2] / "rules"
BOOK = load(RULES)
DECLARED = """
typedef struct md EVP_MD; typedef struct h H;
int gcry_md_open(H **, int, unsigned); void gcry_md_hash_buffer(int, void *, const void *, unsigned long);
const EVP_MD *EVP_md5(void), *EVP_sha1(void), *EVP_sha256(void), *EVP_get_digestbyname(const char *);
int EVP_DigestInit_ex(H *, const EVP_MD *, void *); char *getenv(const char *); int atoi(const char *);
unsigned char *HMAC(const EVP_MD *, const void *, int, const void *, unsigned long, void *, unsigned *);
int MD5_Init(H *); long SSL_CTX_ctrl(H *, int, long, void *); int SSL_CTX_set_cipher_list(H *, const char *);
void *PKCS12_create(const char *, const char *, void *, void *, void *, int, int, int, int, int);
extern const struct md nettle_md5;
void nettle_hmac_set_key(void *, void *, void *, const struct md *, long, void *);
extern H *h; extern int n; void other(void *);
"""
OPTIONS = ["-O2", *(pytest.param(option, marks=pytest.mark.full) for option in ("-O0", "-O1", "-O3", "-Os"))]


COMPILERS = {
    "amd64": "gcc",
    "arm64": "aarch64-linux-gnu-gcc",
    "riscv64": "riscv64-linux-gnu-gcc",
    "ppc64el": "powerpc64le-linux-gnu-gcc",
    "s390x": "s390x-linux-gnu-gcc",
    "armhf": "arm-linux-gnueabihf-gcc",
    "i386": "i686-linux-gnu-gcc",
}
NARROW = ("armhf", "i386")  # pointers have four bytes
MAKERS = [
    pytest.param(compiler, id=name, marks=() if name in ("amd64", "arm64") else pytest.mark.full)
    for name, compiler in COMPILERS.items()
]


class Maker(msgspec.Struct, frozen=True):
    """A compiler, and a folder with the libraries for it."""

    target: Target
    folder: Path

    def facts(self, folder: Path, code: str, *flags: str, compiler: str = "") -> Elf:
        """The facts about a shared library made of the code, by another ``compiler`` than that for C."""
        source, out = folder / ("x.cc" if compiler else "x.c"), folder / "x.so"
        source.write_text(code if compiler else DECLARED + code)
        needed = [str(path) for path in sorted(self.folder.glob("*.so.*")) if path.suffix not in (".c", ".map")]
        command = [
            compiler or self.target.compiler,
            "-w",
            "-shared",
            "-fPIC",
            *filter(None, flags),
            "-o",
            str(out),
            str(source),
            *needed,
        ]
        subprocess.run(command, check=True, capture_output=True)
        return object_facts(out.read_bytes(), Place("x.so", "x.so", "x.so", self.target.architecture), BOOK)


@pytest.fixture(scope="session", params=MAKERS)
def maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    folder, stubs, chosen = tmp_path_factory.mktemp("libraries"), stubs_of(RULES), target(request.param)
    for name in ("libgcrypt", "openssl-crypto", "openssl-ssl", "nettle", "botan2", "qca-qt5"):
        build(stubs[name], chosen, folder)
    return Maker(chosen, folder)


def told(found: Elf) -> list[tuple[str, str, str | None, tuple[str, ...]]]:
    """Symbol, outcome, value and algorithms of each call."""
    return [(one.symbol, one.outcome.value, one.value, tuple(use.algorithm for use in one.uses)) for one in found.calls]


def placed(maker: Maker, reason: str | None) -> str | None:
    """A reason with the distance that a field behind a number of the processor's width has."""
    return reason.replace("field 0x8", "field 0x4") if reason and maker.target.architecture in NARROW else reason


def only(found: Elf) -> CallSite:
    (one,) = found.calls
    return one


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("int f(H **h) { return gcry_md_open(h, 1, 0); }", [("gcry_md_open", "value", "GCRY_MD_MD5", ("md5",))]),
        ("int f(H **h) { return gcry_md_open(h, 0, 0); }", [("gcry_md_open", "value", "GCRY_MD_NONE", ())]),
        ("int f(H *h) { return SSL_CTX_set_cipher_list(h, \"HIGH:RC4:!MD5\"); }",
         [("SSL_CTX_set_cipher_list", "value", '"HIGH:RC4:!MD5"', ("rc4",))]),
        ("int f(H *h) { return SSL_CTX_ctrl(h, 123, 0x301, 0); }",
         [("SSL_CTX_ctrl", "value", "TLS1_VERSION", ("tls1.0",))]),
        ("int f(H *h) { return SSL_CTX_ctrl(h, 33, 0x301, 0); }", [("SSL_CTX_ctrl", "value", None, ())]),
        ("static const int l[] = { 64, 6, 672, 408 }; int f(H *h) { return SSL_CTX_ctrl(h, 97, 4, (void *)l); }",
         [("SSL_CTX_ctrl", "value", "NID_sha1, NID_rsaEncryption, NID_sha256, NID_X9_62_id_ecPublicKey",
           ("sha1", "rsa", "sha256", "ecdsa"))]),
        ("static const int l[] = { 672, 6, 64, 6 }; int f(H *h) { return SSL_CTX_ctrl(h, 97, 2, (void *)l); }",
         [("SSL_CTX_ctrl", "value", "NID_sha256, NID_rsaEncryption", ("sha256", "rsa"))]),
        ("static const int l[] = { 64, 6 }; int f(H *h) { return SSL_CTX_ctrl(h, 97, n, (void *)l); }",
         [("SSL_CTX_ctrl", "unknown", None, ())]),
        ("int l[] = { 64, 6 }; int f(H *h) { return SSL_CTX_ctrl(h, 97, 2, l); }",
         [("SSL_CTX_ctrl", "unknown", None, ())]),
        ("int f(H *h) { return SSL_CTX_ctrl(h, 98, 0, \"RSA+SHA256:RSA+SHA1\"); }",
         [("SSL_CTX_ctrl", "value", '"RSA+SHA256:RSA+SHA1"', ("sha256", "sha1"))]),
        ("void *f(void) { return PKCS12_create(0, 0, 0, 0, 0, 146, 149, 0, 0, 0); }",
         [("PKCS12_create", "value", "NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NID_pbe_WithSHA1And40BitRC2_CBC",
           ("3des", "rc2"))]),
        ("int f(H *h) { return MD5_Init(h); }", [("MD5_Init", "value", None, ("md5",))]),
        ("int f(H *h) { return EVP_DigestInit_ex(h, EVP_sha1(), 0); }",
         [("EVP_sha1", "value", None, ("sha1",)), ("EVP_DigestInit_ex", "value", "EVP_sha1()", ("sha1",))]),
        ("int f(H *h) { return EVP_DigestInit_ex(h, EVP_get_digestbyname(\"MD5\"), 0); }",
         [("EVP_get_digestbyname", "value", '"MD5"', ("md5",)),
          ("EVP_DigestInit_ex", "value", 'EVP_get_digestbyname("MD5")', ("md5",))]),
        ("int f(H *h) { return EVP_DigestInit_ex(h, 0, 0); }", [("EVP_DigestInit_ex", "value", "NULL", ())]),
        ("void f(void *k) { nettle_hmac_set_key(k, k, k, &nettle_md5, 3, k); }",
         [("nettle_hmac_set_key", "value", "&nettle_md5", ("md5",))]),
    ],
)  # fmt: skip
def test_a_constant_argument_is_one_value(
    maker: Maker,
    tmp_path: Path,
    option: str,
    code: str,
    expected: list[tuple[str, str, str | None, tuple[str, ...]]],
) -> None:
    assert told(maker.facts(tmp_path, code, option)) == expected


@pytest.mark.parametrize("flag", ["-fno-plt", "", "-Wl,-z,now", "-Wl,-z,lazy", "-fno-omit-frame-pointer"])
@pytest.mark.parametrize("option", OPTIONS)
def test_a_call_is_seen_however_it_is_made(maker: Maker, tmp_path: Path, flag: str, option: str) -> None:
    code = "int f(H **h) { other(h); return gcry_md_open(h, 1, 0) + 1; }"
    found = maker.facts(tmp_path, code, option, flag or maker.target.branch)
    assert told(found) == [("gcry_md_open", "value", "GCRY_MD_MD5", ("md5",))]


@pytest.mark.parametrize("option", OPTIONS)
def test_branches_bring_several_values(maker: Maker, tmp_path: Path, option: str) -> None:
    code = "int f(H **h, int c) { int a = 2; if (c > 3) a = 1; other(h); return gcry_md_open(h, a, 0) + 1; }"
    one = only(maker.facts(tmp_path, code, option))
    assert (one.outcome.value, {use.algorithm for use in one.uses}) == ("set", {"md5", "sha1"})
    assert one.value == "GCRY_MD_MD5, GCRY_MD_SHA1"


@pytest.mark.parametrize("option", OPTIONS)
def test_a_switch_brings_several_values(maker: Maker, tmp_path: Path, option: str) -> None:
    cases = " ".join(f"case {c}: gcry_md_open(h, {a}, 0); break;" for c, a in enumerate((1, 2, 3, 8, 10, 301)))
    code = f"void f(H **h, int c) {{ switch (c) {{ {cases} default: other(h); }} }}"
    found = maker.facts(tmp_path, code, option, "-fno-tree-tail-merge", "-fno-crossjumping")
    algorithms = {use.algorithm for call in found.calls for use in call.uses}
    assert algorithms == {"md5", "sha1", "ripemd160", "sha256", "sha512", "md4"}
    assert {call.outcome.value for call in found.calls} <= {"value", "set"}


@pytest.mark.parametrize("option", OPTIONS)
def test_a_value_outlives_calls(maker: Maker, tmp_path: Path, option: str) -> None:
    code = (
        "int f(H *x, int c) { const EVP_MD *m = EVP_md5(); other(x); other(m); return EVP_DigestInit_ex(x, m, 0) + c; }"
    )
    found = maker.facts(tmp_path, code, option)
    assert told(found)[-1] == ("EVP_DigestInit_ex", "value", "EVP_md5()", ("md5",))


@pytest.mark.parametrize("option", OPTIONS)
def test_a_parameter_of_an_exported_function_is_forwarded(maker: Maker, tmp_path: Path, option: str) -> None:
    one = only(maker.facts(tmp_path, "int f(H **h, int a) { other(h); return gcry_md_open(h, a, 0) + 1; }", option))
    assert (one.outcome.value, one.reason, one.uses) == ("forwarded", "argument 1 of f", ())


def own(body: str) -> str:
    """A function that only its own object calls, and those that call it."""
    return (
        f"__attribute__((noinline)) static int g(H **h, int a) {{ other(h); return gcry_md_open(h, a, 0) + 1; }} {body}"
    )


@pytest.mark.parametrize("option", OPTIONS)
def test_what_all_callers_pass_is_a_set(maker: Maker, tmp_path: Path, option: str) -> None:
    code = own("int f(H **h) { return g(h, 1) + 1; } int k(H **h) { return g(h, 8) + 2; }")
    one = only(maker.facts(tmp_path, code, option, "-fno-ipa-cp", "-fno-ipa-sra", "-fno-ipa-icf"))
    assert (one.outcome.value, {use.algorithm for use in one.uses}) == ("set", {"md5", "sha256"})


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kept", ["other(g);", "static int (*const all[])(H **, int) = {g}; other((void *)all);"])
def test_who_else_may_call_passes_something_else(maker: Maker, tmp_path: Path, option: str, kept: str) -> None:
    code = own(f"int f(H **h) {{ {kept} return g(h, 1) + 1; }}")
    one = only(maker.facts(tmp_path, code, option, "-fno-ipa-cp", "-fno-ipa-sra", "-fno-inline"))
    assert (one.outcome.value, one.value) == ("runtime", "GCRY_MD_MD5")
    assert re.fullmatch(r"argument 1 of (g|sub_\w+), whose address is taken", one.reason or "")


@pytest.mark.parametrize("option", OPTIONS)
def test_a_caller_may_pass_on_what_its_own_caller_passes(maker: Maker, tmp_path: Path, option: str) -> None:
    again = "__attribute__((noinline)) static int w(H **h, int a) { other(h); return g(h, a) + 1; }"
    code = own(f"{again} int f(H **h) {{ return w(h, 1) + w(h, 1) + 1; }}")
    one = only(maker.facts(tmp_path, code, option, "-fno-ipa-cp", "-fno-ipa-sra"))
    assert (one.outcome.value, one.value) == ("value", "GCRY_MD_MD5")


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("returned", "outcome", "algorithms"),
    [
        ("EVP_md5()", "value", {"md5"}),
        ("c ? EVP_md5() : EVP_sha1()", "set", {"md5", "sha1"}),
        ('c ? EVP_get_digestbyname("md4") : 0', "set", {"md4"}),
    ],
)
def test_what_an_own_function_returns_is_followed(
    maker: Maker, tmp_path: Path, option: str, returned: str, outcome: str, algorithms: set[str]
) -> None:
    code = f"__attribute__((noipa)) static const EVP_MD *m(int c) {{ other(h); return {returned}; }}"
    code += "int f(H *h, int c) { return EVP_DigestInit_ex(h, m(c), 0) + 1; }"
    one = next(call for call in maker.facts(tmp_path, code, option).calls if call.symbol == "EVP_DigestInit_ex")
    if maker.target.architecture == "armhf" and ": 0" in returned and option in ("-O2", "-O3", "-Os"):
        outcome = "forwarded"  # gcc returns the condition where it is 0
    assert (one.outcome.value, {use.algorithm for use in one.uses}) == (outcome, algorithms)


@pytest.mark.parametrize("option", OPTIONS)
def test_an_exported_caller_forwards(maker: Maker, tmp_path: Path, option: str) -> None:
    code = own("int f(H **h, int c, int b) { return g(h, b) + c; }")
    one = only(maker.facts(tmp_path, code, option, "-fno-ipa-cp", "-fno-ipa-sra"))
    assert (one.outcome.value, one.reason) == ("forwarded", "argument 2 of f")


@pytest.mark.parametrize("option", OPTIONS)
def test_what_another_library_says_is_known_at_run_time_only(maker: Maker, tmp_path: Path, option: str) -> None:
    code = 'int f(H **h) { return gcry_md_open(h, atoi(getenv("A")), 0) + 1; }'
    one = only(maker.facts(tmp_path, code, option))
    assert (one.outcome.value, one.reason) == ("runtime", "result of atoi")


_HIDE = "#pragma GCC visibility push(hidden)\n"
_USE = "int f(H **h) { other(h); return gcry_md_open(h, kept, 0) + 1; } "


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "outcome", "algorithms"),
    [
        ("int kept = 1;", "value", {"md5"}),  # nobody stores anything
        ("int kept = 1; void g(void) { kept = 8; }", "set", {"md5", "sha256"}),
        ("int kept; void g(int a) { if (a) kept = 8; else kept = 2; }", "set", {"sha256", "sha1"}),
        ("int kept; void g(int a) { kept = a; }", "runtime", set()),
        ('int kept = 1; void g(void) { kept = atoi(getenv("A")); }', "runtime", {"md5"}),
        ("int kept = 1; void g(void) { other(&kept); }", "runtime", {"md5"}),  # by whom g passes its address to
        ("struct { int a, b; } two; void g(void) { other(&two); }\n#define kept two.b\n", "runtime", set()),
    ],
)
def test_what_the_object_alone_keeps_in_a_variable_is_what_it_stores(
    maker: Maker, tmp_path: Path, option: str, code: str, outcome: str, algorithms: set[str]
) -> None:
    both = _HIDE + code.replace("void g", '__attribute__((visibility("default"))) void g')
    one = only(
        maker.facts(tmp_path, both + _USE.replace("int f", '__attribute__((visibility("default"))) int f'), option)
    )
    by_address = maker.target.architecture in ("arm64", "riscv64", "ppc64el") and option == "-O0"
    by_address |= maker.target.architecture == "armhf"
    # A constant is stored by way of the address, as its instruction has no room for a distance.
    by_address |= (
        maker.target.architecture == "s390x" and "kept = 8" in code and (option == "-O0" or "else" not in code)
    )
    if by_address:  # every access goes by way of the address, and who stores there is all that is known
        stored = "void g" in code and maker.target.architecture != "armhf"
        outcome, algorithms = ("runtime", algorithms) if stored else ("unknown", set())
    assert (one.outcome.value, {use.algorithm for use in one.uses}) == (outcome, algorithms), one


def test_who_stores_in_a_variable_is_told(maker: Maker, tmp_path: Path) -> None:
    code = "static int kept; void g(int a) { kept = a; } int f(H **h) { return gcry_md_open(h, kept, 0) + 1; }"
    one = only(maker.facts(tmp_path, code, "-O2"))
    if maker.target.architecture == "armhf":  # every access goes by way of the address
        assert (one.outcome.value, one.reason) == ("unknown", "variable")
        return
    assert one.outcome.value == "runtime"
    assert re.fullmatch("variable 0x[0-9a-f]+, stored by g", one.reason or "")


def test_a_variable_that_others_know_is_told_by_its_name(maker: Maker, tmp_path: Path) -> None:
    code = "int kept = 1; int f(H **h) { return gcry_md_open(h, kept, 0) + 1; }"
    one = only(maker.facts(tmp_path, code, "-O2", "-Wl,-Bsymbolic"))
    # Where gcc reads it through the GOT, its address stands there.
    assert (one.outcome.value, one.reason, one.uses) == ("runtime", "variable kept, which other objects may change", ())


@pytest.mark.parametrize("option", OPTIONS)
def test_a_variable_of_another_library_is_told_by_its_name(maker: Maker, tmp_path: Path, option: str) -> None:
    library, source, program = tmp_path / "liboption.so", tmp_path / "x.c", tmp_path / "x"
    (tmp_path / "o.c").write_text("char *option_text;")
    command: list[str | Path] = [maker.target.compiler, "-shared", "-fPIC", "-o", library, tmp_path / "o.c"]
    subprocess.run(command, check=True, capture_output=True)
    source.write_text(
        DECLARED + "extern char *option_text; int main(void) { return EVP_get_digestbyname(option_text) != 0; }"
    )
    command = [
        maker.target.compiler, "-w", option, "-fno-pie", "-no-pie", "-Wl,--unresolved-symbols=ignore-all", "-o",
        program, source, library,
        *(path for path in sorted(maker.folder.glob("*.so.*")) if path.suffix not in (".c", ".map")),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    found = object_facts(program.read_bytes(), Place("x", "x", "x", maker.target.architecture), BOOK)
    one = only(found)
    # Where the linker has not copied it into the program, it is reached through the GOT.
    copied = "variable option_text, which other objects may change"
    assert (one.outcome.value, one.reason) in (("runtime", copied), ("runtime", "field 0x0 of option_text"))
    assert one.reason == copied or maker.target.architecture != "amd64"


@pytest.mark.parametrize(("store", "outcome"), [("kept = a", "runtime"), ("kept = 8", "unknown")])
def test_a_variable_of_many_functions_is_told_by_one_that_stores_there(
    maker: Maker, tmp_path: Path, store: str, outcome: str
) -> None:
    many = " ".join(f"int r{number}(void) {{ return kept + {number}; }}" for number in range(30))
    code = (
        f"static int kept; void g(int a) {{ {store}; }} {many} int f(H **h) {{ return gcry_md_open(h, kept, 0) + 1; }}"
    )
    one = only(maker.facts(tmp_path, code, "-O2"))
    if maker.target.architecture in ("amd64", "arm64"):
        assert one.outcome.value == outcome, one
        assert outcome == "unknown" or re.fullmatch("variable 0x[0-9a-f]+, stored by g", one.reason or "")
    assert one.outcome.value in ("runtime", "unknown"), one  # others may store there that were not looked at


def test_a_pointer_that_nobody_changes_is_read(maker: Maker, tmp_path: Path) -> None:
    code = (
        "extern const char *const name; void *f(void) { return EVP_get_digestbyname(name); }"
        '__attribute__((weak, visibility("hidden"))) const char *const name = "SHA1";'
    )
    assert told(maker.facts(tmp_path, code, "-O1")) == [("EVP_get_digestbyname", "value", '"SHA1"', ("sha1",))]


@pytest.mark.parametrize("option", OPTIONS)
def test_what_a_function_was_pointed_to_it_may_have_changed(maker: Maker, tmp_path: Path, option: str) -> None:
    code = "int f(H **h) { int a = 1; other(&a); return gcry_md_open(h, a, 0) + 1; }"
    one = only(maker.facts(tmp_path, code, option))
    assert (one.outcome.value, one.reason, one.uses) == ("runtime", "filled in by other", ())


_FILLS = (
    "__attribute__((noipa)) static void fill(int *a, int c) { BODY } int f(H **h, int c) { int a = 3; fill(&a, c); "
)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("body", "outcome", "algorithms"),
    [
        ("*a = 8;", "set", {"ripemd160", "sha256"}),  # that it always stores is not looked for
        ("if (c) *a = 1; other(h);", "set", {"ripemd160", "md5"}),
        ("other((void *)(long)*a);", "value", {"ripemd160"}),
        ("*a = c;", "forwarded", {"ripemd160"}),
        ('*a = atoi(getenv("A"));', "runtime", {"ripemd160"}),
        ("other(a);", "runtime", {"ripemd160"}),
        ("static int *kept; kept = a; other(&kept);", "unknown", {"ripemd160"}),
    ],
)
def test_what_an_own_function_fills_in_is_followed(
    maker: Maker, tmp_path: Path, option: str, body: str, outcome: str, algorithms: set[str]
) -> None:
    code = _FILLS.replace("BODY", body) + "return gcry_md_open(h, a, 0) + 1; }"
    one = only(maker.facts(tmp_path, code, option))
    if maker.target.architecture == "armhf" and option == "-O0" and "other(" in body and outcome in ("set", "value"):
        # What lies next to the stack pointer may be an argument of `other`.
        outcome = "runtime"
    if (maker.target.architecture, option, body) == ("i386", "-Os", "if (c) *a = 1; other(h);"):
        outcome = "runtime"  # the register that still has the address is pushed, to make room
    assert (one.outcome.value, {use.algorithm for use in one.uses}) == (outcome, algorithms), one


_STRUCTURE = "struct S { long x; int alg; int y; }; "
_USES_FIELD = (
    "__attribute__((noipa)) KIND int g(H **h, struct S *s) { other(h); return gcry_md_open(h, s->alg, 0) + 1; } "
)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("kind", "caller", "outcome", "algorithms", "reason"),
    [
        ("static", "struct S s = {c, 1, c}; return g(h, &s);", "value", {"md5"}, None),
        ("static", "struct S s = {c, 1, c}; if (c) s.alg = 8; return g(h, &s);", "set", {"md5", "sha256"}, None),
        ("static", "struct S s = {7, c, 9}; return g(h, &s);", "forwarded", set(), "argument 1 of f"),
        ("static", "return g(h, p);", "forwarded", set(), "field 0x8 of argument 2 of f"),
        ("static", "other(g); return 0;", "runtime", set(), "field 0x8 of argument 1 of g, whose address is taken"),
        ("static", "return g(h, read_in());", "runtime", set(), "field 0x8 of the result of read_in"),
        ("", "struct S s = {c, 1, c}; return g(h, &s);", "forwarded", set(), "field 0x8 of argument 1 of g"),
    ],
)
def test_what_stands_in_a_structure_is_followed_to_who_passes_it(
    maker: Maker, tmp_path: Path, option: str, kind: str, caller: str, outcome: str, algorithms: set[str],
    reason: str | None,
) -> None:  # fmt: skip
    code = _STRUCTURE + "void *read_in(void); " + _USES_FIELD.replace("KIND", kind)
    one = only(maker.facts(tmp_path, code + f"int f(H **h, int c, struct S *p) {{ {caller} }}", option))
    assert (one.outcome.value, {use.algorithm for use in one.uses}) == (outcome, algorithms), one
    reason = placed(maker, reason)
    assert one.reason and re.sub("sub_[0-9a-f]+", "g", one.reason) == reason if reason else one.reason is None


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("body", "outcome", "told"),
    [
        ('char n[8] = "md5"; other(h); return EVP_get_digestbyname(n);', "value", '"md5"'),
        ("char n[9]; strcpy(n, s); puts(n); return EVP_get_digestbyname(n);", "runtime", "filled in by strcpy"),
        ("char n[9]; snprintf(n, 9, s, 3); return EVP_get_digestbyname(n);", "runtime", "filled in by snprintf"),
        ("char n[9]; snprintf(n, 9, s, 3); if (EVP_get_digestbyname(n + 1)) other(h); EVP_get_digestbyname(n);"
         "return EVP_get_digestbyname(n);", "runtime", "filled in by snprintf"),
        ("char n[9]; for (int i = 0; i < 9; i++) n[i] = s[8 - i]; return EVP_get_digestbyname(n);", "unknown", None),
    ],
)  # fmt: skip
def test_a_text_on_the_stack_is_read_or_somebody_wrote_it(
    maker: Maker, tmp_path: Path, option: str, body: str, outcome: str, told: str
) -> None:
    code = "char *strcpy(char *, const char *); int snprintf(char *, unsigned long, const char *, ...), puts(char *);"
    found = maker.facts(tmp_path, f"{code} const EVP_MD *f(char *s) {{ {body} }}", option, "-fno-builtin")
    one = found.calls[-1]
    assert one.outcome.value == outcome, one
    assert not told or told in (one.value, one.reason)


_HANDLES = """
int gcry_md_setkey(H *, const void *, unsigned long), gcry_md_enable(H *, int), gcry_md_read(H *, int);
H *EVP_MD_CTX_new(void); int EVP_DigestSignInit(H *, void *, const EVP_MD *, void *, void *);
int EVP_DigestSignFinal(H *, void *, void *);
"""


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("body", "algorithms"),
    [
        ("H *m; gcry_md_open(&m, 2, 2); gcry_md_setkey(m, h, 3);", {"sha1"}),
        ("H *m; gcry_md_open(&m, 2, 2); gcry_md_setkey(m, h, 3); gcry_md_read(m, c ? 1 : 2);", {"sha1"}),
        ("H *m; gcry_md_open(&m, 0, 2); gcry_md_enable(m, 1); gcry_md_setkey(m, h, 3);", {"md5"}),
        ("H *m, *o; gcry_md_open(&m, 1, 2); gcry_md_open(&o, 2, 2); gcry_md_setkey(o, m, 3);", {"sha1"}),
        ("H *x = EVP_MD_CTX_new(); if (EVP_DigestSignInit(x, 0, EVP_sha1(), 0, h)) EVP_DigestSignFinal(x, 0, h);",
         {"sha1"}),
        ("gcry_md_setkey(h, h, c);", set()),
    ],
)  # fmt: skip
def test_a_handle_stands_for_what_was_selected_for_it(
    maker: Maker, tmp_path: Path, option: str, body: str, algorithms: set[str]
) -> None:
    found = maker.facts(tmp_path, _HANDLES + f"void f(H *h, int c) {{ {body} }}", option)
    one = next(call for call in found.calls if call.symbol in ("gcry_md_setkey", "EVP_DigestSignFinal"))
    assert {use.algorithm for use in one.uses} == algorithms
    assert (one.outcome.value, one.reason) == (("value", None) if algorithms else ("unknown", "no-selector"))


_TABLE = 'static const struct { const char *name; int alg; } all[] = {{"one", 1}, {"two", 2}, {"eight", 8}}; '


_LIMIT = "if (c >= 3) return 0; "


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    "code",
    [
        "static const int all[] = {1, 2, 8, 3}; int f(H **h, unsigned c) { " + _LIMIT + "USE(all[c]); }",
        "static const int all[] = {1, 2, 8, 3, 5, 6, 7, 9}; int f(H **h, unsigned c) "
        "{ switch (c & 3) { case 3: return 0; default: USE(all[c & 3]); } }",
        "static const int no[] = {3, 3}, all[] = {1, 2, 8, 3}; void *g(void) { return (void *)no; } "
        "int f(H **h, unsigned c) { if (c - 1 >= 3) return 0; USE(all[c - 1]); }",
        _TABLE + "int f(H **h, unsigned c) { " + _LIMIT + "other(h); USE(all[c].alg); }",
        _TABLE + "int f(H **h, char *s) { for (int i = 0; i < 3; i++) if (!strcmp(s, all[i].name)) USE(all[i].alg);"
        " return 0; }",
        _TABLE + "void f(H **h) { for (int i = 0; i < 3; i++) gcry_md_open(h, all[i].alg, 0); }",
        'static const char *const all[] = {"md5", "sha1", "sha256", 0}; '
        "const void *f(int c) { return EVP_get_digestbyname(all[c]); }",
    ],
)
def test_any_entry_of_a_table_may_be_selected(maker: Maker, tmp_path: Path, option: str, code: str) -> None:
    use = "int strcmp(const char *, const char *);\n#define USE(v) return gcry_md_open(h, v, 0) + 1\n"
    found = maker.facts(tmp_path, use + code, option, "-fno-unroll-loops", "-fno-peel-loops")
    algorithms = {use.algorithm for call in found.calls for use in call.uses}
    if {call.outcome.value for call in found.calls} == {"unknown"}:
        assert "for (" in code or "switch" in code  # what ends the loop is another address, and no number
    else:
        assert {call.outcome.value for call in found.calls} <= {"set", "value"}
        assert algorithms >= {"md5", "sha1", "sha256"}
        assert algorithms <= {"md5", "sha1", "sha256"} or "c & 3" in code


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    "loops",
    [
        "for (int i = 0; i < 5; i++) other(h + i); for (int i = 0; i < 12; i++) gcry_md_open(h, all[i], 0);",
        "for (int i = 0; i < 12; i++) { other(h + i); gcry_md_open(h + i, all[i], 0); }",
        "int i = 0; do { other(h + i); gcry_md_open(h + i, all[i], 0); } while (++i < 12);",
    ],
)
def test_a_comparison_limits_only_what_its_own_loop_counts(
    maker: Maker, tmp_path: Path, loops: str, option: str
) -> None:
    table = "static const int all[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 8, 10}; "
    found = maker.facts(tmp_path, table + "void f(H **h) { " + loops + " }", option, "-fno-unroll-loops")
    for call in found.calls:
        complete = {use.algorithm for use in call.uses} == {"md5", "sha1", "sha256", "sha512"}
        assert complete or call.outcome.value == "unknown"


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        ("static const int all[] = {1, 2, 8}; int f(H **h, unsigned c) { return gcry_md_open(h, all[c], 0) + 1; }",
         "runtime", "indexed by argument 1 of f"),
        ('static const char *const all[] = {"md5", "sha1", 0, "md4"}; '
         "const void *f(int c) { return EVP_get_digestbyname(all[c]); }", "runtime", "indexed by argument 0 of f"),
        ("int f(H **h, int c) { return gcry_md_open(h, c * 2 + 1, 0) + 1; }", "runtime", "computed of argument 1 of f"),
        ("int f(H **h, int c) { for (int i = 1; i < 400; i++) gcry_md_open(h, i, 0); }", "unknown", "counted"),
        # Where a result was compared with 0, it may stand for a 0.
        ('static const int all[] = {1, 2, 8}; int f(H **h) { return gcry_md_open(h, all[atoi("x")], 0) + 1; }',
         "unknown", "indexed"),
    ],
)  # fmt: skip
def test_a_table_of_which_nobody_knows_the_end_is_told_by_who_counts(
    maker: Maker, tmp_path: Path, option: str, code: str, outcome: str, reason: str
) -> None:
    calls = maker.facts(tmp_path, code, option).calls
    found = {one.outcome.value for one in calls}
    assert found == {outcome} or (maker.target.architecture not in ("amd64", "arm64") and found == {"unknown"}), calls
    assert found == {"unknown"} or {one.reason for one in calls} == {reason}, calls
    if outcome == "runtime":
        assert {use.algorithm for one in calls for use in one.uses} <= {"md5", "sha1", "sha256", "md4"}, calls


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "outcome", "value"),
    [
        ("NOIPA int g(H **h, int c) { return gcry_md_open(h, all[c], 0) + 1; } int f(H **h) { return g(h, 2) + 1; }",
         "value", "GCRY_MD_SHA256"),
        ("NOIPA int g(H **h, int c) { return gcry_md_open(h, all[c], 0) + 1; } "
         "int f(H **h) { return g(h, 0) + g(h, 2); }", "set", "GCRY_MD_MD5, GCRY_MD_SHA256"),
        ("NOIPA int g(H **h, int c) { return gcry_md_open(h, all[c], 0) + 1; } NOIPA int k(H **h, int c) "
         "{ other(h); return g(h, c - 1) + 1; } int f(H **h) { return k(h, 1) + k(h, 2); }", "set",
         "GCRY_MD_MD5, GCRY_MD_SHA1"),
        ("NOIPA int g(H **h, int c) { return gcry_md_open(h, 2 * c + 2, 0) + 1; } "
         "int f(H **h) { return g(h, 3) + 1; }", "value", "GCRY_MD_SHA256"),
        ("NOIPA const void *g(int c) { return EVP_get_digestbyname(texts[c]); } const void *f(void) { return g(1); }",
         "value", '"sha1"'),
        ("NOIPA const void *g(int c) { return EVP_get_digestbyname(names[c]); } const void *f(void) { return g(1); }",
         "value", '"sha1"'),
        ("NOIPA int g(H **h, int c) { return gcry_md_open(h, all[c], 0) + 1; } "
         "int f(H **h, int c) { return g(h, 2) + g(h, c); }", "runtime", None),
    ],
)  # fmt: skip
def test_the_entry_that_callers_name_is_selected(
    maker: Maker, tmp_path: Path, option: str, code: str, outcome: str, value: str | None
) -> None:
    tables = """static const int all[] = {1, 2, 8}; static const char *const texts[] = {"md5", "sha1", "md4"};
    static const char names[][8] = {"md5", "sha1", "md4"};
    """
    code = tables + code.replace("NOIPA", "__attribute__((noipa)) static")
    one = only(maker.facts(tmp_path, code, option))
    assert one.outcome.value == outcome or maker.target.architecture not in ("amd64", "arm64"), one
    assert one.outcome.value in (outcome, "unknown"), one
    assert one.outcome.value == "unknown" or value is None or one.value == value, one


_DIGESTS = (
    "struct D { int id; const char *name; const EVP_MD *(*digest)(void); }; "
    'static const struct D all[] = {{1, "one", EVP_md5}, {2, "two", EVP_sha1}, {3, "three", EVP_sha256}}; '
)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    "code",
    [
        "int f(H *h, unsigned c) { if (c > 2) return 0; other(h); "
        "return EVP_DigestInit_ex(h, all[c].digest(), 0) + 1; }",
        "__attribute__((noipa)) static const struct D *find(int c) { for (int i = 0; i < 3; i++) if (all[i].id == c)"
        " return &all[i]; return 0; } int f(H *h, int c) { const struct D *d = find(c); if (!d) return 0; "
        "return EVP_DigestInit_ex(h, d->digest(), 0) + 1; }",
    ],
)
def test_a_function_of_a_table_may_return_what_is_selected(
    maker: Maker, tmp_path: Path, option: str, code: str
) -> None:
    one = only(maker.facts(tmp_path, _DIGESTS + code, option, "-fno-unroll-loops", "-fno-peel-loops"))
    selected = {use.algorithm for use in one.uses}
    if one.outcome.value == "unknown":  # three times a counter is computed as a sum of several values
        assert option in ("-O0", "-O1") or (option, maker.target.architecture) == ("-Os", "s390x"), one
        assert selected <= {"md5", "sha1", "sha256"}
    else:
        assert (one.outcome.value, selected) == ("set", {"md5", "sha1", "sha256"}), one


@pytest.mark.parametrize("option", OPTIONS)
def test_a_table_that_may_change_is_unknown(maker: Maker, tmp_path: Path, option: str) -> None:
    code = "static int all[] = {1, 2, 8}; void g(int c) { all[c] = c; } "
    one = only(maker.facts(tmp_path, code + "int f(H **h, int c) { return gcry_md_open(h, all[c], 0) + 1; }", option))
    assert (one.outcome.value, one.uses) == ("unknown", ())


def test_a_call_says_more_than_an_import(maker: Maker, tmp_path: Path) -> None:
    found = maker.facts(tmp_path, "int f(H *h) { return MD5_Init(h); }", "-O2")
    assert found.crypto == ()
    (use,) = only(found).uses
    assert (use.evidence, use.function, use.argument, use.library) == ("call", "f", None, "libcrypto.so.3")
    assert use.address == only(found).address


@pytest.mark.parametrize("option", OPTIONS)
def test_without_a_stub_a_register_may_hold_what_is_called(maker: Maker, tmp_path: Path, option: str) -> None:
    code = (
        "void f(H **h, int n) { while (n--) { other(h); gcry_md_open(h, 1, 0); gcry_md_open(h, n > 5 ? 8 : 301, 0); } }"
    )
    found = maker.facts(tmp_path, code, option, "-fno-plt")
    assert {(use.algorithm, use.evidence) for call in found.calls for use in call.uses} == {
        ("md5", "call"), ("sha256", "call"), ("md4", "call"),
    }  # fmt: skip
    assert {call.outcome.value for call in found.calls} <= {"value", "set"}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_address_that_is_passed_on_is_told_with_its_place(maker: Maker, tmp_path: Path, option: str) -> None:
    found = maker.facts(tmp_path, "void f(void) { other(MD5_Init); }", option)
    assert found.calls == ()
    (use,) = found.crypto
    assert (use.symbol, use.evidence, use.function, use.algorithm) == ("MD5_Init", "data", "f", "md5")
    assert use.address


def test_an_address_in_a_table_is_told_with_its_place(maker: Maker, tmp_path: Path) -> None:
    code = 'struct { char *name; int (*begin)(H *); } all[] = {{"md5", MD5_Init}}; void *f(void) { return all; }'
    found = maker.facts(tmp_path, code, "-O2")
    assert found.calls == ()
    (use,) = found.crypto
    assert (use.symbol, use.evidence, use.function, use.algorithm) == ("MD5_Init", "data", None, "md5")


def test_what_is_called_and_passed_on_is_told_twice(maker: Maker, tmp_path: Path) -> None:
    found = maker.facts(tmp_path, "int f(H *h) { other(MD5_Init); return MD5_Init(h) + 1; }", "-O2")
    assert [use.evidence for use in found.crypto] == ["data"]
    assert told(found) == [("MD5_Init", "value", None, ("md5",))]


def test_the_flags_of_a_call_say_what_it_is_for(maker: Maker, tmp_path: Path) -> None:
    (use,) = only(maker.facts(tmp_path, "int f(H **h) { return gcry_md_open(h, 1, 2); }", "-O2")).uses
    assert (use.algorithm, use.role) == ("md5", "hmac")


_CALLS = {
    "amd64": "call MD5_Init@plt",
    "arm64": "bl MD5_Init",
    "riscv64": "call MD5_Init@plt",
    "ppc64el": "bl MD5_Init; nop",
    "s390x": "brasl %r14, MD5_Init@plt",
    "armhf": "bl MD5_Init(PLT)",
    "i386": "call MD5_Init@plt",
}


def test_no_more_calls_are_kept_than_anybody_reads(maker: Maker, tmp_path: Path) -> None:
    call = _CALLS[maker.target.architecture]
    code = f'void f(H *h) {{ asm volatile(".rept 10100; {call}; .endr"); }} void *g(void) {{ return MD5_Init; }}'
    found = maker.facts(tmp_path, code, "-O1")
    assert len(found.calls) == 10_000
    assert found.reasons["call_site"].counts == {"left_out": 100}


def test_no_more_addresses_are_kept_than_anybody_reads(maker: Maker, tmp_path: Path) -> None:
    code = "#define T MD5_Init,MD5_Init,MD5_Init,MD5_Init,MD5_Init,MD5_Init,MD5_Init,MD5_Init\n"
    found = maker.facts(tmp_path, code + f"void *all[] = {{ {', '.join(['T'] * 130)} }};", "-O1")
    assert len(found.crypto) == 1_000
    assert found.reasons["call_site"].counts == {"left_out": 40}


def test_a_damaged_object_is_read_or_refused(maker: Maker, tmp_path: Path) -> None:
    cases = " ".join(f"case {number}: other(h + {number}); break;" for number in range(9))
    code = f"int f(H **h, int c) {{ switch (c) {{ {cases} }} return gcry_md_open(h, c > 3 ? 1 : 2, 0) + 1; }}"
    maker.facts(tmp_path, code, "-O2")
    whole, chance, read = (tmp_path / "x.so").read_bytes(), random.Random(5), 0
    for number in range(150):
        broken = bytearray(whole[: len(whole) if number % 3 else chance.randrange(len(whole))])
        for _ in range(number % 4):
            broken[chance.randrange(min(len(broken), 0x1400))] ^= 1 << chance.randrange(8)
        try:
            object_facts(bytes(broken), Place("x.so", "x.so", "x.so", maker.target.architecture), BOOK)
            read += 1
        except ElfError:
            continue
    assert read > 20


def test_a_long_function_costs_no_more_than_others(maker: Maker, tmp_path: Path) -> None:
    code = 'void f(H **h, int a) { asm volatile(".rept 20000; nop; .endr"); gcry_md_open(h, 1, 0); other(h); }'
    one = only(maker.facts(tmp_path, code, "-O1"))
    long = maker.target.architecture in ("arm64", "ppc64el", "s390x")  # 80,000 bytes; on amd64 20,000
    assert (one.outcome.value, one.reason) == (("unknown", "too-much-code") if long else ("value", None))


_LONG = 'asm volatile(".rept 70000; nop; .endr");'
_OFTEN = "struct S { int alg; char b[396]; }; int f(H **h, struct S *p) { struct S s; s.alg = 1; other(h); "
_CHANGED = {
    "a structure": (
        "struct S { int x, alg, y, z; };"
        "int f(H **h, struct S *p) { struct S s; s.alg = 1; other(h); s = *p; USE(s.alg); }"
    ),
    "a large structure": _OFTEN + "s = *p; USE(s.alg); }",
    "zeroes": _OFTEN + "s = (struct S){0}; other(&s); USE(s.alg); }",
    "the end of a structure": (
        "struct S { long x; int alg; char b[388]; }; int f(H **h, struct S *p) { struct S s; s.alg = 1; other(h);"
        "memcpy(&s, p, sizeof s); USE(s.alg); }"
    ),
    "an index": "int f(H **h, int c) { int v[2]; v[0] = 1; v[1] = 1; v[c] = 8; USE(v[0]); }",
    "a byte": "int f(H **h) { volatile int v = 0x201; *(unsigned char *)&v = 8; USE(v - 0x200); }",
    "who has the address": "int f(H **h) { int v; keep(&v); v = 1; touch(); USE(v); }",
    "a pointer in a structure": "int f(H **h) { int v = 1; struct { int *p; } s = {&v}; other(&s); USE(v); }",
    "a kept pointer": "int *p; int f(H **h) { int v = 1; p = &v; v = 1; other(h); USE(v); }",
    "an exchange": "int n; int f(H **h) { USE(__atomic_exchange_n(&n, 1, 5)); }",
    "an addition": "int n; int f(H **h) { USE(__sync_fetch_and_add(&n, 1)); }",
    "a comparison": "int f(H **h) { volatile int v = 1; __sync_bool_compare_and_swap(&v, 1, 8); USE(v); }",
    "a sum": "int f(H **h) { volatile int v = 1; __sync_fetch_and_add(&v, 7); USE(v); }",
    "a long caller": (
        "__attribute__((noipa)) static int g(H **h, int a) { other(h); USE(a); }"
        f"int k(H **h) {{ {_LONG} return g(h, 8) + 2; }} int f(H **h) {{ return g(h, 1) + 1; }}"
    ),
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("case", _CHANGED)
def test_what_may_have_changed_is_no_value(maker: Maker, tmp_path: Path, case: str, option: str) -> None:
    code = "void keep(int *), touch(void);\n#define USE(v) return gcry_md_open(h, v, 0) + 1\n" + _CHANGED[case]
    (one,) = (call for call in maker.facts(tmp_path, code, option).calls if call.symbol == "gcry_md_open")
    right = {"a byte": {"sha256"}, "a large structure": set(), "zeroes": set()}.get(case, set())
    assert {use.algorithm for use in one.uses} <= right or one.outcome.value not in ("value", "set"), one


_STATIC = "__attribute__((noipa)) static "
# What is selected may be any of these (or, with None, anything): an answer names them all, or none.
_OCCURRING: dict[str, tuple[str, set[str] | None]] = {
    "a part that is seldom run": (
        "__attribute__((cold)) void bad(void *); int f(H **h, int c) { int a = 1; if (c > 5) { bad(h); a = 8; }"
        " other(h); USE(a); }", {"md5", "sha256"}),
    "such a part that returns": (
        "__attribute__((cold)) void bad(void *); " + _STATIC + "int pick(int c, void *h) "
        "{ if (c > 5) { bad(h); return 8; } return 1; } int f(H **h, int c) { USE(pick(c, h)); }", {"md5", "sha256"}),
    "several tables of jumps": (
        "int in(void); int f(H **h, int c, int d) { int v = 1; if (c) { do { keep(&v); switch (in()) { case 0: touch();"
        " break; case 1: other(0); break; case 2: other(h); break; case 3: touch(); other(0); "
        "break; case 4: in(); break;"
        " case 5: in(); in(); } } while (in()); } switch (d) { case 0: touch(); break; case 1: other(0); break; case 2:"
        " other(h); break; case 3: touch(); other(0); break; case 4: in(); break; case 5: in(); "
        "in(); } USE(v); }", None),
    "two tables": (
        "static const int a[] = {1, 2}, b[] = {8, 10}; int f(H **h, int c, unsigned i) { const int *t = c ? a : b;"
        " if (i > 1) return 0; USE(t[i]); }", {"md5", "sha1", "sha256", "sha512"}),
    "what was lost before": (
        _STATIC + "void fill(int *a, int c) { if (c) *a = 1; } struct S { int a, b; }; "
        "int f(H **h, int c, struct S *p) { struct S s = *p; fill(&s.b, c); USE(s.b); }", None),
    "half of a slot": (
        _STATIC + "void fill(int *a, int c) { if (c) *a = 1; } struct S { int a, b; }; "
        "int f(H **h, int c, struct S *p) "
        "{ struct S s; s.a = 1; s.b = 2; if (n) { s = *p; fill(&s.b, c); } other(&s.b); USE(s.a); }", None),
    "a wider store": (
        "static struct { int x, alg; } s = {0, 1}; void g(void) { s.x = 7; s.alg = 8; } int f(H **h) { USE(s.alg); }",
        {"md5", "sha256"}),
    "a structure that is assigned": (
        "static struct S { int x, alg; } s = {0, 1}; void g(struct S *p) { s = *p; } int f(H **h) { "
        "USE(s.alg); }", None),
    "a large structure that is passed on": (
        "static struct { char b[100]; int alg; } s = {{0}, 1}; void g(void) { other(&s); } int f(H "
        "**h) { USE(s.alg); }",
        None),
    "a pointer that is kept later": (
        _STATIC + "void fill(int *a, int c) { if (c) *a = 1; } int *p; int f(H **h, int c) { int v = 1; fill(&v, c); "
        "p = &v; touch(); USE(v); }", None),
    "a pointer that comes back": (
        _STATIC + "int *same(int *p) { return p; } int f(H **h) { int v = 1; *same(&v) = 8; other(h); USE(v); }", None),
    "one address twice": (
        _STATIC + "void fill(int *a, int *b, int c) { if (c) *a = 2; else *b = 8; } int f(H **h, int c) "
        "{ int v = 1; fill(&v, &v, c); USE(v); }", {"sha1", "sha256"}),
    "two stores of one instruction": (
        _STATIC + "void fill(int *a, int c, int d) { a[0] = c ? 8 : 2; a[1] = d; } int f(H **h, int c, int d) "
        "{ int v[2] = {1, 1}; fill(v, c, d); USE(v[0]); }", {"sha1", "sha256"}),
    "an index of a parameter": (
        _STATIC + "void fill(int *a, int c) { a[c & 1] = 8; } int f(H **h, int c) { int v[2] = {1, 1}; fill(v, c); "
        "USE(v[0]); }", {"md5", "sha256"}),
    "coming back a second time": (
        "#include <setjmp.h>\njmp_buf jb; int f(H **h) { volatile int v = 1; if (setjmp(jb)) USE(v); v = 8; other(h); "
        "return 0; }", {"sha256"}),
    "what a structure's owner stored": (
        "struct S { int x, alg; }; " + _STATIC + "int g(H **h, struct S *s) { if (s->x) s->alg = 8; other(h); "
        "USE(s->alg); } int f(H **h, int c) { struct S s = {c, 1}; return g(h, &s) + 1; }", {"md5", "sha256"}),
    "a data symbol of another library": (
        "extern const char other_name[]; const void *f(void) { return EVP_get_digestbyname(other_name); }", None),
    "a condition that nobody knows": (
        "long f(H *h, int c) { return SSL_CTX_ctrl(h, c, 0x301, 0); }", None),
    "a handle for several": (
        "int gcry_md_enable(H *, int), gcry_md_setkey(H *, void *, long); void f(H **h, int c) { H *m; "
        "gcry_md_open(&m, 2, 2); gcry_md_enable(m, 1); gcry_md_setkey(m, h, 3); }", {"md5", "sha1"}),
    "six strings of one length": (
        "const void *EVP_get_cipherbyname(const char *); const void *f(int c) { const char *n = c == 1 ? \"des-cbc\" : "
        "c == 2 ? \"des-cfb\" : c == 3 ? \"des-ofb\" : c == 4 ? \"rc2-cbc\" : c == 5 ? \"rc2-cfb\" : c == 6 ? "
        "\"rc2-ofb\" : \"rc4\"; other(0); return EVP_get_cipherbyname(n); }", {"des", "rc2", "rc4"}),
    "what others change in the caller's variable": (
        "void change(int *); " + _STATIC + "int g(int *p, H **h) { change(p); USE(*p); } "
        "int f(H **h) { int v = 1; return g(&v, h) + 1; }", None),
    "what others change in the caller's structure": (
        "struct S { int x, alg; }; void change(H **, struct S *); " + _STATIC + "int g(struct S *s, H **h) "
        "{ change(h, s); USE(s->alg); } int f(H **h) { struct S s = {3, 1}; return g(&s, h) + 1; }", None),
    "what an own function changes in the caller's structure": (
        "struct S { int x, alg; }; " + _STATIC + "void set(struct S *s) { s->alg = 8; } "
        + _STATIC + "int g(struct S *s, H **h) { set(s); other(h); USE(s->alg); } "
        "int f(H **h) { struct S s = {3, 1}; return g(&s, h) + 1; }", {"sha256"}),
    "a comparison that limits nothing": (
        "static const int a[] = {1, 2, 3, 8}; int f(H **h, unsigned c) { if (c == 1) touch(); USE(a[c]); }", None),
    "a limit on another way": (
        "static const int a[] = {1, 2, 3, 8}; int f(H **h, unsigned c) { if (c > 1) touch(); USE(a[c]); }", None),
    "a limit that holds no longer": (
        "static const int a[] = {1, 2, 3, 8}; int in(void); int f(H **h) { unsigned c = 0; while (c < 2) { touch();"
        " c = in(); other(h); gcry_md_open(h, a[c], 0); } return 0; }", None),
    "a limit of another number": (
        "static const int a[] = {1, 2, 3, 8}; int in(void); int f(H **h, short *p) { if (*p == 1) touch(); "
        "USE(a[(unsigned)in() % 3]); }", {"md5", "sha1", "ripemd160"}),
    "steps that are larger than they look": (
        "static const struct { const char *s; long x[11]; } t[] = {{\"md5\", {0, 0, 0, 0, 0, 0, 0, 1}}, {\"sha1\"}}; "
        "int in(void); "
        "const void *f(void) { return EVP_get_digestbyname(t[(unsigned)in() % 2].s); }", {"md5", "sha1"}),
    "one of several functions": (
        "int in(void); const void *f(H *h) { static const EVP_MD *(*const t[])(void) = {EVP_md5, EVP_sha1, EVP_sha256};"
        " int c = in(); return (void *)(long)EVP_DigestInit_ex(h, t[c >= 0 && c < 3 ? c : 0](), 0); }",
        {"md5", "sha1", "sha256"}),
    "an address in a text": (
        "char *strrchr(const char *, int); char *strcpy(char *, const char *); const void *f(const "
        "char *s) { char n[8] = "
        "\"sha1\"; strcpy(strrchr(n, '1'), s); return EVP_get_digestbyname(n); }", None),
}  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("case", _OCCURRING)
def test_whatever_may_be_selected_is_named(maker: Maker, tmp_path: Path, case: str, option: str) -> None:
    code, algorithms = _OCCURRING[case]
    code = "void keep(int *), touch(void);\n#define USE(v) return gcry_md_open(h, v, 0) + 1\n" + code
    symbols = ("gcry_md_setkey",) if "setkey" in code else (
        "gcry_md_open", "EVP_get", "EVP_DigestInit", "SSL_CTX_ctrl",
    )  # fmt: skip
    calls = [
        call for call in maker.facts(tmp_path, code, option, "-fno-builtin").calls if call.symbol.startswith(symbols)
    ]
    if {call.outcome.value for call in calls} <= {"value", "set"}:
        assert algorithms is not None, calls
        assert {use.algorithm for call in calls for use in call.uses} >= algorithms, calls


@pytest.mark.parametrize("maker", ["gcc"], indirect=True)
def test_a_table_of_jumps_by_address_is_read_behind_a_mark(maker: Maker, tmp_path: Path) -> None:
    # The first entry leads into the middle of what would be one block.
    (source := tmp_path / "x.s").write_text("""
        .globl main
        .type main, @function
        main: sub $8, %rsp
        call in
        mov %eax, %ecx
        mov $1, %esi
        cmp $1, %ecx
        ja 1f
        notrack jmp *table(,%rcx,8)
        1: mov $8, %esi
        2: lea 8(%rsp), %rdi
        xor %edx, %edx
        call gcry_md_open
        add $8, %rsp
        ret
        .size main, . - main
        .section .rodata
        table: .quad 2b, 1b
    """)
    command: list[str | Path] = ["gcc", "-no-pie", "-Wl,--unresolved-symbols=ignore-all", "-o", tmp_path / "x", source]
    subprocess.run([*command, maker.folder / "libgcrypt.so.20"], check=True)
    (one,) = object_facts((tmp_path / "x").read_bytes(), Place("x", "x", "x", "amd64"), BOOK).calls
    assert (one.outcome.value, {use.algorithm for use in one.uses}) == ("set", {"md5", "sha256"}), one


@pytest.mark.parametrize("maker", ["gcc"], indirect=True)
def test_a_variable_that_is_named_by_its_address_is_what_is_stored_there(maker: Maker, tmp_path: Path) -> None:
    (source := tmp_path / "x.s").write_text("""
        .globl main
        .type main, @function
        main: sub $8, %rsp
        call set
        mov kept(%rip), %esi
        mov %rsp, %rdi
        xor %edx, %edx
        call gcry_md_open
        add $8, %rsp
        ret
        .size main, . - main
        .type set, @function
        set: movl $8, kept
        ret
        .size set, . - set
        .data
        .balign 8
        kept: .long 1
    """)
    command: list[str | Path] = ["gcc", "-no-pie", "-Wl,--unresolved-symbols=ignore-all", "-o", tmp_path / "x", source]
    subprocess.run([*command, maker.folder / "libgcrypt.so.20"], check=True)
    (one,) = object_facts((tmp_path / "x").read_bytes(), Place("x", "x", "x", "amd64"), BOOK).calls
    assert {use.algorithm for use in one.uses} >= {"sha256"}, one


@pytest.mark.parametrize("maker", ["gcc"], indirect=True)
def test_a_function_that_ends_as_a_stub_does_calls(maker: Maker, tmp_path: Path) -> None:
    # At an address of 8, with a filler behind it, as the entries of .plt.got stand.
    code = """__asm__(".p2align 4\\n.globl f\\n.type f, @function\\nf: lea t(%rip), %rdi\\nnop\\n"
        "jmp *EVP_get_digestbyname@GOTPCREL(%rip)\\nxchg %ax, %ax\\n.size f, . - f\\n.section .rodata\\n"
        "t: .string \\"md5\\"\\n.text");"""
    assert told(maker.facts(tmp_path, code, "-O2")) == [("EVP_get_digestbyname", "value", '"md5"', ("md5",))]


def test_a_byte_of_a_parameter_is_another_number(maker: Maker, tmp_path: Path) -> None:
    code = "__attribute__((noipa)) static int g(H **h, int a) { return gcry_md_open(h, (unsigned char)a, 0) + 1; }"
    one = only(maker.facts(tmp_path, code + "int f(H **h) { return g(h, 301); }", "-O1"))
    assert one.uses == ()


def test_code_with_numbers_that_are_not_whole_is_read(maker: Maker, tmp_path: Path) -> None:
    code = "int f(H *h, double a, double b) { other(h); return MD5_Init(h) + (int)(a * b); }"
    assert told(maker.facts(tmp_path, code, "-O2")) == [("MD5_Init", "value", None, ("md5",))]


@pytest.mark.parametrize("option", OPTIONS)
def test_a_case_may_fall_through_to_another(maker: Maker, tmp_path: Path, option: str) -> None:
    rest = " ".join(f"case {number}: other(h + {number}); break;" for number in range(2, 9))
    code = f"""int f(H **h, int c) {{
        int v = 8;
        switch (c) {{ case 0: v = 1; case 1: other(h); return gcry_md_open(h, v, 0) + 1; {rest} }}
        return 0; }}"""
    one = only(maker.facts(tmp_path, code, option))
    if one.outcome.value != "unknown":  # at -Os one number is computed from the other
        assert (one.outcome.value, {use.algorithm for use in one.uses}) == ("set", {"md5", "sha256"}), one
    assert option == "-Os" or one.outcome.value == "set"


NOIPA = "__attribute__((noipa)) "


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # more arguments than registers
        ("int f(H **h, int a, int b, int c, int d, int e, int g, int i, int j, int k, int l) "
         "{ return gcry_md_open(h, l, 0) + 1; }", {("forwarded", "argument 10 of f", ())}),
        (NOIPA + "static int g(int a, int b, int c, int d, int e, int i, int j, int k, int l, H **h) "
         "{ return gcry_md_open(h, l, 0) + 1; } int f(H **h) { return g(1, 2, 3, 4, 5, 6, 7, 8, 2, h) + 1; }",
         {("value", None, ("sha1",))}),
        # what somebody filled in, who was given the whole
        ("struct s { long name; int id; }; void fill(struct s *); "
         "int f(H **h) { struct s s; fill(&s); return gcry_md_open(h, s.id, 0) + 1; }",
         {("runtime", "field 0x8 of what is filled in by fill", ())}),
        ("struct s { long name; int id; }; " + NOIPA + "static void fill(struct s *s) { s->name = 3; s->id = 1; } "
         "int f(H **h) { struct s s; fill(&s); return gcry_md_open(h, s.id, 0) + 1; }",
         {("value", None, ("md5",))}),
        # entries of a list
        ("struct s { struct s *next; int id; }; void f(H **h, struct s *s) "
         "{ for (; s; s = s->next) gcry_md_open(h, s->id, 0); }",
         {("forwarded", "field 0x8 of argument 1 of f", ()),
          ("forwarded", "field 0x8 of field 0x0 of argument 1 of f", ()),
          ("forwarded", "field 0x8 of field 0x0 and so on of argument 1 of f", ())}),
        # a text that begins somewhere within another one
        ("struct s { char *text; int start; }; const void *f(struct s *s) "
         "{ return EVP_get_digestbyname(s->text + s->start); }",
         {("forwarded", "somewhere in field 0x0 of argument 0 of f", ())}),
        # functions whose address others keep
        ("struct s { long version; const char *(*option)(int); }; const void *f(struct s *s) "
         "{ return EVP_get_digestbyname(s->option(1)); }",
         {("runtime", "result of the function at field 0x8 of argument 0 of f", ())}),
        ("extern struct { long version; const char *(*option)(int); } host; const void *f(void) "
         "{ return EVP_get_digestbyname(host.option(1)); }",
         {("runtime", "result of the function at field 0x8 of host", ())}),
        # room on the stack of which nobody knows how much
        ("void use(void *); int f(H **h, int n) { int id = 1; use(__builtin_alloca(n)); "
         "if (n == 5) { other(h); id = 2; } use(__builtin_alloca(n)); return gcry_md_open(h, id, 0) + 1; }",
         {("set", None, ("md5", "sha1"))}),
    ],
)  # fmt: skip
def test_what_is_passed_in_memory_is_followed(
    maker: Maker, tmp_path: Path, option: str, code: str, expected: set[tuple[str, str | None, tuple[str, ...]]]
) -> None:
    one = only(maker.facts(tmp_path, code, option))
    found = one.outcome.value, one.reason, tuple(sorted(use.algorithm for use in one.uses))
    expected = {(outcome, placed(maker, reason), algorithms) for outcome, reason, algorithms in expected}
    if maker.target.architecture == "i386" and "alloca" in code:
        expected = {("unknown", "condition", ())}  # nobody knows where the arguments are
    if maker.target.architecture in NARROW and "s->text" in code:
        expected = {("unknown", "computed", ())}  # the distance has as many bytes as the pointer
    assert found in expected, one


@pytest.mark.parametrize("option", OPTIONS)
def test_a_function_that_no_table_names_is_read(maker: Maker, tmp_path: Path, option: str) -> None:
    code = (
        NOIPA + "static int g(H **h) { other(h); return gcry_md_open(h, 1, 0) + 1; } int f(H **h) { return g(h) + 1; }"
    )
    found = maker.facts(tmp_path, code, option, "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-s")
    assert told(found) == [("gcry_md_open", "value", "GCRY_MD_MD5", ("md5",))]


STRINGS = """
#include <string>
struct Pointer { ~Pointer(); void *to; };
namespace Botan { struct HashFunction { static Pointer create(const std::string &, const std::string &); }; }
"""
QT = """
struct QString {
    struct Data { int references, size; unsigned room; long distance; }; Data *d;
    QString(const char *text) : d(fromAscii_helper(text, 3)) {}
    QString(Data *data) : d(data) {}
    ~QString() { if (d->references != -1) free(d); }
    static void free(Data *);
    static Data *fromAscii_helper(const char *, int);
};
static const struct { QString::Data data; char16_t text[4]; } md4 = {{-1, 3, 0, 24}, u"md4"};
namespace QCA { struct Hash { Hash(const QString &, const QString &); long room[4]; }; }
"""


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (STRINGS + 'Pointer f() { return Botan::HashFunction::create("MD5", ""); }', ("value", ("md5",))),
        (STRINGS + 'Pointer f() { return Botan::HashFunction::create("SHA-1", ""); }', ("value", ("sha1",))),
        (STRINGS + "Pointer f(const std::string &name) { return Botan::HashFunction::create(name, name); }",
         ("forwarded", ())),
        (STRINGS + 'Pointer f(const char *name) { return Botan::HashFunction::create(name, ""); }', ("forwarded", ())),
        (STRINGS + 'Pointer f(std::string name) { return Botan::HashFunction::create(name + "5", name); }', None),
        (QT + 'void f() { QCA::Hash("md5", "xyz"); }', ("value", ("md5",))),
        (QT + "void f(const char *t) { QCA::Hash(t, t); }", ("forwarded", ())),
        (QT + "void f() { QString name(const_cast<QString::Data *>(&md4.data)); QCA::Hash(name, name); }",
         ("value", ("md4",))),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "maker", ["gcc", pytest.param("aarch64-linux-gnu-gcc", id="arm64", marks=pytest.mark.full)], indirect=True
)
def test_a_string_of_cxx_or_qt_is_read(
    maker: Maker, tmp_path: Path, option: str, code: str, expected: tuple[str, tuple[str, ...]] | None
) -> None:
    compiler = maker.target.compiler.removesuffix("gcc") + "g++"
    found = only(maker.facts(tmp_path, code, option, compiler=compiler))
    outcome = found.outcome.value, tuple(use.algorithm for use in found.uses)
    # Without optimizing, a constructor is called for the literal; with more of it, that of a string is inlined, where
    # the processor of arm64 loads the characters of the literal piece by piece.
    pieces = (option, maker.target.architecture) == ("-O3", "arm64")
    shape = (option, "&md4" in code, "char *name" in code)
    unseen = pieces or expected is None or shape in (("-O0", True, False), ("-O3", False, True))
    assert outcome == expected or (unseen and outcome[0] in ("unknown", "runtime")), found


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # the condition may hold or not
        ("long f(H *h, int c) { int k = 33; if (c) { other(h); k = 123; } "
         "other(h); n = 1; other(h); return SSL_CTX_ctrl(h, k, 0x301, 0) + 1; }",
         ("set", "or nothing, by argument 1", ("tls1.0",))),
        # whatever it is, what is selected is no algorithm
        ("long f(H *h) { return SSL_CTX_ctrl(h, atoi(getenv(\"k\")), 5, 0) + 1; }",
         ("value", "not in the catalogue", ())),
        # it comes from elsewhere
        ("long f(H *h) { return SSL_CTX_ctrl(h, atoi(getenv(\"k\")), 0x301, 0) + 1; }",
         ("runtime", "if argument 1 says so: result of atoi", ())),
        # what it is nobody knows
        ("long f(H *h) { return SSL_CTX_ctrl(h, *(int *)((long)h * n), 0x301, 0) + 1; }",
         ("unknown", "condition", ())),
    ],
)  # fmt: skip
def test_a_condition_may_hold(
    maker: Maker, tmp_path: Path, option: str, code: str, expected: tuple[str, str, tuple[str, ...]]
) -> None:
    one = only(maker.facts(tmp_path, code, option))
    assert (one.outcome.value, one.reason, tuple(use.algorithm for use in one.uses)) == expected, one


_PUT = "unsigned long strlen(const char *); void *memcpy(void *, const char *, long), *memset(void *, int, long); "


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # the end is stored wherever the text ends
        ("const void *f(const char *s) { char b[32]; unsigned long n = strlen(s); if (n > 30) return 0; "
         "memcpy(b, s, n); b[n] = 0; return EVP_get_digestbyname(b); }", ("runtime", "filled in by memcpy")),
        # nobody else puts anything there
        ("const void *f(const char *s) { char b[32]; unsigned long n = strlen(s); if (n > 30) return 0; "
         "for (int i = 0; i < n; i++) b[i] = s[i] ^ 1; b[n] = 0; return EVP_get_digestbyname(b); }",
         ("unknown", "stack-address")),
        # zeroes are no text
        ("const void *f(const char *s) { char b[32]; unsigned long n = strlen(s); if (n > 30) return 0; "
         "memset(b, 0, 32); for (int i = 0; i < n; i++) b[i] = s[i] ^ 1; return EVP_get_digestbyname(b); }",
         ("unknown", "stack-address")),
    ],
)  # fmt: skip
def test_a_text_is_told_by_who_put_it_on_the_stack(
    maker: Maker, tmp_path: Path, option: str, code: str, expected: tuple[str, str]
) -> None:
    calls = maker.facts(tmp_path, _PUT + code, option, "-fno-builtin").calls
    assert {(one.outcome.value, one.reason) for one in calls} == {expected}, calls


_BY_KIND = (
    "__attribute__((noipa)) static void get(void *to, int kind) "
    "{ if (WHICH == 4) *(const char **)to = getenv(\"A\"); else *(long *)to = n / 7; } "
)  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # the branch is decided by what is passed
        (_BY_KIND.replace("WHICH", "kind") + "int k(long *d) { get(d, 3); return 1; } "
         "const void *f(void) { const char *s; get(&s, 4); return EVP_get_digestbyname(s); }",
         {("runtime", None)}),
        (_BY_KIND.replace("WHICH", "kind") + "int k(long *d) { get(d, 3); return 1; } "
         "const void *f(int c) { const char *s; get(&s, c); return EVP_get_digestbyname(s); }",
         {("unknown", None)}),
        # … or by something else
        (_BY_KIND.replace("WHICH", "n") + "int k(long *d) { get(d, 3); return 1; } "
         "const void *f(void) { const char *s; get(&s, 4); return EVP_get_digestbyname(s); }",
         {("unknown", None)}),
        ("__attribute__((noipa)) static int pick(int c) { if (c > 5) { other(h); return 8; } "
         "other(h); other(h); n = 1; return 1; } int k(void) { return pick(5); } "
         "int f(H **h) { return gcry_md_open(h, pick(6), 0) + 1; }",
         {("value", "GCRY_MD_SHA256"), ("set", "GCRY_MD_MD5, GCRY_MD_SHA256")}),
    ],
)  # fmt: skip
def test_what_is_passed_decides_what_a_function_does(
    maker: Maker, tmp_path: Path, option: str, code: str, expected: set[tuple[str, str | None]]
) -> None:
    one = only(maker.facts(tmp_path, code, option, "-fno-builtin"))
    if option == "-Os" and "get(&s" in code:  # for size, one instruction stores what either branch brings
        shared = {"amd64": None, "ppc64el": None, "armhf": "NULL"}
        architecture = maker.target.architecture
        expected = {("unknown", shared[architecture])} if architecture in shared else expected
    assert (one.outcome.value, one.value) in expected, one
    assert one.outcome.value != "runtime" or one.reason == "result of getenv", one


@pytest.mark.parametrize(
    ("maker", "between", "outcome"),
    [
        ("gcc", "", "set"),
        ("gcc", "add %eax, %eax", "runtime"),
        ("gcc", "repe cmpsb", "unknown"),
        ("gcc", "lea 1(%rax), %rax", "set"),
        ("aarch64-linux-gnu-gcc", "", "set"),
        ("aarch64-linux-gnu-gcc", "adds w9, w9, 1", "runtime"),
        ("aarch64-linux-gnu-gcc", "tst w9, 1", "runtime"),
        ("aarch64-linux-gnu-gcc", "add w9, w9, 1", "set"),
    ],
    indirect=["maker"],
)
def test_a_branch_goes_by_the_last_that_set_the_flags(maker: Maker, tmp_path: Path, between: str, outcome: str) -> None:
    on_amd64 = (
        f"cmp $1, %esi\n{between}\nja 1f\nlea t(%rip), %rdx\nmov (%rdx,%rsi,4), %esi\nxor %edx, %edx\n"
        "call gcry_md_open@plt\n1: ret"
    )
    on_arm64 = (
        f"stp x29, x30, [sp, -16]!\ncmp w1, 1\n{between}\nb.hi 1f\nadrp x2, t\nadd x2, x2, :lo12:t\n"
        "ldr w1, [x2, w1, uxtw 2]\nmov w2, 0\nbl gcry_md_open\n1: ldp x29, x30, [sp], 16\nret"
    )
    lines = (on_amd64 if maker.target.architecture == "amd64" else on_arm64).replace("\n", "\\n")
    code = (
        "static const int t[] __attribute__((used)) = {1, 2, 3, 8};"
        f'asm(".text\\n.globl f\\n.type f, %function\\nf: .cfi_startproc\\n{lines}\\n.cfi_endproc\\n.size f, .-f");'
    )  # fmt: skip
    one = only(maker.facts(tmp_path, code))
    assert one.outcome.value == outcome, one
    assert outcome != "set" or {use.algorithm for use in one.uses} == {"md5", "sha1"}, one
    assert outcome != "runtime" or one.reason == "indexed by argument 1 of f", one


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("int f(H **h, int a) { return gcry_md_open(h, a & 0x1f0, 0) + 1; }",
         ("runtime", "computed of argument 1 of f")),
        ("int f(H **h, unsigned a) { return gcry_md_open(h, a >> 3, 0) + 1; }",
         ("runtime", "computed of argument 1 of f")),
        ("int f(H **h) { return gcry_md_open(h, atoi(getenv(\"A\")) * 5 + atoi(getenv(\"B\")), 0) + 1; }",
         ("runtime", "computed of result of atoi")),
        # what a number is that is computed of numbers is not known at run time only
        ("__attribute__((noipa)) static int g(H **h, unsigned a) { return gcry_md_open(h, a >> 3, 0) + 1; } "
         "int f(H **h) { return g(h, 17) + 1; }", ("unknown", "computed")),
        # where a string begins that somebody passed the address of
        ("const void *f(const char *s) { return EVP_get_digestbyname((const char *)((long)s & -8)); }",
         ("unknown", "computed")),
    ],
)  # fmt: skip
def test_a_number_that_is_computed_is_told_by_what_it_is_computed_of(
    maker: Maker, tmp_path: Path, option: str, code: str, expected: tuple[str, str]
) -> None:
    calls = [one for one in maker.facts(tmp_path, code, option).calls if not one.symbol.startswith("get")]
    assert [(one.outcome.value, one.reason) for one in calls] == [expected], calls


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("bound", "outcome"), [("i < 3", "set"), ("i < n", "unknown")]
)  # fmt: skip
def test_the_entry_behind_a_loop_is_one_that_the_loop_has_seen(
    maker: Maker, tmp_path: Path, option: str, bound: str, outcome: str
) -> None:
    code = (
        "static const struct { const char *name; int id; } t[] = {{\"a\", 1}, {\"b\", 2}, {\"c\", 3}, {\"d\", 8}};"
        "int strcasecmp(const char *, const char *); int f(H **h, const char *s) { int i;"
        f"for (i = 0; {bound}; i++) if (!strcasecmp(t[i].name, s)) return gcry_md_open(h, t[i].id, 0) + 1;"
        "return 0; }"
    )  # fmt: skip
    one = only(maker.facts(tmp_path, code, option))
    assert one.outcome.value in (outcome, "unknown"), one
    if one.outcome.value == "set":
        assert {use.algorithm for use in one.uses} == {"md5", "sha1", "ripemd160"}, one


@pytest.mark.parametrize("option", OPTIONS)
def test_an_address_that_the_function_keeps_for_itself_is_nobodys_yet(
    maker: Maker, tmp_path: Path, option: str
) -> None:
    code = (
        "__attribute__((noipa)) static void get(const char **to) { *to = getenv(\"A\"); } "
        "const void *f(void) { const char *s, **volatile p = &s; get(p); return EVP_get_digestbyname(s); }"
    )  # fmt: skip
    one = only(maker.facts(tmp_path, code, option))
    assert (one.outcome.value, one.reason) == ("runtime", "result of getenv"), one


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("int f(H **h) { USE(alg); } void g(void) { other(&alg); }",
         r"runtime variable 0x\w+, whose address g passes on"),
        ("int f(H **h) { USE(alg); } __attribute__((noipa)) static void parse(int *p) { *p = atoi(getenv(\"A\")); } "
         "void g(void) { parse(&alg); }", r"runtime variable 0x\w+, whose address g passes on"),
        ("int f(H **h) { USE(alg); } void *all[] = {&alg}; void g(void) { alg = atoi(getenv(\"A\")); }",
         r"runtime variable 0x\w+, stored by g"),
        # nobody here is seen to store there
        ("int f(H **h) { USE(alg); } void *all[] = {&alg};", "unknown variable"),
        ("int printf(const char *, ...); int f(H **h) { USE(alg); } void *all[] = {&alg}; "
         "void g(void) { printf(\"%p\", (void *)&alg); }", "unknown variable"),
        ("void *memset(void *, int, unsigned long); int f(H **h) { USE(alg); } void *all[] = {&alg}; "
         "void g(void) { memset(&alg, 0, sizeof alg); }", "unknown variable"),
    ],
)  # fmt: skip
def test_a_variable_is_told_by_who_has_its_address(
    maker: Maker, tmp_path: Path, option: str, code: str, expected: str
) -> None:
    code = "static int alg = 1;\n#define USE(v) return gcry_md_open(h, v, 0) + 1\n" + code
    one = only(maker.facts(tmp_path, code, option, "-fno-builtin"))
    if maker.target.architecture == "armhf":
        expected = "unknown variable"  # every access goes by way of the address
    assert re.fullmatch(expected, f"{one.outcome.value} {one.reason}"), one


@pytest.mark.parametrize("option", OPTIONS)
def test_the_place_of_a_result_is_counted_wherever_it_is_passed(maker: Maker, tmp_path: Path, option: str) -> None:
    code = (
        "typedef struct { const char *key; unsigned type; void *data; unsigned long size, back; } P;"
        "P OSSL_PARAM_construct_utf8_string(const char *, char *, unsigned long);"
        "void f(void) { P p = OSSL_PARAM_construct_utf8_string(\"digest\", \"MD5\", 0); other(&p); }"
    )  # fmt: skip
    one = only(maker.facts(tmp_path, code, option))
    assert (one.outcome.value, one.value) == ("value", '"MD5"'), one


@pytest.mark.parametrize("option", OPTIONS)
def test_what_is_returned_in_memory_is_told_by_who_returned_it(maker: Maker, tmp_path: Path, option: str) -> None:
    code = (
        "struct S { long size; const char *name; long more[3]; }; struct S _Z4namev(void);"
        "const void *f(void) { struct S s = _Z4namev(); return EVP_get_digestbyname(s.name); }"
    )  # fmt: skip
    one = only(maker.facts(tmp_path, code, option))
    expected = placed(maker, "field 0x8 of what is filled in by _Z4namev")
    if maker.target.architecture == "i386":
        expected = one.reason if (one.reason or "").endswith("filled in by _Z4namev") else expected
    assert (one.outcome.value, one.reason) == ("runtime", expected), one


@pytest.mark.parametrize("option", OPTIONS)
def test_a_pointer_that_is_moved_on_from_where_it_was_ends(maker: Maker, tmp_path: Path, option: str) -> None:
    code = (
        "static int *p, *q; void g(int *v) { p = v; } void k(void) { p = q + 1; other(h); q = p + 1; p++; }"
        "int f(H **h) { return gcry_md_open(h, *p, 0) + 1; }"
    )  # fmt: skip
    one = only(maker.facts(tmp_path, code, option))
    told = re.fullmatch("field 0x0 of variable 0x[0-9a-f]+, stored by g; or unknown: .*", one.reason or "")
    assert one.outcome.value == ("runtime" if told else "unknown"), one
    assert told or maker.target.architecture not in ("amd64", "arm64"), one


@pytest.mark.parametrize("option", OPTIONS)
def test_an_entry_may_be_the_address_of_something_of_another_library(maker: Maker, tmp_path: Path, option: str) -> None:
    code = (
        "extern const struct md nettle_sha1; struct S { long a[3]; const struct md *x; };"
        "static const struct S t[] = {{{1}, &nettle_md5}, {{2}, &nettle_sha1}, {{3}, &nettle_md5}, {{4}, 0}};"
        "void f(void *p, unsigned i) { if (i < 2) nettle_hmac_set_key(p, p, p, t[i].x, 0, 0); }"
    )  # fmt: skip
    one = only(maker.facts(tmp_path, code, option))
    found = one.outcome.value, {use.algorithm for use in one.uses}
    assert found == ("set", {"md5", "sha1"}) or found[0] == "unknown", one


@pytest.mark.parametrize("option", OPTIONS)
def test_an_entry_of_another_library_is_not_null(maker: Maker, tmp_path: Path, option: str) -> None:
    code = (
        "extern const struct md nettle_sha1; static const struct md *const t[] = {&nettle_md5, 0, &nettle_sha1};"
        "void f(void *p, unsigned i) { if (i > 2) return; const struct md *x = t[i]; "
        "if (x) nettle_hmac_set_key(p, p, p, x, 0, 0); }"
    )  # fmt: skip
    one = only(maker.facts(tmp_path, code, option))
    assert {use.algorithm for use in one.uses} == {"md5", "sha1"} or one.outcome.value not in ("value", "set"), one


_COMPARED = (
    "int in(void); void touch(void), change(int *); " + _STATIC + "int pick(int c) "
    "{ other(h); if (c > in()) { touch(); return 1; } if (c < in()) { touch(); return 8; } return 0; } "
    "\n#define USE(v) return gcry_md_open(h, v, 0) + 1\n"
)  # fmt: skip
_MD5_OR_SHA256 = {"GCRY_MD_MD5", "GCRY_MD_SHA256"}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    "code",
    [
        "int f(H **h, int c) { int v = pick(c); if (!v) return 0; USE(v); }",
        "int f(H **h, int c) { int v = pick(c); if (v) { touch(); USE(v); } return 0; }",
        "int f(H **h, int c) { int v = pick(c); if (!v) v = 8; USE(v); }",
        "int f(H **h) { int s = 0; for (int i = 0; i < 9; i++) { int v = pick(in()); if (!v) continue; touch(); "
        "s += gcry_md_open(h, v, 0); } return s; }",
        "int f(H **h, int c) { int v = pick(c); while (!v) v = pick(in()); USE(v); }",
        _STATIC + "int g(H **h, int v) { if (!v) v = 8; USE(v); } "
        "int f(H **h) { return g(h, 0) + g(h, 1) + g(h, 8); }",
    ],
)  # fmt: skip
def test_what_a_comparison_turns_away_is_not_selected(maker: Maker, tmp_path: Path, option: str, code: str) -> None:
    one = only(maker.facts(tmp_path, _COMPARED + code, option))
    found = set((one.value or "").split(", "))
    if maker.target.architecture in ("amd64", "arm64", "ppc64el"):
        assert (one.outcome.value, found) == ("set", _MD5_OR_SHA256), one
    else:  # there, some comparisons are made of other instructions that are not read
        assert one.outcome.value not in ("value", "set") or found >= _MD5_OR_SHA256, one


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    "code",
    [
        "int f(H **h, int c) { int v = pick(c); if (!v) return 0; v = pick(c + 1); USE(v); }",
        "int f(H **h, int c, int d) { int v = pick(c), w = pick(d); if (!v) return 0; touch(); USE(w); }",
        "int f(H **h, int c) { int v = pick(c); if (!v) touch(); USE(v); }",
        "int f(H **h, int c) { int v = pick(c); if (!v) { touch(); if (in()) return 0; } USE(v); }",
        "int f(H **h) { int w = 1, s = 0; for (int i = 0; i < 9; i++) { int v = w; w = pick(in()); if (v) "
        "s += gcry_md_open(h, w, 0); } return s; }",
        "int f(H **h) { int v = pick(in()), s = 0; for (int i = 0; i < 9; i++) { if (v) { v = pick(in()); "
        "s += gcry_md_open(h, v, 0); } else v = 8; } return s; }",
        "int f(H **h, int c) { long long v = (long long)in() << 32 >> 16 << 16 | (unsigned)pick(c); if (!v) return 0; "
        "USE((int)v); }",
        "int f(H **h, int c) { int v = pick(c); if (!v) return 0; change(&v); USE(v); }",
        _STATIC + "int g(H **h, int v, int w) { if (!w) w = 8; touch(); return gcry_md_open(h, v, 0) + w; } "
        "int f(H **h) { return g(h, 0, 1) + g(h, 1, 0) + g(h, 8, 8); }",
    ],
)  # fmt: skip
def test_what_another_comparison_turns_away_may_come(maker: Maker, tmp_path: Path, option: str, code: str) -> None:
    calls = maker.facts(tmp_path, _COMPARED + code, option).calls
    assert calls, "the call was not found"
    assert any(
        one.outcome.value not in ("value", "set") or "GCRY_MD_NONE" in (one.value or "").split(", ") for one in calls
    ), calls


@pytest.mark.parametrize("option", OPTIONS)
def test_an_entry_that_a_comparison_turns_away_is_not_selected(maker: Maker, tmp_path: Path, option: str) -> None:
    code = (
        "int f(H **h, unsigned c) { static const int all[] = {1, -1, 8, -1}; if (c >= 4) return 0; int v = all[c]; "
        "if (v == -1) return 0; return gcry_md_open(h, v, 0) + 1; }"
    )  # fmt: skip
    one = only(maker.facts(tmp_path, code, option))
    found = (one.outcome.value, set((one.value or "").split(", ")))
    if maker.target.architecture in ("amd64", "arm64", "i386") and option != "-O0":
        assert found == ("set", _MD5_OR_SHA256), one
    else:  # the entry is read again, or compared by 64 bits
        assert one.outcome.value not in ("value", "set") or found[1] >= _MD5_OR_SHA256, one


_NARROW_TABLE = "static const int all[] = {1, 2, 8, 3, 9, 10}; "


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (_NARROW_TABLE + "int f(H **h, unsigned char c) { c--; if (c >= 3) return 0; "
         "return gcry_md_open(h, all[c], 0) + 1; }", ("GCRY_MD_MD5", "GCRY_MD_SHA1", "GCRY_MD_SHA256")),
        (_NARROW_TABLE + "int f(H **h, unsigned short c) { c -= 7; if (c > 1) return 0; "
         "return gcry_md_open(h, all[c], 0) + 1; }", ("GCRY_MD_MD5", "GCRY_MD_SHA1")),
        # Either comparison leads there, and the larger number counts.
        (_NARROW_TABLE + "int f(H **h, unsigned char c) { c--; if (n) { other(h); if (c >= 2) return 0; } "
         "else if (c >= 3) return 1; return gcry_md_open(h, all[c], 0) + 1; }",
         ("GCRY_MD_MD5", "GCRY_MD_SHA1", "GCRY_MD_SHA256")),
        ("__attribute__((noipa)) static int g(H **h, unsigned char a) { return gcry_md_open(h, a, 0) + 1; } "
         "int f(H **h) { return g(h, 1) + g(h, 8); }", ("GCRY_MD_MD5", "GCRY_MD_SHA256")),
        ("__attribute__((noipa)) static int g(H **h, int a) { return gcry_md_open(h, (unsigned char)(a + 2), 0) + 1; } "
         "int f(H **h) { return g(h, -1) + g(h, 256 + 6); }", ("GCRY_MD_MD5", "GCRY_MD_SHA256")),
    ],
)  # fmt: skip
def test_the_lowest_byte_of_what_is_computed_is_the_same_number(
    maker: Maker, tmp_path: Path, option: str, code: str, expected: tuple[str, ...]
) -> None:
    one = only(maker.facts(tmp_path, code, option))
    found = set((one.value or "").split(", "))
    if maker.target.architecture in ("amd64", "arm64") and option != "-O0":
        assert (one.outcome.value, found) == ("set", set(expected)), one
    else:
        assert one.outcome.value not in ("value", "set") or found >= set(expected), one


_CONFIGURED = (
    "struct config { long a; const char *name; int alg; }; "
    '__attribute__((noipa)) static void init(struct config *c) { c->a = 5; c->name = "x"; c->alg = 2; } '
)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    "code",
    [
        "int f(H **h) { struct config c; init(&c); if (n) c.alg = 1; return gcry_md_open(h, c.alg, 0) + 1; }",
        "int f(H **h) { struct config c; if (n) { init(&c); other(&n); } else c.alg = 1; "
        "return gcry_md_open(h, c.alg, 0) + 1; }",
        "int f(H **h) { struct config c; init(&c); for (int i = 0; i < n; i++) { other(h); c.alg = 1; } "
        "return gcry_md_open(h, c.alg, 0) + 1; }",
    ],
)
def test_what_a_called_function_stored_stays_on_the_way_that_stores_nothing(
    maker: Maker, tmp_path: Path, option: str, code: str
) -> None:
    calls = maker.facts(tmp_path, _CONFIGURED + code, option).calls  # gcc may make one for each way
    known = {one.outcome.value for one in calls} <= {"value", "set"}
    found = {name for one in calls for name in (one.value or "").split(", ")}
    # On arm64 `init` leaves the pointer in x0, through which `f` might store what nobody follows: -O0 reads x0 again.
    assert known or maker.target.architecture not in (("amd64",) if option == "-O0" else ("amd64", "arm64")), calls
    assert found == {"GCRY_MD_MD5", "GCRY_MD_SHA1"} if known else found <= {"GCRY_MD_MD5", "GCRY_MD_SHA1", ""}, calls


_POINTED = (
    "struct config { long a, b; int alg; }; "
    "__attribute__((noipa)) static void point(struct config **p) { (*p)->alg = 2; } "
)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    "code",
    [
        "int f(H **h) { struct config c = {1, 1, 1}, *p = &c; point(&p); return gcry_md_open(h, c.alg, 0) + 1; }",
        "int f(H **h) { struct config c, *p = &c; if (n) c.alg = 1; else point(&p); "
        "return gcry_md_open(h, c.alg, 0) + 1; }",
        "int f(H **h) { struct config c; other(&c); c.alg = 1; other(0); return gcry_md_open(h, c.alg, 0) + 1; }",
        "int f(H **h) { struct config c; struct config *p = &c; other(&p); c.alg = 1; p->alg = 2; "
        "return gcry_md_open(h, c.alg, 0) + 1; }",
    ],
)
def test_others_reach_all_of_a_structure_whose_address_they_have(
    maker: Maker, tmp_path: Path, option: str, code: str
) -> None:
    calls = maker.facts(tmp_path, _POINTED + code, option).calls
    if len(calls) == 1:  # gcc may make one for each way, of which one is known
        assert calls[0].outcome.value not in ("value", "set"), calls
    else:
        assert any(one.outcome.value not in ("value", "set") for one in calls), calls


_INNER = (
    "struct config { long a, b; struct { int q, alg; } in[3]; }; "
    "__attribute__((noipa)) static void set(int *to) { if (n) *to = 8; } "
    "__attribute__((noipa)) static void init(struct config *c) { c->in[0].alg = 1; c->in[1].alg = 2; } "
)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    "code",
    [
        "int f(H **h) { struct config c; init(&c); set(&c.in[1].alg); return gcry_md_open(h, c.in[1].alg, 0) + 1; }",
        "int f(H **h) { struct config c; init(&c); if (n > 5) set(&c.in[1].alg); "
        "return gcry_md_open(h, c.in[1].alg, 0) + 1; }",
        "int f(H **h) { struct config c; init(&c); if (n > 5) c.in[1].alg = 8; set(&c.in[0].alg); "
        "return gcry_md_open(h, c.in[1].alg, 0) + 1; }",
    ],
)
def test_who_fills_in_a_structure_is_told_beside_who_changes_a_part_of_it(
    maker: Maker, tmp_path: Path, option: str, code: str
) -> None:
    calls = maker.facts(tmp_path, _INNER + code, option).calls
    found = {name for one in calls for name in (one.value or "").split(", ")}
    if all(one.outcome.value in ("value", "set") for one in calls):
        assert found == {"GCRY_MD_SHA1", "GCRY_MD_SHA256"}, calls
    if maker.target.architecture == "amd64":
        assert all(one.outcome.value in ("value", "set") for one in calls), calls


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("cleared", ["long", "vector"])
def test_a_part_of_what_was_stored_as_a_whole_is_not_only_what_a_call_filled_in(
    maker: Maker, tmp_path: Path, option: str, cleared: str
) -> None:
    size = {"long": 8, "vector": 16}[cleared]
    code = f"""typedef int wide __attribute__((vector_size({size}), may_alias));
    __attribute__((noipa)) static void set(int *to) {{ if (n) to[1] = 8; }}
    int f(H **h) {{ int c[8] __attribute__((aligned(16))); *(wide *)c = (wide){{1, 2}}; set(c);
      return gcry_md_open(h, c[1], 0) + 1; }}"""
    one = only(maker.facts(tmp_path, code, option))
    assert one.outcome.value not in ("value", "set") or one.value == "GCRY_MD_SHA1, GCRY_MD_SHA256", one


@pytest.mark.parametrize("option", [*OPTIONS, "-Oz"])
@pytest.mark.parametrize("stored", ["0", "-1"])
def test_what_is_stored_in_few_bytes_is_known(maker: Maker, tmp_path: Path, option: str, stored: str) -> None:
    code = f"""__attribute__((noipa)) static void set(int *x) {{ *x = {stored}; }}
    int f(H **h) {{ int x; set(&x); return gcry_md_open(h, x + 3, 0) + 1; }}"""
    one = only(maker.facts(tmp_path, code, option))
    assert (one.outcome.value, one.value) == ("value", {"0": "GCRY_MD_RMD160", "-1": "GCRY_MD_SHA1"}[stored]), one


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    "code",
    [
        _NARROW_TABLE + "int f(H **h, unsigned c) { if ((unsigned char)c >= 3) return 0; "
        "return gcry_md_open(h, all[c & 0xffff], 0) + 1; }",
        _NARROW_TABLE + "int f(H **h, unsigned char c, unsigned char d) { c--; d--; if (c >= 3) return 0; "
        "return gcry_md_open(h, all[d], 0) + 1; }",
        _NARROW_TABLE + "int f(H **h, unsigned char c) { c--; if (n) { other(h); if (c >= 2) return 0; } "
        "return gcry_md_open(h, all[c], 0) + 1; }",
        _NARROW_TABLE + "int f(H **h, unsigned char c) { c--; if (n) { other(h); if (c >= 2) return 0; } "
        "else if (n == 9 || c >= 3) other(h); return gcry_md_open(h, all[c], 0) + 1; }",
        _NARROW_TABLE + "int f(H **h, unsigned char c) { if ((signed char)c > 2) return 0; "
        "return gcry_md_open(h, all[c], 0) + 1; }",
        _NARROW_TABLE + "int f(H **h, unsigned char c) { c--; if (c >= 3) return 0; c += 200; "
        "return gcry_md_open(h, all[c], 0) + 1; }",
    ],
)  # fmt: skip
def test_a_comparison_of_another_byte_limits_no_table(maker: Maker, tmp_path: Path, option: str, code: str) -> None:
    assert {call.outcome.value for call in maker.facts(tmp_path, code, option).calls} <= {"unknown", "runtime"}


def test_a_list_of_suites_may_be_long(maker: Maker, tmp_path: Path) -> None:
    suites = ":".join(f"ECDHE-ECDSA-AES{number}-GCM" for number in range(60)) + ":RC4-MD5"
    one = only(maker.facts(tmp_path, f'int f(H *h) {{ return SSL_CTX_set_cipher_list(h, "{suites}") + 1; }}', "-O2"))
    assert (one.outcome.value, {use.algorithm for use in one.uses}) == ("value", {"rc4", "md5"}), one


@pytest.mark.parametrize("option", OPTIONS)
def test_a_structure_that_is_passed_by_value_is_the_callers(maker: Maker, tmp_path: Path, option: str) -> None:
    code = "typedef struct { char *of[7]; } S; int f(H *h, S s) { return SSL_CTX_set_cipher_list(h, s.of[6]) + 1; }"
    one = only(maker.facts(tmp_path, code, option))
    expected = {"amd64": "argument 12 of f", "arm64": "field 0x30 of argument 1 of f"}.get(maker.target.architecture)
    if expected:
        assert (one.outcome.value, one.reason) == ("forwarded", expected), one
    assert one.outcome.value in ("forwarded", "unknown"), one


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        ('int v = c ? atoi(getenv("A")) : all[atoi("x")]; other(h); return gcry_md_open(h, v, 0) + 1;', "runtime",
         "result of atoi; or unknown: indexed"),
        ('int v = n ? c : all[atoi("x")]; other(h); return gcry_md_open(h, v, 0) + 1;', "forwarded",
         "argument 1 of f; or unknown: indexed"),
        # What a pointer points to may be anything.
        ("const char *v = c ? getenv(\"A\") : texts[atoi(\"x\")]; other(h); return !EVP_get_digestbyname(v);",
         "unknown", "indexed"),
    ],
)  # fmt: skip
def test_a_source_beside_what_nobody_knows_decides(
    maker: Maker, tmp_path: Path, option: str, code: str, outcome: str, reason: str
) -> None:
    tables = 'static const int all[] = {1, 2, 8}; static const char *const texts[] = {"md5", "sha1", "md4"}; '
    calls = maker.facts(tmp_path, tables + f"int f(H **h, int c) {{ {code} }}", option).calls
    found = {(one.outcome.value, one.reason) for one in calls}
    if len(calls) == 1 and maker.target.architecture in ("amd64", "arm64"):
        assert found == {(outcome, reason)}, calls
    # Some compilers make a call for each of the two ways.
    assert calls, "the call was not found"
    assert {said for said, _ in found} <= {"unknown", outcome, "runtime"}, calls


_BUFFER = """
struct buffer { long n; struct { const char *text; } *store; };
char *strcat(char *, const char *);
__attribute__((noipa, visibility("protected"))) const char *text(struct buffer *b) { b->n++; return b->store->text; }
__attribute__((noipa, visibility("protected"))) const char *only(struct buffer *b) { return b->store->text; }
"""


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("struct owner { long n[3]; struct buffer b; };"
         "int f(H *h, struct owner *o) { return SSL_CTX_set_cipher_list(h, text(&o->b)) + 1; }",
         ("forwarded", None, "field 0x0 of field 0x20 of argument 1 of f")),
        ("struct owner { long n[3]; struct buffer *b; };"
         "int f(H *h, struct owner *o) { return SSL_CTX_set_cipher_list(h, text(o->b)) + 1; }",
         ("forwarded", None, "field 0x0 of field 0x8 of field 0x18 of argument 1 of f")),
        ("int f(H *h, struct buffer *b) { b->n++; return SSL_CTX_set_cipher_list(h, b->store->text) + 1; }",
         ("forwarded", None, "field 0x0 of field 0x8 of argument 1 of f")),
        ("struct buffer *made(void); int f(H *h) { return SSL_CTX_set_cipher_list(h, text(made())) + 1; }",
         ("runtime", None, "field 0x0 of field 0x8 of the result of made")),
    ],
)  # fmt: skip
def test_what_a_called_function_reads_is_told_by_its_caller(
    maker: Maker, tmp_path: Path, option: str, code: str, expected: tuple[str, str | None, str]
) -> None:
    one = only(maker.facts(tmp_path, _BUFFER + code, option))
    narrow = {"0x20 ": "0x10 ", "0x18 ": "0xc ", "0x8 ": "0x4 "} if maker.target.architecture in NARROW else {}
    reason = re.sub("0x20 |0x18 |0x8 ", lambda found: narrow.get(found[0], found[0]), expected[2])
    assert (one.outcome.value, one.value, one.reason) == (*expected[:2], reason), one


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("way", ["text", "only"])
def test_a_text_that_a_caller_puts_together_is_not_what_others_pass(
    maker: Maker, tmp_path: Path, option: str, way: str
) -> None:
    code = (
        "struct store { const char *text; }; int f(H *h, const char *more) { char t[99] = \"HIGH:\"; "
        "struct store store = {t}; struct buffer b = {0, (void *)&store}; strcat(t, more); "
        f"return SSL_CTX_set_cipher_list(h, {way}(&b)) + 1; }}"
    )  # fmt: skip
    one = only(maker.facts(tmp_path, _BUFFER + code, option))
    assert one.outcome.value == "unknown" or (one.outcome.value, one.reason) == ("runtime", "filled in by strcat"), one


_FIRST = (
    "struct S { int n; long k; struct S *next; const char *text; }; char *strcpy(char *, const char *);"
    "\n#define OWN __attribute__((noipa)) static\n"
    "OWN void fill(struct S *s) { s->n = 8; } OWN const char *same(const char *s) { return s; }\n"
    "OWN const char *in(struct S *s) { return s->text; } OWN int plain(struct S *s) { return s->n; }\n"
    "OWN int next(struct S *s) { return s->next->n; }\n"
)
_LATER = {
    "an own function": "OWN int get(struct S *s) { fill(s); return s->n; } ",
    "another's function": "OWN int get(struct S *s) { other(s); return s->n; } ",
    "a function behind": "OWN int get(struct S *s) { struct S t = {3, 4, s}; return more(&t); } ",
    "what it stores": "OWN int get(struct S *s) { struct S t = {3, 4, s}; s->n = 8; return next(&t); } ",
    "what it stores there": "OWN int get(struct S *s) { s->n = 8; return plain(s); } ",
    "a second pointer": "OWN int two(struct S *a, struct S *b) { b->n = 8; return a->n; } "
    "OWN int get(struct S *s) { return two(s, s); } ",
}
_CHANGED_TEXTS = {
    "the caller": 'const char *p = same(t); strcpy(t, "sha1"); return EVP_get_digestbyname(p);',
    "the caller behind a pointer": "struct S s = {1, q, 0, t}; const char *p = in(&s); "
    'strcpy(t, "sha1"); return EVP_get_digestbyname(p);',
    "who returns it": "return EVP_get_digestbyname(changed(t));",
    "who passes it on": "return passing(t);",
    "who passes it on to be changed": "return twice(t);",
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("case", _LATER)
def test_what_a_called_function_changes_before_it_reads_it_is_selected(
    maker: Maker, tmp_path: Path, case: str, option: str
) -> None:
    code = f"OWN int more(struct S *s) {{ fill(s->next); return s->next->n; }} {_LATER[case]}"
    code += "int f(H **h, long q) { struct S s = {1, q}; return gcry_md_open(h, get(&s), 0) + 1; }"
    one = only(maker.facts(tmp_path, _FIRST + code, option, "-fno-tree-slp-vectorize"))
    assert one.outcome.value not in ("value", "set") or "GCRY_MD_SHA256" in (one.value or "").split(", "), one


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("case", _CHANGED_TEXTS)
def test_a_text_that_is_changed_behind_its_back_is_no_value(
    maker: Maker, tmp_path: Path, case: str, option: str
) -> None:
    code = (
        'OWN const char *changed(char *s) { strcpy(s, "sha1"); return s; } '
        "OWN void change_all(char *s) { s[0] = 's'; strcpy(s + 1, \"ha1\"); } "
        'OWN const EVP_MD *passing(char *s) { strcpy(s, "sha1"); return EVP_get_digestbyname(s); } '
        "OWN const EVP_MD *twice(char *s) { change_all(s); return EVP_get_digestbyname(s); } "
        f'const EVP_MD *f(long q) {{ char t[16] = "md5"; {_CHANGED_TEXTS[case]} }}'
    )
    for one in maker.facts(tmp_path, _FIRST + code, option, "-fno-tree-slp-vectorize").calls:
        assert one.outcome.value not in ("value", "set") or '"sha1"' in (one.value or ""), (one, code)


@pytest.mark.parametrize("option", OPTIONS)
def test_what_a_called_function_only_reads_is_what_its_caller_has_put_there(
    maker: Maker, tmp_path: Path, option: str
) -> None:
    code = "int f(H **h, long q) { struct S s = {1, q}; return gcry_md_open(h, plain(&s), 0) + 1; }"
    one = only(maker.facts(tmp_path, _FIRST + code, option, "-fno-tree-slp-vectorize"))
    if maker.target.architecture in ("amd64", "arm64"):
        assert (one.outcome.value, one.value) == ("value", "GCRY_MD_MD5"), one
    text = "OWN const EVP_MD *by(char *s) { return EVP_get_digestbyname(s); } "
    text += 'const EVP_MD *f(long q) { char t[16] = "md5"; return by(t); }'
    one = only(maker.facts(tmp_path, _FIRST + text, option))
    if maker.target.architecture in ("amd64", "arm64"):
        assert (one.outcome.value, one.value) == ("value", '"md5"'), one


_AT_ONCE = (
    "struct P { int n, k; }; struct Q { long a; int n, k; const char *s; };"
    "\n#define OWN __attribute__((noipa)) static\n#define USE(v) return gcry_md_open(h, v, 0) + 1\n"
    "OWN void halves(struct P *a) "
    "{ *(long long *)a = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 0x100000008 : 0x800000001; } "
    "OWN int later(struct P *a) { return a->k; } "
)
_STORED_AT_ONCE = {
    "two numbers": (
        "OWN void set(struct P *a) { a->n = 1; a->k = 8; } int f(H **h) { struct P p = {3, 2}; set(&p); USE(p.k); }",
        "GCRY_MD_SHA256",
    ),
    "a word": ("int f(H **h) { struct P p = {3, 2}; halves(&p); USE(p.k); }", "GCRY_MD_SHA256"),
    "the other half of a word": ("int f(H **h) { struct P p = {3, 2}; halves(&p); USE(p.n); }", "GCRY_MD_MD5"),
    "a word, read by an own function": (
        "int f(H **h) { struct P p = {3, 2}; halves(&p); USE(later(&p)); }",
        "GCRY_MD_SHA256",
    ),
    "a structure": (
        "OWN void copy(struct Q *a, const struct Q *b) { *a = *b; } "
        "int f(H **h) { struct Q q = {1, 2, 8, 0}, r = {3, 1, 2}; copy(&r, &q); USE(r.k); }",
        "GCRY_MD_SHA256",
    ),
    "zeroes": (
        "OWN void clear(struct Q *a) { *a = (struct Q){0}; a->a = 3; } "
        "int f(H **h) { struct Q q = {1, 2, 8}; clear(&q); USE(q.k); }",
        "GCRY_MD_NONE",
    ),
    "a part of a number": (
        "OWN void raise(struct P *a) { ((char *)&a->k)[__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 3 : 0] = 8; } "
        "int f(H **h) { struct P p = {3, 2}; raise(&p); USE(p.k); }",
        "GCRY_MD_SHA256",
    ),
    "by another pointer": (
        "OWN int use(struct P *a, struct P *b, H **h) { b->n = 8; USE(a->n); } "
        "int f(H **h) { struct P p = {1, 2}; return use(&p, &p, h) + 1; }",
        "GCRY_MD_SHA256",
    ),
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("case", _STORED_AT_ONCE)
def test_what_is_stored_at_once_with_something_else_may_be_selected(
    maker: Maker, tmp_path: Path, case: str, option: str
) -> None:
    code, expected = _STORED_AT_ONCE[case]
    flags = "-fno-tree-slp-vectorize", "-fno-strict-aliasing"
    one = only(maker.facts(tmp_path, _AT_ONCE + code, option, *flags))
    assert one.outcome.value not in ("value", "set") or expected in (one.value or "").split(", "), one


@pytest.mark.parametrize("option", OPTIONS)
def test_a_part_that_is_seldom_run_need_not_lead_back(maker: Maker, tmp_path: Path, option: str) -> None:
    code = (
        "int in(void); void change(int *); __attribute__((cold)) void rare(void); "
        "__attribute__((noreturn, cold)) void stop(void); "
        "int f(H **h) { int v = 1; other(h); "
        "if (in()) { rare(); change(&v); gcry_md_open(h, v, 0); stop(); } return 0; }"
    )
    one = only(maker.facts(tmp_path, code, option))
    assert one.function == "f"
    assert one.outcome.value not in ("value", "set"), one
