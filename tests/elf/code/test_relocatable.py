"""Objects that are not linked yet: nothing enters them, and their functions have no addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.elf.building import seen
from tests.elf.code.compilers import CLANG, CROSS, Compiler, build, each
from tests.elf.code.programs import HEAD, PROGRAMS

_SMALL = "".join(f"static __attribute__((noinline)) int s{n}(int x) {{ return x * {n} + 1; }}\n" for n in range(1, 30))
_CALLS = " + ".join(f"s{n}(c)" for n in range(1, 30))
_ARM64 = next(it for it in CROSS if it.architecture == "arm64")
_I386 = next(it for it in CROSS if it.architecture == "i386")


@pytest.mark.parametrize(("flag", "compiled"), [("none", "no"), ("full", "yes")])
@pytest.mark.parametrize("optimised", ["-O0", "-O2"])
@pytest.mark.parametrize("compiler", each(CLANG, _I386))
def test_the_public_functions_need_a_landing_pad(
    tmp_path: Path, compiler: Compiler, optimised: str, flag: str, compiled: str
) -> None:
    """The compiler gives none to those that only their unit calls, however many these are."""
    text = f"{_SMALL} int main(int c, char **v) {{ return {_CALLS}; }}\n"
    built = build(compiler, tmp_path, [text], ["-c", optimised, "-fPIC", f"-fcf-protection={flag}"], "x.o")
    found = seen(built, "usr/lib/x.o", compiler.architecture)
    assert found.ibt_compiled == compiled, found.reasons["ibt_compiled"]


@pytest.mark.full
@pytest.mark.parametrize(("flag", "compiled"), [("none", "no"), ("standard", "yes")])
def test_the_public_functions_of_arm64_need_one_too(tmp_path: Path, flag: str, compiled: str) -> None:
    text = f"{_SMALL} int main(int c, char **v) {{ return {_CALLS}; }}\n"
    built = build(_ARM64, tmp_path, [text], ["-c", "-O2", "-fPIC", f"-mbranch-protection={flag}"], "x.o")
    assert seen(built, "usr/lib/x.o", "arm64").bti_compiled == compiled


@pytest.mark.parametrize("compiler", each(CLANG, _ARM64))
def test_the_first_function_of_a_section_is_no_entry(tmp_path: Path, compiler: Compiler) -> None:
    text = HEAD + PROGRAMS["array"].text
    built = build(compiler, tmp_path, [text], ["-w", "-c", "-O2", "-fPIC", "-fno-stack-protector"], "x.o")
    found = seen(built, "usr/lib/x.o", compiler.architecture)
    assert found.stack_protector == "no"
    assert [site.name for site in found.reasons["stack_protector"].sites] == ["f"]


_PRINTS = '#include <stdio.h>\nvoid f(int n, char *s) { printf("%d %s", n, s); fprintf(stderr, "%d", n); }\n'
_TAKES = "#include <stdio.h>\nint (*f(void))(FILE *, const char *, ...) { return fprintf; }\nvoid *p = printf;\n"


@pytest.mark.parametrize("more", [["-fPIC"], ["-fPIC", "-fno-plt"], ["-fno-pic"], ["-fPIC", "-ffunction-sections"]])
@pytest.mark.parametrize("compiler", each(CLANG, _ARM64))
def test_a_call_is_told_from_an_address_that_is_taken(tmp_path: Path, compiler: Compiler, more: list[str]) -> None:
    flags = ["-c", "-O2", "-U_FORTIFY_SOURCE", *more]
    calls = seen(build(compiler, tmp_path, [_PRINTS], flags, "calls.o"), "usr/lib/x.o", compiler.architecture)
    takes = seen(build(compiler, tmp_path, [_TAKES], flags, "takes.o"), "usr/lib/x.o", compiler.architecture)
    reason = calls.reasons["fortify"]
    if compiler is _ARM64 and "-fno-plt" in more:
        assert (calls.fortify, takes.fortify) == ("n/a", "n/a")  # the address is loaded, and nothing says what for
        return
    assert (calls.fortify, reason.code, [site.name for site in reason.sites]) == (
        "no", "none-checked", ["fprintf", "printf"]
    )  # fmt: skip
    assert all((site.address or "").startswith(".text") for site in reason.sites)
    assert (takes.fortify, takes.reasons["fortify"].code) == ("n/a", "sized-only")


@pytest.mark.parametrize("compiler", each(_ARM64))
def test_a_checked_unit_that_is_not_linked_is_fortified(tmp_path: Path, compiler: Compiler) -> None:
    flags = ["-c", "-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-fPIC"]
    found = seen(build(compiler, tmp_path, [_PRINTS], flags, "x.o"), "usr/lib/x.o", compiler.architecture)
    assert (found.fortify, found.reasons["fortify"].code) == ("yes", "checked")
