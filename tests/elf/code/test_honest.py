"""What the stack protector leaves without a canary, in shapes that look as if it had been forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.elf.building import seen, without_sections
from tests.elf.code.compilers import CLANG, CROSS, GCC, MUSL, Compiler, build, each
from tests.elf.code.programs import HEAD, OTHER, PROGRAMS

_STRONG, _NONE = "-fstack-protector-strong", "-fno-stack-protector"
_SHARED = ("-w", "-fPIC", "-shared", "-nostdlib")
_ARM64 = next(it for it in CROSS if it.architecture == "arm64")

# What is addressed in each of them is a parameter, or what the compiler itself makes room for.
_PARAMETERS = {
    "structure-above": """
        struct big { long a[43]; };
        int each(struct big, const char *); void note(long *, long *); void say(const char *);
        int f(struct big b, char **list) {
            while (*list) { if (each(b, *list++)) { say("x"); note(&b.a[9], &b.a[20]); } }
            return 0;
        }""",
    "one-byte": "void put(const void *, int, int); void f(int k, unsigned char v, int c) { put(&v, 1, k); }",
    "two-bytes": "void put(const void *, int, int); void f(int k, unsigned short v, int c) { put(&v, c, k); }",
    "two-registers": "struct two { long a, b; }; void take(struct two *); void f(struct two t) { take(&t); }",
    "many-arguments": """
        void many(char *, char *, int *, int *, int *, double *, double *, int *, double *, int *, double *, double *,
                  int *, long, long);
        extern double zero, one, two; extern int last;
        void f(double *a, double *b, double *c, int n, int m, double *r) {
            many("N", "N", &n, &m, &m, &one, b, &n, c, &m, &zero, r, &n, 1, 1); }
        void g(double *a, double *b, double *c, int n, int m, double *r, double *s) {
            many("N", "N", &n, &m, &m, &one, b, &n, c, &m, &zero, r, &n, 1, 1);
            for (int i = 0; i < n * m; i++) a[i] *= r[i];
            many("N", "N", &n, &m, &m, &two, a, &n, c, &m, &zero, s, &n, 1, 1); }""",
    "remainder": """
        typedef unsigned __int128 wide;
        wide f(wide a, wide b, wide *r) { wide q = a / b; *r += a % b; return q; }""",
}


@pytest.mark.parametrize("optimised", ["-O0", "-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("compiler", each(_ARM64))
def test_parameters_and_what_the_compiler_adds_need_no_canary(
    tmp_path: Path, compiler: Compiler, optimised: str
) -> None:
    for name, text in _PARAMETERS.items():
        built = build(compiler, tmp_path, [text], [*_SHARED, optimised, _STRONG], f"{name}.so")
        found = seen(built, "usr/lib/x/p.so", compiler.architecture)
        assert found.stack_protector == "n/a", (name, found.reasons["stack_protector"])


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O1", "-O2", "-Os"])
@pytest.mark.parametrize("compiler", CROSS, ids=str)
def test_a_parameter_that_changes_its_register_is_still_one(tmp_path: Path, compiler: Compiler, optimised: str) -> None:
    text = "void put(int, int, int, const void *); void f(void *k, int v) { put(1, 6, 2, &v); }\n"
    built = build(compiler, tmp_path, [text], [*_SHARED, optimised, _STRONG], "p.so")
    found = seen(built, "usr/lib/x/p.so", compiler.architecture)
    assert found.stack_protector == "n/a", found.reasons["stack_protector"]


# Numbers in the order of the network, as ngtcp2 writes them, beside a function that needs a canary.
_CHANGED = """
unsigned char *copy(unsigned char *, const void *, unsigned long);
unsigned char *put64(unsigned char *p, unsigned long n) { n = __builtin_bswap64(n); return copy(p, &n, 8); }
unsigned char *put48(unsigned char *p, unsigned long n) { n = __builtin_bswap64(n); return copy(p, (char *)&n + 2, 6); }
unsigned char *put32(unsigned char *p, unsigned n) { n = __builtin_bswap32(n); return copy(p, &n, 4); }
unsigned char *put2(unsigned char *p, unsigned n, int more) { n = (n << 2 | more) + 1; return copy(p, &n, 4); }
"""
# Structures that are passed by value: on s390x as the address of a copy, the larger ones on riscv64, too.
_BY_VALUE = """
struct two { long a, b; }; int take(struct two), both(struct two, struct two, int); void note(long), keep(struct two *);
void kept(struct two t) { keep(&t); }
int constant(long a) { note(a); return take((struct two){0, 1}) + 1; }
int half(long a) { note(a); return take((struct two){a, -1}) + 1; }
int pair(long *a, long *b) { note(*a); return both((struct two){a[2], a[3]}, (struct two){b[1], b[3]}, 1) + 1; }
int again(long *a, long *b) {
    while (both((struct two){a[2], a[3]}, (struct two){b[1], b[3]}, 1)) a++, b++;
    return take((struct two){*a, *b}) + 1;
}
"""
_LARGER = """
struct three { long a, b, c; }; int put(struct three); void note(long);
void whole(struct three *, int); void parameter(struct three t) { whole(&t, 2); }
int three(long *a) { note(*a); return put((struct three){0, 1, 2}) + 1; }
int copied(long *a) { note(*a); return put((struct three){a[3], a[1], a[2]}) + 1; }
"""


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O0", "-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("compiler", CROSS, ids=str)
def test_structures_passed_by_value_need_no_canary(tmp_path: Path, compiler: Compiler, optimised: str) -> None:
    texts = [HEAD + PROGRAMS["array"].text, _BY_VALUE, "void __stack_chk_fail_local(void) { for (;;); }"]
    texts += [_LARGER]
    built = build(compiler, tmp_path, texts, [*_SHARED, optimised, _STRONG], "p.so")
    found = seen(built, "usr/lib/x/p.so", compiler.architecture)
    assert found.stack_protector == "yes", found.reasons["stack_protector"]
    assert found.reasons["stack_protector"].counts["exposed"] == 0


# Nobody has the address of a variable that the compiler sets to 0 by a call.
_ZERO = """
struct point { double x, y, z, w; }; struct pair { struct point a, b; };
void chosen(struct pair *p, int k) { p[k] = k > 3 ? (struct pair){.b = {.w = 3}} : (struct pair){.a = {.x = 4}}; }
"""
_CHANGED_THEN = """
void zeroed(struct pair *p, int k, double d) { struct pair q = {0}; q.a.x = d; if (k == 1) q.b.w = 2; p[k] = q; }
"""


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O0", "-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("compiler", CROSS, ids=str)
def test_variables_that_are_set_to_zero_need_no_canary(tmp_path: Path, compiler: Compiler, optimised: str) -> None:
    # There, the variable is copied by a call, too, which looks like any that is given an address and a size.
    copied = compiler.architecture == "riscv64" and optimised == "-Os"
    zero = _ZERO + ("" if copied else _CHANGED_THEN)
    texts = [HEAD + PROGRAMS["array"].text, zero, "void __stack_chk_fail_local(void) { for (;;); }"]
    built = build(compiler, tmp_path, texts, [*_SHARED, optimised, _STRONG], "p.so")
    found = seen(built, "usr/lib/x/p.so", compiler.architecture)
    assert found.stack_protector == "yes", found.reasons["stack_protector"]
    assert found.reasons["stack_protector"].counts["exposed"] == 0


_UNCHANGED = """
void take(int *);
int a(int x) { int v = 0; take(&v); return v; }
int b(int x) { int v = 4; take(&v); return v; }
int c(int *p) { int v = *p; take(&v); return v; }
"""


@pytest.mark.parametrize("optimised", ["-O0", "-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("compiler", each(_ARM64))
def test_a_parameter_that_is_changed_needs_no_canary(tmp_path: Path, compiler: Compiler, optimised: str) -> None:
    text = HEAD + PROGRAMS["array"].text + _CHANGED
    built = build(compiler, tmp_path, [text], [*_SHARED, optimised, _STRONG], "p.so")
    found = seen(built, "usr/lib/x/p.so", compiler.architecture)
    assert found.stack_protector == "yes", found.reasons["stack_protector"]
    assert found.reasons["stack_protector"].counts["exposed"] == 0


@pytest.mark.parametrize("optimised", ["-O0", "-O1", "-O2", "-O3", "-Os"])
def test_a_variable_that_holds_anything_else_needs_one(tmp_path: Path, optimised: str) -> None:
    flags = [*_SHARED, optimised, "-c"]
    guarded = build(GCC, tmp_path, [HEAD + PROGRAMS["array"].text], [*flags, _STRONG], "guarded.o")
    plain = build(GCC, tmp_path, [_UNCHANGED], [*flags, _NONE], "plain.o")
    found = seen(build(GCC, tmp_path, [guarded, plain], [*_SHARED], "p.so"), "usr/lib/x/p.so")
    reason = found.reasons["stack_protector"]
    assert (found.stack_protector, reason.counts["exposed"]) == ("partial", 3), reason


_AGAIN = """
struct two { long a, b; };
int take(struct two *); void note(int);
int f(struct two t) { int n = take(&t); if (n > 3) { note(n); n += take(&t); } return n; }
"""
_DIVIDED = (
    "long long f(long long a, long long b, long long *r) { long long q = a / b; *r += a % b; note(); return q; }\n"
)
# A local variable of the caller's own, filled by functions that divide otherwise.
_OWN = """
void fill(int a, int b, int c, int d, unsigned *where) { %s }
long g(int a, int b) { unsigned own; fill(a, b, a, b, &own); return own; }
"""


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O2", "-O3", "-Os"])
@pytest.mark.parametrize("compiler", CROSS, ids=str)
def test_a_structure_that_came_in_registers_is_a_parameter(tmp_path: Path, compiler: Compiler, optimised: str) -> None:
    built = build(compiler, tmp_path, [_AGAIN], [*_SHARED, optimised, _STRONG], "p.so")
    found = seen(built, "usr/lib/x/p.so", compiler.architecture)
    assert found.stack_protector == "n/a", found.reasons["stack_protector"]


@pytest.mark.full
@pytest.mark.parametrize("strip", [[], ["-s"]], ids=["", "stripped"])
@pytest.mark.parametrize("optimised", ["-O1", "-O2", "-O3", "-Os"])
def test_the_place_of_a_remainder_is_no_variable(tmp_path: Path, optimised: str, strip: list[str]) -> None:
    i386 = next(it for it in CROSS if it.architecture == "i386")
    text = "void note(void) {}\n" + _DIVIDED
    built = build(i386, tmp_path, [text, Path("-lgcc")], [*_SHARED, optimised, _STRONG, *strip], "p.so")
    found = seen(built, "usr/lib/x/p.so", "i386")
    assert found.stack_protector == "n/a", found.reasons["stack_protector"]


@pytest.mark.full
@pytest.mark.parametrize(
    "body",
    [
        "*where = a / b;",
        "other(); *where = (unsigned)a / b + (unsigned)c / d;",
        "unsigned n = a; do { where[c++] = n % (unsigned)b; n /= (unsigned)b; } while (n); *where = n / (unsigned)d;",
    ],
    ids=["one", "with-a-call", "digits"],
)
def test_what_another_function_fills_is_one(tmp_path: Path, body: str) -> None:
    i386 = next(it for it in CROSS if it.architecture == "i386")
    text = "void other(void);\n" + _OWN.replace("void fill", "__attribute__((noipa)) void fill") % body
    flags = ["-w", "-shared", "-nostdlib", "-O2", _NONE]
    found = seen(build(i386, tmp_path, [text], flags, "p.so"), "usr/lib/x/p.so", "i386")
    assert found.stack_protector == "no", found.reasons["stack_protector"]


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O1", "-O2", "-O3", "-Os"])
def test_an_array_at_the_stack_pointer_is_pushed_by_it(tmp_path: Path, optimised: str) -> None:
    """IA-32: `push %esp`, beside a function that is guarded."""
    i386 = next(it for it in CROSS if it.architecture == "i386")
    show = "void fill(char *); int %s(int n) { char t[64]; fill(t); return t[n & 63]; }\n"
    parts = []
    for name, level in (("with", _STRONG), ("without", _NONE)):
        flags = ["-w", "-fno-pic", optimised, "-c", level]
        parts.append(build(i386, tmp_path, [show % name], flags, f"{name}.o"))
    built = build(i386, tmp_path, parts, ["-shared", "-nostdlib", "-Wl,-z,notext"], "p.so")
    found = seen(built, "usr/lib/x/p.so", "i386")
    assert found.stack_protector == "partial", found.reasons["stack_protector"]
    assert [site.name for site in found.reasons["stack_protector"].sites] == ["without"]


_LOCAL = """
struct big { long a[43]; };
int each(struct big, const char *); void note(long *, long *); void say(const char *);
int f(struct big b, char **list) {
    long own[4] = { 0 };
    while (*list) { if (each(b, *list++)) { say("x"); note(own, &b.a[20]); } }
    return own[2];
}
"""


@pytest.mark.parametrize("optimised", ["-O1", "-O2", "-O3", "-Os"])
def test_a_variable_beside_such_a_parameter_needs_one(tmp_path: Path, optimised: str) -> None:
    found = seen(build(GCC, tmp_path, [_LOCAL], [*_SHARED, optimised, _NONE], "p.so"), "usr/lib/x/p.so")
    assert found.stack_protector == "no"


_FOR_EVER = """
#include <string.h>
#include <stdlib.h>
void use(char *); int get(void);
void f(const char *s) {
    char b[64];
    strcpy(b, s);
    for (;;)
        switch (get()) {
        case 0: use(b); break; case 1: use(b + 1); break; case 2: use("x"); break; case 3: use(b + 3); break;
        case 4: exit(1); case 5: use(b + 9); break; case 6: use("q");
        }
}
"""


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O0", "-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("more", [[], ["-fcf-protection=full"], ["-fno-pic"]])
def test_a_function_that_jumps_only_within_itself_never_returns(
    tmp_path: Path, optimised: str, more: list[str]
) -> None:
    """Clang gives it no canary."""
    built = build(CLANG, tmp_path, [_FOR_EVER], ["-w", "-fPIC", "-c", optimised, _STRONG, *more], "p.o")
    found = seen(built, "usr/lib/x.o")
    assert found.stack_protector == "n/a", found.reasons["stack_protector"]
    returning = _FOR_EVER.replace("exit(1)", "return")
    built = build(CLANG, tmp_path, [returning], ["-w", "-fPIC", "-c", optimised, _NONE, *more], "q.o")
    assert seen(built, "usr/lib/x.o").stack_protector == "no"


_SMALL = "int f(int x) { return x * 3; } int main(int c, char **v) { return f(c); }\n"


@pytest.mark.parametrize("link", ["-static", "-static-pie"])
def test_canaries_of_the_c_library_say_nothing_of_a_program_without(tmp_path: Path, link: str) -> None:
    for level in (_NONE, _STRONG):
        found = seen(build(GCC, tmp_path, [_SMALL], ["-O2", level, link], "small"))
        assert (found.stack_protector, found.reasons["stack_protector"].code) == ("n/a", "nothing-exposed")
    text = HEAD + PROGRAMS["array"].text + "int main(int c, char **v) { char b[40]; strcpy(b, v[0]); use(b); f(b); }\n"
    for level, expected in ((_NONE, "partial"), (_STRONG, "yes")):
        found = seen(build(GCC, tmp_path, [text, OTHER], ["-w", "-O2", level, link], "large"))
        assert found.stack_protector == expected, found.reasons["stack_protector"]


_ARRAYS = "".join(f"void g{n}(char *s) {{ char b[{200 + n}]; strcpy(b, s); use(b); }}\n" for n in range(30))
_STATIC = f"{HEAD}{_ARRAYS} int main(int c, char **v) {{ {''.join(f'g{n}(v[0]);' for n in range(30))} }}\n"
_UNTOLD = "unknown own-code-untold"
_SORTED = ["-ffunction-sections", "-Wl,--sort-section=name"]
_NO_TABLES = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]


@pytest.mark.parametrize("room", [8, 64, 5000])
def test_a_little_code_without_tables_is_not_taken_for_start_files(tmp_path: Path, room: int) -> None:
    text = f"void use(char *); void f(void) {{ char b[{room}]; use(b); }}\n"
    built = build(GCC, tmp_path, [text], [*_SHARED, "-O2", _NONE, *_NO_TABLES, "-fvisibility=hidden", "-s"], "p.so")
    found = seen(without_sections(built.read_bytes()), "usr/lib/x/p.so")
    wanted = ("n/a", "no-code") if room == 8 else ("unknown", "no-functions")
    assert (found.stack_protector, found.reasons["stack_protector"].code) == wanted


def _static(tmp_path: Path, compiler: Compiler, *flags: str) -> str:
    """The verdict on a static program of many functions with arrays, together with its reason."""
    program = seen(build(compiler, tmp_path, [_STATIC, OTHER], ["-w", "-static", *flags], "static"))
    return f"{program.stack_protector} {program.reasons['stack_protector'].code}"


@pytest.mark.parametrize("stripped", ["", "-Wl,-s"])
@pytest.mark.parametrize("sections", [[], _SORTED], ids=["in-order", "sorted"])
@pytest.mark.parametrize("optimised", ["-O0", "-O1", "-O2", "-Os"])
@pytest.mark.parametrize("compiler", each(CLANG))
def test_a_static_program_is_not_taken_for_its_c_library(
    tmp_path: Path, compiler: Compiler, optimised: str, sections: list[str], stripped: str
) -> None:
    flags = [optimised, *sections, stripped or "-Wl,--build-id"]
    assert _static(tmp_path, compiler, *flags, _NONE) == "partial own-code-without"
    assert _static(tmp_path, compiler, *flags, _STRONG) == "yes canaries"
    # Without tables for unwinding, less is seen of it; but never the library's canaries instead.
    assert _static(tmp_path, compiler, *flags, *_NO_TABLES, _NONE) in ("partial own-code-without", _UNTOLD)
    assert _static(tmp_path, compiler, *flags, *_NO_TABLES, _STRONG) == "yes canaries"


@pytest.mark.full
@pytest.mark.parametrize("level", [_STRONG, _NONE])
@pytest.mark.parametrize("stripped", ["-Wl,-s", "-Wl,--build-id"])
@pytest.mark.parametrize("body", ["return c;", "char b[99]; __builtin_strcpy(b, v[0]); return write(1, b, c);"])
def test_what_musl_does_without_a_canary_says_nothing_of_the_program(
    tmp_path: Path, body: str, stripped: str, level: str
) -> None:
    """Its start code is in no table, and its own functions have no canaries, or few."""
    text = f"#include <unistd.h>\nint main(int c, char **v) {{ {body} }}\n"
    program = seen(build(MUSL, tmp_path, [text], ["-w", "-O2", "-static", stripped, level], "small"))
    bare = level == _NONE and "[99]" in body
    assert program.stack_protector in (("no", "unknown") if bare else ("unknown",)), program.reasons["stack_protector"]


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O0", "-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("kind", ["long long", "double", "unsigned long long"])
def test_a_parameter_of_two_words_is_copied_to_where_it_is_aligned(tmp_path: Path, kind: str, optimised: str) -> None:
    """IA-32 aligns it to four bytes only; the copy is a parameter, and gcc gives it no canary."""
    i386 = next(it for it in CROSS if it.architecture == "i386")
    text = f"void show(void *, int); int f(int n, {kind} v) {{ show(&v, 8); return n; }}\n"
    flags = ["-w", "-fPIC", "-shared", "-nostdlib", optimised, _STRONG]
    found = seen(build(i386, tmp_path, [text], flags, "p.so"), "usr/lib/x/p.so", "i386")
    assert found.stack_protector == "n/a", found.reasons["stack_protector"]


@pytest.mark.full
@pytest.mark.parametrize("tables", [[], _NO_TABLES], ids=["tables", "no-tables"])
@pytest.mark.parametrize("sections", [[], _SORTED], ids=["in-order", "sorted"])
@pytest.mark.parametrize("compiler", CROSS, ids=str)
def test_nor_on_other_processors(tmp_path: Path, compiler: Compiler, sections: list[str], tables: list[str]) -> None:
    for optimised in ("-O0", "-O2"):
        for stripped in ("-Wl,-s", "-Wl,--build-id"):
            flags = [optimised, stripped, *sections, *tables]
            bare, guarded = (_static(tmp_path, compiler, *flags, level).split()[0] for level in (_NONE, _STRONG))
            assert bare in ("partial", "unknown")
            assert guarded in ("yes", "unknown")
            if not tables and compiler.architecture in ("arm64", "i386", "s390x"):
                assert (bare, guarded) == ("partial", "yes")


_HIDDEN = "#pragma GCC visibility push(hidden)\n" + "".join(
    f"static __attribute__((noinline)) int s{n}(int x) {{ return x * {n} + 1; }}\n" for n in range(1, 30)
)


@pytest.mark.parametrize(("flag", "compiled"), [("none", "no"), ("full", "yes")])
def test_a_unit_whose_functions_are_all_hidden_has_pads_or_none(tmp_path: Path, flag: str, compiled: str) -> None:
    text = _HIDDEN + f"int f(int c) {{ return {' + '.join(f's{n}(c)' for n in range(1, 30))}; }}\n"
    found = seen(build(GCC, tmp_path, [text], ["-c", "-O2", f"-fcf-protection={flag}"], "x.o"), "usr/lib/x.o")
    assert found.ibt_compiled == compiled, found.reasons["ibt_compiled"]


@pytest.mark.parametrize("compiler", each(_ARM64))
def test_a_part_of_a_small_structure_that_registers_brought_is_a_parameter(tmp_path: Path, compiler: Compiler) -> None:
    text = "struct s { int a; char b[9]; }; void put(char *); void f(struct s x, int k) { put(x.b + 3); }\n"
    for optimised in ("-O1", "-O2", "-Os"):
        built = build(compiler, tmp_path, [text], [*_SHARED, optimised, _STRONG], "p.so")
        found = seen(built, "usr/lib/x/p.so", compiler.architecture)
        assert found.stack_protector in ("n/a", "yes"), found.reasons["stack_protector"]


_VECTORS = """
struct node { long a, b, c, d, e, f, g; };
void swap(struct node *a, struct node *b) { struct node t = *a; *a = *b; *b = t; }
int say(const char *); extern const char *names[];
int find(const char *s) {
    int n = 0;
    for (int i = 0; i < 40; i++) n += say(names[i]) * 3 + say(s) + say(names[i + 1]) + say("a") + say("b");
    return n;
}
"""


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O1", "-O2", "-O3"])
def test_saving_a_vector_is_no_index(tmp_path: Path, optimised: str) -> None:
    """Before POWER9 no instruction stores a vector at a distance that stands in it."""
    compiler = next(it for it in CROSS if it.architecture == "ppc64el")
    text = _VECTORS + 'void g(long n) { __asm__("" ::: "v31"); say((char *)n); }\n'
    built = build(compiler, tmp_path, [text], [*_SHARED, optimised, "-maltivec", _STRONG], "p.so")
    found = seen(built, "usr/lib/x/p.so", compiler.architecture)
    assert found.stack_protector == "n/a", found.reasons["stack_protector"]


def test_a_large_frame_in_no_known_function_is_not_called_absent(tmp_path: Path) -> None:
    large = "void take(char *); void f%d(void) { char b[200000]; take(b); }\n"
    text = "".join(large % number for number in range(40))
    flags = ["-w", "-O1", *_SHARED, "-fvisibility=hidden", "-fno-stack-clash-protection", "-Wl,-s"]
    assert seen(build(GCC, tmp_path, [text], flags, "known")).stack_clash == "no"
    found = seen(build(GCC, tmp_path, [text], [*flags, *_NO_TABLES], "hidden"))
    assert (found.stack_clash, found.reasons["stack_clash"].code) == ("unknown", "no-functions")


_CALLS = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <grp.h>
int main(int c, char **v) {
    char name[200];
    if (c < 4 || setgid(getgid()) || setuid(getuid()) || nice(strtol(v[1], 0, 10)) < 0) exit(1);
    umask(strtoul(v[2], 0, 8)); fcntl(3, F_SETFD, 1); setgroups(0, 0);
    snprintf(name, sizeof name, "%s/%s", v[1], v[3]); strcat(name, v[2]);
    execv(name, v); fprintf(stderr, "%s: %s", name, strerror(1)); fwrite(name, 1, c, stdout);
    return 0;
}
"""


