"""Landing pads where few functions need one, and where a linker leaves less than others to tell them by."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.elf.building import seen
from tests.elf.code.compilers import CLANG, CROSS, GCC, Compiler, build, each, run

_ARM64 = next(it for it in CROSS if it.architecture == "arm64")

_FUNCTIONS = "".join(
    f'__attribute__((noinline)) int f{n}(int x) {{ return printf("%d", x * {n}) + {n}; }}\n' for n in range(1, 26)
)
_TEXT = (
    f"#include <stdio.h>\n{_FUNCTIONS}"
    f"int main(int c, char **v) {{ return {' + '.join(f'f{n}(c)' for n in range(1, 26))}; }}\n"
)


@pytest.mark.parametrize("link", [["-fPIE", "-pie"], ["-fno-pie", "-no-pie"]])
@pytest.mark.parametrize(("flag", "compiled"), [("none", "no"), ("full", "yes")])
def test_main_needs_a_pad_where_link_time_optimisation_left_no_other(
    tmp_path: Path, flag: str, compiled: str, link: list[str]
) -> None:
    found = seen(build(GCC, tmp_path, [_TEXT], ["-O2", "-flto", f"-fcf-protection={flag}", *link], "p"))
    assert found.ibt_compiled == compiled, found.reasons["ibt_compiled"]


@pytest.mark.full
@pytest.mark.parametrize("link", [["-fPIE", "-pie"], ["-fPIC", "-shared"]])
@pytest.mark.parametrize(("flag", "compiled"), [("none", "no"), ("full", "yes")])
@pytest.mark.parametrize("linker", ["bfd", "gold", "lld"])
@pytest.mark.parametrize("compiler", each(CLANG))
def test_the_start_files_are_known_with_every_linker(
    tmp_path: Path, compiler: Compiler, linker: str, flag: str, compiled: str, link: list[str]
) -> None:
    """lld leaves the words of DT_INIT_ARRAY to the relocations."""
    text = "int twice(int x) { return 2 * x; } int main(int c, char **v) { return twice(c); }\n"
    flags = ["-O2", f"-fcf-protection={flag}", f"-fuse-ld={linker}", *link]
    found = seen(build(compiler, tmp_path, [text], flags, "p"), "usr/lib/x/p.so" if "-shared" in link else "usr/bin/p")
    assert found.ibt_compiled == compiled, found.reasons["ibt_compiled"]


# As gcc writes it with `-mbranch-protection=pac-ret` and `=standard` alike.
_SIGNS = """
.globl {0}
.type {0}, %function
{0}: .cfi_startproc
 paciasp
 .cfi_negate_ra_state
 stp x29, x30, [sp, -16]!
 .cfi_def_cfa_offset 16
 .cfi_offset 29, -16
 .cfi_offset 30, -8
 mov x29, sp
 bl inner
 ldp x29, x30, [sp], 16
 autiasp
 ret
 .cfi_endproc
.size {0}, .-{0}
"""
_LEAF = "{0}\n.type {1}, %function\n{1}: .cfi_startproc\n add w0, w0, w0\n ret\n .cfi_endproc\n.size {1}, .-{1}\n"
_INNER, _BARE = _LEAF.format("", "inner"), _LEAF.format(".globl twice", "twice")
_PADDED = _LEAF.format(".globl padded", "padded").replace(" add", " bti c\n add")


@pytest.mark.parametrize(
    ("leaves", "verdict", "code", "marked"),
    [
        ("", "yes", "landing-pads", 2),
        (_BARE, "no", "only-signed", 2),
        (_BARE + _PADDED, "partial", "some-without-landing-pad", 3),
    ],
    ids=["none", "bare", "one-of-two"],
)
def test_signatures_serve_as_landing_pads_where_no_function_needs_another(
    tmp_path: Path, leaves: str, verdict: str, code: str, marked: int
) -> None:
    """One that is only called directly needs none, whatever the flag was."""
    (tmp_path / "p.s").write_text(_SIGNS.format("first") + _SIGNS.format("second") + _INNER + leaves)
    run(["aarch64-linux-gnu-as", "-o", tmp_path / "p.o", tmp_path / "p.s"])
    run(["aarch64-linux-gnu-ld", "-shared", "-o", tmp_path / "p.so", tmp_path / "p.o"])
    found = seen(tmp_path / "p.so", "usr/lib/x/p.so", "arm64")
    reason = found.reasons["bti_compiled"]
    assert (found.bti_compiled, reason.code, reason.counts["marked"]) == (verdict, code, marked)


@pytest.mark.full
@pytest.mark.parametrize("link", [["-fPIC", "-shared"], ["-fPIC", "-c"]])
@pytest.mark.parametrize(
    ("flag", "pads", "signed"),
    [("none", "no", "no"), ("bti", "yes", "no"), ("pac-ret", "no", "yes"), ("standard", "yes", "yes")],
)
def test_what_signs_return_addresses_is_no_landing_pad_that_was_asked_for(
    tmp_path: Path, flag: str, pads: str, signed: str, link: list[str]
) -> None:
    """`paciasp` is one, too. Of thirty functions one has no frame and signs nothing."""
    text = f"{_TEXT}int twice(int x) {{ return 2 * x; }}\n"
    flags = ["-O2", f"-mbranch-protection={flag}", *link]
    found = seen(build(_ARM64, tmp_path, [text], flags, "p.so"), "usr/lib/x/p.so", "arm64")
    assert (found.bti_compiled, found.pac_compiled) == (pads, signed), found.reasons["bti_compiled"]
    assert (found.reasons["bti_compiled"].code == "only-signed") == (flag == "pac-ret")


@pytest.mark.full
@pytest.mark.parametrize(("flag", "verdict"), [("none", "no"), ("standard", "yes")])
def test_instructions_are_little_endian_in_big_endian_objects_too(tmp_path: Path, flag: str, verdict: str) -> None:
    """Arm, "Procedure Call Standard for the Arm 64-bit Architecture": byte-invariant big-endian data."""
    text = "int printf(const char *, ...);\n" + _TEXT.replace("#include <stdio.h>\n", "")
    flags = ["-mbig-endian", "-O2", f"-mbranch-protection={flag}", "-c"]
    found = seen(build(_ARM64, tmp_path, [text], flags, "p.o"), "usr/lib/p.o", "arm64")
    assert (found.endian, found.bti_compiled, found.pac_compiled) == ("big", verdict, verdict)
