"""One small unit without the stack protector in a large object with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.elf.building import seen
from tests.elf.code.compilers import CLANG, CROSS, GCC, Compiler, build, each, run
from tests.elf.code.programs import HEAD

_STRONG, _NONE = "-fstack-protector-strong", "-fno-stack-protector"
_SHARED = ("-w", "-shared", "-fPIC", "-nostdlib")
_ARM64 = next(it for it in CROSS if it.architecture == "arm64")
_MANY = HEAD + "".join(
    f"void many{n}(const char *s) {{ char b[{40 + n % 50}]; strcpy(b, s); use(b); }}\n" for n in range(300)
)
_STUB = HEAD + "int stub(const char *s) { char b[64]; strcpy(b, s); use(b); return b[3]; }\n"
# What needs no canary, in shapes that look as if it did.
_HONEST = """
#include <stddef.h>
struct two { double x, y; }; struct bytes { const char *area; size_t size; };
void take_two(struct two *); void note(float, float); void point(float *, float *, float);
float sinf(float), cosf(float);
double pick(struct two a, struct two b, int i) { take_two(&a); return (&b.x)[i] + (&a.x)[i]; }
unsigned number(const struct bytes *b, size_t at) {
    unsigned v; char *to = (char *)&v;
    for (size_t n = 0; n < 4; n++) to[n] = n < b->size - at ? b->area[at + n] : b->area[n];
    return __builtin_bswap32(v);
}
unsigned saving(const struct bytes *b, size_t at, size_t (*next)(size_t, size_t, size_t)) {
    unsigned v; char *to = (char *)&v; size_t one = next(at, 1, 2), two = next(one, at, 3), three = next(one, two, at);
    for (size_t n = 0; n < 4; n++) to[n] = n < b->size - at ? b->area[at + n] : b->area[n];
    return __builtin_bswap32(v) + one * two * three * next(one, two, three);
}
void turn(float a, float b, float c, float d, float e, const float *p) {
    note(b, c);
    for (int n = 0; n < 8; n++) { float s = sinf(a + p[n]), k = cosf(a + p[n]); note(s * d + b, k * e - c); }
}
"""


def _found(
    compiler: Compiler, folder: Path, second: str, level: str, name: str, *more: str
) -> tuple[str, list[str | None]]:
    parts = []
    for number, (text, flag) in enumerate(((_MANY, _STRONG), (second, level))):
        flags = ["-w", "-fPIC", "-c", "-O2", flag, *more]
        parts.append(build(compiler, folder, [text], flags, f"{name}{number}.o"))
    found = seen(build(compiler, folder, parts, _SHARED, name), "usr/lib/x/many.so", compiler.architecture)
    assert found.reasons["stack_protector"].counts["guarded"] >= 300
    return found.stack_protector, [site.name for site in found.reasons["stack_protector"].sites]


@pytest.mark.parametrize("compiler", each(CLANG, _ARM64))
def test_one_function_is_enough(tmp_path: Path, compiler: Compiler) -> None:
    assert _found(compiler, tmp_path, _STUB, _NONE, "bare") == ("partial", ["stub"])
    assert _found(compiler, tmp_path, _STUB, _STRONG, "whole") == ("yes", [])


_LITTLE = HEAD + "int little(int n) { int w[5]; take(w); use((char *)(long)n); return w[n & 3] * n; }\n"
_LIBRARY = "\n__attribute__((noinline)) void __stack_chk_fail(void) { for (;;); }\n"
_FORTRAN = "\nvoid _gfortran_st_write(void *); void out(void *p) { _gfortran_st_write(p); }\n"


def test_of_a_few_numbers_one_function_is_not_enough(tmp_path: Path) -> None:
    assert _found(GCC, tmp_path, _LITTLE, _NONE, "little") == ("yes", [])


def test_the_library_that_makes_the_guard_runs_a_little_without(tmp_path: Path) -> None:
    assert _found(GCC, tmp_path, _STUB + _LIBRARY, _NONE, "library") == ("yes", [])


def test_of_other_languages_it_was_not_measured_how_often_one_function_is_a_mistake(tmp_path: Path) -> None:
    assert _found(GCC, tmp_path, _STUB + _FORTRAN, _NONE, "fortran") == ("yes", [])


@pytest.mark.parametrize("frames", ["-fomit-frame-pointer", "-fno-omit-frame-pointer"])
@pytest.mark.parametrize("compiler", each(_ARM64))
def test_what_needs_no_canary_is_not_taken_for_one(tmp_path: Path, compiler: Compiler, frames: str) -> None:
    assert _found(compiler, tmp_path, _HONEST, _STRONG, "honest", frames) == ("yes", [])
    assert _found(compiler, tmp_path, _STUB, _NONE, "bare", frames) == ("partial", ["stub"])


@pytest.mark.parametrize("link", ["-static", "-static-pie"])
def test_of_a_static_program_too(tmp_path: Path, link: str) -> None:
    main = 'void use(char *s) { __asm__ volatile("" :: "r"(s) : "memory"); }\n' + _MANY
    calls = "".join(f"many{n}(v[0]);" for n in range(300))
    main += f"int stub(const char *); int main(int c, char **v) {{ {calls} return stub(v[0]); }}\n"
    for level, expected in ((_NONE, "partial"), (_STRONG, "yes")):
        parts = []
        for number, (text, flag) in enumerate(((main, _STRONG), (_STUB, level))):
            parts.append(build(GCC, tmp_path, [text], ["-w", "-c", "-O2", flag], f"static{number}.o"))
        found = seen(build(GCC, tmp_path, parts, [link], "static"))
        assert found.stack_protector == expected, found.reasons["stack_protector"]


@pytest.mark.full
@pytest.mark.parametrize("compiler", CROSS, ids=str)
def test_the_loader_runs_without_also_where_no_table_lists_its_functions(tmp_path: Path, compiler: Compiler) -> None:
    (loader,) = Path("/usr", compiler.prefix.removesuffix("-"), "lib").glob("ld*.so.*")
    run([f"{compiler.prefix}strip", "-o", tmp_path / loader.name, loader.resolve()])
    found = seen(tmp_path / loader.name, f"usr/lib/{loader.name}", compiler.architecture)
    assert (found.stack_protector, found.reasons["stack_protector"].code) == ("n/a", "loader")