@pytest.mark.full
@pytest.mark.parametrize(("level", "verdict"), [(_STRONG, "yes"), (_NONE, "no")])
@pytest.mark.parametrize("compiler", CROSS, ids=str)
def test_a_small_stripped_program_is_judged(tmp_path: Path, compiler: Compiler, level: str, verdict: str) -> None:
    """Most of its code is what the linker adds for calls."""
    built = build(compiler, tmp_path, [_CALLS], ["-w", "-O2", "-fPIE", "-pie", "-Wl,-s", level], "small")
    found = seen(built, "usr/bin/small", compiler.architecture)
    assert found.stack_protector == verdict, found.reasons["stack_protector"]


_PROGRAM = """
    void *alloca(unsigned long); int number(void);
    __attribute__((noinline)) void room(int n) { char *b = alloca(n); use(b); }
    __attribute__((noinline)) void page(char *s) { char b[9000]; use(b); room(s[0]); use(b); }
    __attribute__((noinline)) int far(char *s, long k) {
        char b[3000]; for (; *s == k; s++) use(s);
        use(b); return b[k];
    }
    __attribute__((noinline)) void text(char *s) { char b[40]; strcpy(b, s); use(b); }
    int main(int c, char **v) {
        if (c > 3) exit(number());
        for (int i = 1; i < c; i++) { text(v[i]); page(v[i]); if (far(v[i], c)) puts(v[i]); }
        exit(number());
    }
"""
_WITHOUT_TABLES = [it for it in CROSS if it.architecture in ("armhf", "riscv64")]


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O0", "-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("compiler", _WITHOUT_TABLES, ids=str)
def test_stripped_programs_without_tables_are_not_accused(tmp_path: Path, compiler: Compiler, optimised: str) -> None:
    other = OTHER + "int number(void) { return 3; }\n"
    flags = ["-w", optimised, "-fPIE", "-pie", "-fstack-clash-protection", "-Wl,-s"]
    for level, expected in ((_STRONG, "yes"), (_NONE, "no")):
        found = seen(build(compiler, tmp_path, [HEAD + _PROGRAM, other], [*flags, level], "stripped"))
        assert found.stack_protector == expected, found.reasons["stack_protector"]


