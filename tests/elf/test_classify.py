"""What an object is for, from its headers and its place in a package."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.elf.building import HELLO, PLAIN, body_at, compiled, handmade, linked, seen, with_dynamic

_PIE_FLAG = 0x08000000


@pytest.mark.parametrize(("path", "kind"), [
    ("usr/lib/x86_64-linux-gnu/libx.so.1", "shared-library"),
    ("lib/libx.so.1", "shared-library"),
    ("usr/lib32/libx.so.1", "shared-library"),
    ("usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libx.so.1", "shared-library"),
    ("usr/aarch64-linux-gnu/lib/libx.so.1", "shared-library"),
    ("usr/lib/x86_64-linux-gnu/private/libx.so.1", "plugin"),
    ("usr/lib/python3/dist-packages/x.so", "plugin"),
    ("usr/lib/debug/.build-id/ab/cdef.debug", "debug"),
    ("usr/lib/firmware/x.bin", "firmware"),
    ("lib/modules/6.1.0-9-amd64/vdso/vdso64.so", "firmware"),
    ("usr/lib/xen-4.17/boot/hvmloader", "firmware"),
])  # fmt: skip
def test_a_library_is_what_its_place_makes_it(path: str, kind: str) -> None:
    assert seen(linked({5: b"\0libx.so.1\0"}, [(10, 11), (14, 1)]), path).kind == kind


def test_a_library_without_a_name_is_a_plugin() -> None:
    assert seen(linked({5: b"\0"}, [(10, 1)]), "usr/lib/x86_64-linux-gnu/libx.so").kind == "plugin"


@pytest.mark.parametrize(("name", "kind"), [(".reloc", "firmware"), (".relocs", "static-pie")])
def test_what_becomes_an_efi_program_is_firmware(tmp_path: Path, name: str, kind: str) -> None:
    """No process runs it, though it looks like a static program."""
    source = (
        f'__attribute__((section("{name}"), used)) const int r[3] = {{1, 2, 3}};\nvoid _start(void) {{ for (;;) ; }}\n'
    )
    path = compiled(tmp_path, source, ["-nostdlib", "-static-pie", "-fPIE"])
    found = seen(path, "usr/lib/boot/linuxx64.elf.stub")
    assert (found.kind, found.relro == "n/a") == (kind, kind == "firmware")


# As OpenSBI is linked: from address 0 on, with nothing of the file's headers.
_SCRIPT = """
SECTIONS {
    . = 0;
    .text : { *(.text*) }
    .rodata : { *(.rodata*) *(.dynsym) *(.dynstr) *(.gnu.hash) *(.hash) *(.rela*) }
    . = 0x40000;
    .dynamic : { *(.dynamic) }
    .data : { *(.data*) *(.got*) *(.bss*) }
}
"""


def test_a_program_that_cannot_find_its_program_headers_is_firmware(tmp_path: Path) -> None:
    source = "int x; int *p = &x;\nvoid _start(void) { for (;;) ; }\n"
    flags = ["-nostdlib", "-static-pie", "-fPIE", "-Wl,--no-dynamic-linker"]
    assert seen(compiled(tmp_path, source, flags), "usr/bin/x").kind == "static-pie"
    (tmp_path / "script").write_text(_SCRIPT)
    bare = compiled(tmp_path, source, [*flags, f"-Wl,-T,{tmp_path / 'script'}"])
    assert seen(bare, "usr/bin/x").kind == "firmware"
    plugin = compiled(tmp_path, source, ["-nostdlib", "-shared", "-fPIC", f"-Wl,-T,{tmp_path / 'script'}"])
    assert seen(plugin, "usr/lib/x/p.so").kind == "plugin"


@pytest.mark.parametrize(("architecture", "kind"), [("amd64", "static-executable"), ("all", "firmware")])
def test_a_freestanding_program_of_a_package_for_all_is_firmware(architecture: str, kind: str) -> None:
    data = handmade([(1, 5, 0, body_at(1))], kind=2)
    assert seen(data, "usr/share/x/boot.elf", architecture).kind == kind


def test_a_kernel_is_firmware_by_its_address() -> None:
    assert seen(handmade([(1, 5, 0, body_at(1))], kind=2, entry=0xFFFFFFFF81000000), "usr/x").kind == "firmware"


@pytest.mark.parametrize("machine", [94, 83, 247, 0xFFFF])
def test_a_processor_without_a_debian_is_firmware(machine: int) -> None:
    assert seen(handmade([(1, 5, 0, body_at(1))], kind=2, machine=machine), "usr/bin/x").kind == "firmware"


def test_core_dumps_are_told() -> None:
    found = seen(handmade([(1, 7, 0, body_at(1))], kind=4), "var/core")
    assert (found.kind, found.nx, found.wx_segments) == ("core", "n/a", 0)


def test_an_old_linker_set_no_flag_for_a_pie(tmp_path: Path) -> None:
    data = compiled(tmp_path, HELLO).read_bytes()
    assert seen(data).kind == "pie"
    assert seen(with_dynamic(data, [], without=[0x6FFFFFFB])).kind == "pie"
    assert seen(with_dynamic(data, [], without=[0x6FFFFFFB, 21])).kind == "runnable-library"


def test_a_library_that_can_be_run_is_no_program(tmp_path: Path) -> None:
    interp = '.section .interp,"a"\n.asciz "/lib64/ld-linux-x86-64.so.2"\n.section .note.GNU-stack,"",@progbits\n'
    path = compiled(tmp_path, interp, ["-shared", "-nostdlib", "-Wl,-soname,libx.so.6"], suffix="s")
    found = seen(path, "usr/lib/x86_64-linux-gnu/libx.so.6")
    assert (found.kind, found.pie) == ("runnable-library", "n/a")


def test_a_kernel_module_is_more_than_its_name(tmp_path: Path) -> None:
    source = '.text\nnop\n.section .modinfo,"a"\n.asciz "license=GPL"\n.section .note.GNU-stack,"",@progbits\n'
    module = compiled(tmp_path, source, ["-c"], suffix="s", name="x.ko")
    assert seen(module, "lib/modules/6.1/kernel/x.ko").kind == "kernel-module"
    plain = compiled(tmp_path, source.replace(".modinfo", ".other"), ["-c"], suffix="s", name="y.ko")
    assert seen(plain, "usr/share/y.ko").kind == "relocatable"


def test_an_object_of_nothing_but_variables_is_no_debug_file(tmp_path: Path) -> None:
    assert seen(compiled(tmp_path, "int big[1000];", ["-c"], name="x.o"), "usr/lib/x.o").kind == "relocatable"
    program = compiled(tmp_path, HELLO, [*PLAIN, "-g", "-c"], name="y.o")
    subprocess.run(["objcopy", "--only-keep-debug", program, tmp_path / "y.debug"], check=True)
    assert seen(tmp_path / "y.debug", "usr/share/y.debug").kind == "debug"


@pytest.mark.parametrize("path", ["usr/lib/klibc/bin/cat", "lib/klibc-abc.so"])
def test_klibc_stands_at_a_fixed_address_by_design(path: str) -> None:
    found = seen(handmade([(1, 5, 0, body_at(1))], kind=2), path)
    assert (found.kind, found.pie, found.reasons["pie"].code) == ("static-executable", "n/a", "klibc")
