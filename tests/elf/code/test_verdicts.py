"""What is said of small programs, against the flags that they were compiled with."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.elf.building import seen, without_sections
from tests.elf.code.compilers import CLANG, CROSS, GCC, MUSL, Compiler, build, each, run
from tests.elf.code.programs import HEAD, OTHER, PROGRAMS, Program

_LEVELS = {"none": "-fno-stack-protector", "plain": "-fstack-protector", "strong": "-fstack-protector-strong"}
_SHARED = ("-w", "-shared", "-fPIC", "-nostartfiles", "-U_FORTIFY_SOURCE", "-fno-builtin-strcpy")

# Where a function shows its stack without a canary, but what is seen may also be honest code, so that nothing is said:
# one or two scalars in a small frame may be parameters that were changed, two of them beside each other what `sincos`
# writes. And gcc for ARM and IBM Z keeps so little in some frames that nothing else can be told.
_AMBIGUOUS = {"scalar", "two-scalars", "small-array"}
_UNSEEN = {  # a compiler's form of computing an address that is not followed
    ("powerpc64le-linux-gnu-gcc", "indexed"),
    ("s390x-linux-gnu-gcc", "alloca"),
    ("s390x-linux-gnu-gcc", "variable-length"),
}


def _expected(compiler: Compiler, name: str, program: Program, level: str) -> set[str]:
    """The verdicts that are true of an object with this function alone."""
    guarded = {"none": False, "plain": program.plain, "strong": program.strong}[level]
    if name == "noreturn":  # clang gives it no canary, gcc stores one that nothing compares
        return {"yes", "n/a"} if guarded else {"n/a"}
    if guarded:
        return {"yes"}
    if not program.strong:
        return {"n/a"}
    return {"no", "n/a"} if name in _AMBIGUOUS or (compiler.command, name) in _UNSEEN else {"no"}


@pytest.mark.parametrize("optimised", ["-O0", "-O2", "-Os"])
@pytest.mark.parametrize("compiler", each(CLANG, *CROSS))
def test_the_flag_decides_what_is_said_of_each_function(tmp_path: Path, compiler: Compiler, optimised: str) -> None:
    wrong, said = [], set()
    for name, program in PROGRAMS.items():
        for level, flag in _LEVELS.items():
            if name == "sines" and compiler.architecture in ("i386", "s390x"):
                continue  # the two results are real local variables there
            built = build(compiler, tmp_path, [HEAD + program.text], [*_SHARED, optimised, flag], f"{name}-{level}")
            verdict = seen(built, "usr/lib/x/p.so", compiler.architecture).stack_protector
            said.add(verdict)
            if verdict not in _expected(compiler, name, program, level):
                wrong.append((name, level, verdict))
    assert not wrong
    assert said == {"yes", "no", "n/a"}


def test_what_is_ambiguous_elsewhere_is_seen_on_amd64(tmp_path: Path) -> None:
    for name in ("scalar", "two-scalars", "small-array"):
        for optimised in ("-O0", "-O2", "-Os"):
            flags = [*_SHARED, optimised, "-fno-stack-protector"]
            built = build(GCC, tmp_path, [HEAD + PROGRAMS[name].text], flags, name)
            assert seen(built, "usr/lib/x/p.so").stack_protector == "no", (name, optimised)


_MAIN = HEAD + PROGRAMS["array"].text + "int main(int c, char **v) { f(v[0]); return c; }\n"
_NO_TABLES = ("armhf", "riscv64")  # gcc writes no unwind tables for C there, unless asked
_NO_STATIC_PIE = {f"{name}-linux-gnu-gcc" for name in ("powerpc64le", "riscv64", "s390x")}
_NO_STATIC_PIE |= {"arm-linux-gnueabihf-gcc", "musl-gcc"}  # no start files for it
_LINKS = {
    "pie": ["-fPIE", "-pie"],
    "executable": ["-no-pie"],
    "static": ["-static", "-no-pie"],
    "static-pie": ["-static-pie", "-fPIE"],
    "shared": ["-shared", "-fPIC"],
    "stripped": ["-fPIE", "-pie", "-s"],
    "static-stripped": ["-static", "-s"],
}


@pytest.mark.parametrize("sections", [True, False], ids=["", "sectionless"])
@pytest.mark.parametrize("compiler", each(CLANG, MUSL, *CROSS))
def test_the_way_of_linking_changes_no_verdict(tmp_path: Path, compiler: Compiler, *, sections: bool) -> None:
    """In a static program the C library has canaries of its own; what is said is of the program's own functions.

    Without section headers and without a table of its unwind tables, a static program has no functions. gcc for RISC-V
    and ARM writes no unwind tables for C, unless asked: then only symbols tell.
    """
    for link, level in itertools.product(_LINKS, ("none", "strong")):
        if link == "static-pie" and compiler.command in _NO_STATIC_PIE:
            continue
        flags = ["-w", "-O2", _LEVELS[level], *_LINKS[link]]
        built = build(compiler, tmp_path, [_MAIN, OTHER], flags, level)
        data = built.read_bytes() if sections else without_sections(built.read_bytes())
        path = "usr/lib/x/p.so" if link == "shared" else "usr/bin/p"
        found = seen(data, path, compiler.architecture)
        expected = {"strong": {"yes"}, "none": {"no", "partial"} if "static" in link else {"no"}}[level]
        if compiler.architecture in _NO_TABLES and (not sections or "stripped" in link):
            expected |= {"unknown"} if link != "stripped" or compiler.architecture == "riscv64" else {"n/a", "unknown"}
        if compiler.architecture == "ppc64el" and (not sections or "stripped" in link):
            expected |= {"unknown"}  # the start files take as much of the stack as all of a small program
        if "static" in link and (compiler is MUSL or compiler in CROSS):
            expected |= {"unknown"}  # the start code is not like that of glibc on amd64
        assert found.stack_protector in expected, (link, level, found.reasons["stack_protector"])


@pytest.mark.parametrize("compiler", each(CLANG, *CROSS))
def test_a_relocatable_object_is_judged_by_its_symbols(tmp_path: Path, compiler: Compiler) -> None:
    for level, expected in (("none", "no"), ("strong", "yes")):
        built = build(compiler, tmp_path, [_MAIN], ["-w", "-O2", "-fPIC", "-c", _LEVELS[level]], f"{level}.o")
        found = seen(built, "usr/lib/x/p.o", compiler.architecture)
        if compiler.architecture == "armhf" and level == "none":
            assert found.stack_protector == "unknown"  # only linked objects say whether their code is Thumb or Arm
            continue
        assert found.stack_protector == expected, found.reasons["stack_protector"]
        if level == "none":
            assert found.reasons["stack_protector"].sites[0].name in ("f", "main")


@pytest.mark.parametrize("link", ["pie", "shared", "stripped"])
@pytest.mark.parametrize("compiler", each(CLANG, *CROSS))
def test_one_unit_of_two_without_is_said(tmp_path: Path, compiler: Compiler, link: str) -> None:
    units = []
    for level in ("none", "strong"):
        text = _MAIN if level == "strong" else HEAD + PROGRAMS["array"].text.replace(" f(", " vuln(")
        flags = ["-w", "-O2", "-fPIC", "-c", _LEVELS[level]]
        units.append(build(compiler, tmp_path, [text], flags, f"{level}.o"))
    built = build(compiler, tmp_path, [*units, OTHER], ["-w", "-O2", *_LINKS[link]], "mixed")
    found = seen(built, "usr/lib/x/p.so" if link == "shared" else "usr/bin/p", compiler.architecture)
    reason = found.reasons["stack_protector"]
    assert (found.stack_protector, reason.code) == ("partial", "some-units-without")
    if link != "stripped":
        assert [site.name for site in reason.sites] == ["vuln"]


_CLASH = ["array", "page", "huge", "alloca", "nothing"]
_LARGE = {"amd64": 4096, "i386": 4096, "arm64": 65536}  # what a frame takes at least to need a probe


@pytest.mark.parametrize("optimised", ["-O0", "-O2", "-Os"])
@pytest.mark.parametrize("compiler", each(CLANG, *(it for it in CROSS if it.architecture in _LARGE)))
def test_probes_follow_the_flag(tmp_path: Path, compiler: Compiler, optimised: str) -> None:
    for name in _CLASH:
        needs = PROGRAMS[name].frame >= _LARGE[compiler.architecture]
        for flag, verdict in (("-fstack-clash-protection", "yes"), ("-fno-stack-clash-protection", "no")):
            flags = [*_SHARED, optimised, "-fno-stack-protector", flag]
            built = build(compiler, tmp_path, [HEAD + PROGRAMS[name].text], flags, name)
            found = seen(built, "usr/lib/x/p.so", compiler.architecture)
            # What alloca takes is touched page by page too, but without the flag nothing shows how much it takes.
            expected = {verdict} if needs else {"n/a", "yes"} if name == "alloca" and verdict == "yes" else {"n/a"}
            assert found.stack_clash in expected, (name, flag, found.reasons["stack_clash"])


@pytest.mark.full
@pytest.mark.parametrize("compiler", [it for it in CROSS if it.architecture not in _LARGE], ids=str)
def test_probes_are_asked_for_where_they_mean_something(tmp_path: Path, compiler: Compiler) -> None:
    built = build(compiler, tmp_path, [HEAD + PROGRAMS["huge"].text], [*_SHARED, "-O2"], "huge")
    assert seen(built, "usr/lib/x/p.so", compiler.architecture).stack_clash in ("n/a", "unknown")


_MANY = HEAD + "".join(
    f"int g{number}(int a) {{ use((char *)(long)a); return a * {number}; }}\n" for number in range(12)
) + "int (*table[])(int) = { g0, g1, g2, g3 };\n"  # fmt: skip


@pytest.mark.parametrize("link", ["pie", "static-pie", "shared", "stripped"])
@pytest.mark.parametrize(
    ("flag", "compiled"),
    [("none", "no"), ("full", "yes"), ("branch", "yes"), ("return", "no")],
)
@pytest.mark.parametrize("compiler", each(CLANG, *(it for it in CROSS if it.architecture == "i386")))
def test_landing_pads_follow_the_flag(tmp_path: Path, compiler: Compiler, flag: str, compiled: str, link: str) -> None:
    text = _MANY + "int main(int c, char **v) { return table[c & 3](c); }\n"
    flags = ["-w", "-O2", f"-fcf-protection={flag}", *_LINKS[link], "-rdynamic"]
    built = build(compiler, tmp_path, [text, OTHER], flags, f"{flag}-{link}")
    found = seen(built, "usr/lib/x/p.so" if link == "shared" else "usr/bin/p", compiler.architecture)
    # In a static program the functions of the C library count too, and have their own pads or none.
    allowed = {compiled, "partial", "no"} if link == "static-pie" else {compiled}
    assert found.ibt_compiled in allowed, found.reasons["ibt_compiled"]
    assert (found.bti_compiled, found.pac_compiled) == ("n/a", "n/a")


@pytest.mark.full
@pytest.mark.parametrize("link", ["pie", "shared", "stripped"])
@pytest.mark.parametrize(
    ("flag", "bti", "pac"),
    [("none", "no", "no"), ("bti", "yes", "no"), ("pac-ret", "no", "yes"), ("standard", "yes", "yes")],
)
def test_branch_protection_follows_the_flag(tmp_path: Path, flag: str, bti: str, pac: str, link: str) -> None:
    compiler = next(it for it in CROSS if it.architecture == "arm64")
    text = _MANY + "int main(int c, char **v) { return table[c & 3](c); }\n"
    flags = ["-w", "-O2", f"-mbranch-protection={flag}", *_LINKS[link], "-rdynamic"]
    found = seen(
        build(compiler, tmp_path, [text, OTHER], flags, f"{flag}-{link}"),
        "usr/lib/x/p.so" if link == "shared" else "usr/bin/p",
        "arm64",
    )
    # A function that signs its return address begins with `paciasp`, which is a landing pad as well.
    assert (found.bti_compiled in {bti, "yes", "partial"}) if flag == "pac-ret" else found.bti_compiled == bti
    assert (found.pac_compiled, found.ibt_compiled) == (pac, "n/a")


def test_a_program_with_nothing_on_the_stack_needs_no_canary(tmp_path: Path) -> None:
    text = "int main(int c, char **v) { return c * 3; }\n"
    for level in _LEVELS.values():
        found = seen(build(GCC, tmp_path, [text], ["-O2", level, "-fPIE", "-pie"], "none"))
        assert (found.stack_protector, found.reasons["stack_protector"].code) == ("n/a", "nothing-exposed")


def test_the_address_of_the_guard_is_where_the_compiler_says(tmp_path: Path) -> None:
    """Without this the canaries of the matrix could come from something else than the flag."""
    built = build(GCC, tmp_path, [_MAIN, OTHER], ["-w", "-O2", _LEVELS["strong"], "-fPIE", "-pie"], "strong")
    assert "%fs:0x28" in run(["objdump", "-d", built])


_UNPROBED = {"n/a": "no-large-frame", "unknown": "no-pattern"}


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "expected"), [("array", "n/a"), ("scalar", "n/a"), ("huge", "unknown"), ("alloca", "unknown")]
)
@pytest.mark.parametrize("architecture", ["armhf", "ppc64el", "s390x"])
def test_without_large_frames_it_does_not_matter_how_probes_look(
    tmp_path: Path, architecture: str, name: str, expected: str
) -> None:
    compiler = next(it for it in CROSS if it.architecture == architecture)
    built = build(compiler, tmp_path, [HEAD + PROGRAMS[name].text], [*_SHARED, "-O2"], "p.so")
    found = seen(built, "usr/lib/x/p.so", architecture)
    assert (found.stack_clash, found.reasons["stack_clash"].code) == (expected, _UNPROBED[expected])