# The rest of a function behind one of its returns, which makes room for an array of its own.
_IN_A_BLOCK = """
    int fill(char *, int), note(const char *, int), ready(int);
    __attribute__((noinline)) int shown(int a, int b, const char *s) {
        char small[8]; fill(small, 8);
        if (__builtin_expect(ready(a), 1)) { note("a", b); return a + small[1]; }
        { int n = 4096; char text[n]; fill(text, n); note(text, b); }
        return b;
    }
    __attribute__((noinline)) int cold(int a, int b, const char *s) {
        char small[8]; fill(small, 8);
        for (; ready(a); note(s, a++)) if (fill(small, b)) { int n = 5000; char text[n]; note(s, fill(text, n)); }
        return small[2];
    }
    int main(int c, char **v) {
        for (int i = 1; i < c; i++) if (shown(c, i, v[i]) + cold(i, c, v[i])) puts(v[i]);
        exit(number());
    }
"""


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O0", "-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("compiler", _WITHOUT_TABLES, ids=str)
def test_room_for_an_array_in_a_block_begins_no_function(tmp_path: Path, compiler: Compiler, optimised: str) -> None:
    parts = "int fill(char *a, int b) { return *a = b; } int note(const char *a, int b) { return *a + b; }"
    other = OTHER + f"int number(void) {{ return 3; }} {parts} int ready(int a) {{ return a & 7; }}\n"
    flags = ["-w", optimised, "-fPIE", "-pie", "-fstack-clash-protection", _STRONG, "-Wl,-s"]
    found = seen(build(compiler, tmp_path, [HEAD + _IN_A_BLOCK, other], flags, "stripped"))
    assert found.stack_protector == "yes", found.reasons["stack_protector"]


_NO_ARRAYS = """
    int number(int, int, int, int, int, int);
    int main(int c, char **v) {
        for (int i = 1; i < c; i++) if (number(c, i, c + i, c - i, c * i, c ^ i)) puts(v[i]);
        exit(number(c, 1, 2, 3, 4, 5));
    }
"""


@pytest.mark.full
@pytest.mark.parametrize("optimised", ["-O1", "-O2", "-Os"])
@pytest.mark.parametrize("compiler", _WITHOUT_TABLES, ids=str)
def test_the_start_code_behind_main_is_not_part_of_it(tmp_path: Path, compiler: Compiler, optimised: str) -> None:
    other = OTHER + "int number(int a, int b, int c, int d, int e, int f) { return a * b + c * d + e * f; }\n"
    flags = ["-w", optimised, "-fPIE", "-pie", "-fstack-clash-protection", _STRONG, "-Wl,-s"]
    found = seen(build(compiler, tmp_path, [HEAD + _NO_ARRAYS, other], flags, "stripped"))
    assert found.stack_protector in ("n/a", "unknown"), found.reasons["stack_protector"]
