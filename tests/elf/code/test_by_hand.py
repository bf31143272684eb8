"""Assembler that hands out its stack is not blamed for lacking a canary; C that looks like it is."""

from __future__ import annotations

from pathlib import Path

import capstone
import pytest

from archscan.elf.arch import amd64
from archscan.elf.by_hand import is_assembler
from archscan.elf.code import code
from archscan.elf.image import Image
from archscan.elf.reader import read
from archscan.elf.unwind import told
from archscan.model import Elf
from tests.elf.building import seen
from tests.elf.code.compilers import CLANG, CROSS, GCC, Compiler, build, each
from tests.elf.code.programs import HEAD

_ARM64, _ARMHF, _I386, _PPC64, _RISCV, _S390X = CROSS
_SHARED = ("-w", "-shared", "-fPIC", "-nostartfiles", "-U_FORTIFY_SOURCE")
_GUARDED = HEAD + "void guarded(const char *s) { char b[64]; strcpy(b, s); use(b); }\n"

# As libffi's ffi_closure_unix64: what it calls says where in a table of code to go on.
_LEAPS = """
    subq $0xd8, %rsp
    .cfi_adjust_cfa_offset 0xd8
    leaq 0xb0(%rsp), %rdi
    call take
    movzbl %al, %r10d
    leaq 1f(%rip), %r11
    leaq (%r11, %r10, 8), %r10
    leaq 0xb0(%rsp), %rsi
    jmp *%r10
1:  addq $0xd8, %rsp
    ret
"""
# As privateSnippetExecutor of LibreOffice: all registers of arguments, side by side, and one more.
_TRAMPOLINE = """
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register %rbp
    subq $160, %rsp
    movq %r10, -152(%rbp)
    movq %rdi, -112(%rbp)
    movq %rsi, -104(%rbp)
    movq %rdx, -96(%rbp)
    movq %rcx, -88(%rbp)
    movq %r8, -80(%rbp)
    movq %r9, -72(%rbp)
    leaq -144(%rbp), %rdi
    call take
    leave
    ret
"""
_PASSES = "    leaq 16(%rsp), %rdi\n    call take\n    addq $0x98, %rsp\n    ret\n"
# As the vector functions of glibc: saved registers deep in the frame, or found by an expression.
_DEEP = (
    "    subq $0x98, %rsp\n    .cfi_adjust_cfa_offset 0x98\n    movq %r12, (%rsp)\n    .cfi_offset %r12, -160\n"
    + _PASSES
)
_EXPRESSION = (
    "    subq $0x98, %rsp\n    .cfi_adjust_cfa_offset 0x98\n"
    "    .cfi_escape 0x10, 0x0c, 4, 0x38, 0x1c, 0x23, 0x10\n" + _PASSES
)
_SILENT = "    subq $0x98, %rsp\n" + _PASSES
_PLAIN_LEA = (
    "    subq $0x98, %rsp\n    .cfi_adjust_cfa_offset 0x98\n    leaq (%rsp), %rdi\n    call take\n"
    "    addq $0x98, %rsp\n    ret\n"
)
_TAKES = "    subq $0x98, %rsp\n    .cfi_adjust_cfa_offset 0x98\n    leaq 16(%rsp), %rdi\n    call take\n"
_PREFIXED = _TAKES + "    addq $0x98, %rsp\n    .byte 0xf3, 0xc3\n"  # as perlasm returns
_KEEPS = (
    "    movq %rsp, %rax\n"
    + _TAKES.replace("    leaq", "    movq %rax, 0x90(%rsp)\n    leaq")
    + ("    movq 0x90(%rsp), %rsp\n    ret\n")
)
_ROUNDS = (
    "    pushq %rbp\n    .cfi_def_cfa_offset 16\n    .cfi_offset %rbp, -16\n    movq %rsp, %rbp\n"
    "    .cfi_def_cfa_register %rbp\n    subq $0x98, %rsp\n    andq $-64, %rsp\n    leaq 16(%rsp), %rdi\n"
    "    call take\n    leave\n    ret\n"
)
_OTHER_STACK = _TAKES + "    movq 8(%rbx), %rsp\n    ret\n"  # as OCaml's caml_start_program
_COPIED_STACK = _TAKES + "    movq 8(%rbx), %rax\n    movq %rax, %rsp\n    ret\n"
_SIGNS = {
    "leaps": _LEAPS,
    "trampoline": _TRAMPOLINE,
    "deep": _DEEP,
    "expression": _EXPRESSION,
    "silent": _SILENT,
    "lea": _PLAIN_LEA,
    "prefixed": _PREFIXED,
    "keeps": _KEEPS,
    "rounds": _ROUNDS,
    "other-stack": _OTHER_STACK,
    "copied-stack": _COPIED_STACK,
}


def _assembler(body: str, *, described: bool = True) -> str:
    begin, end = (".cfi_startproc", ".cfi_endproc") if described else ("", "")
    text = (
        f".text\n.globl by_hand\n.type by_hand, %function\nby_hand:\n{begin}\n{body}\n{end}\n.size by_hand, .-by_hand\n"
    )
    return text + '.section .note.GNU-stack, "", %progbits\n'


def _found(compiler: Compiler, folder: Path, sources: list[str], assembler: str = "") -> Elf:
    """The facts of a library of C units with the stack protector, then of what is given without, then of assembler."""
    protected, *bare = sources
    flags = [*_SHARED, "-O2", "-c"]
    parts: list[str | Path] = []
    if protected:
        parts.append(build(compiler, folder, [protected], [*flags, "-fstack-protector-strong"], "protected.o"))
    parts += [build(compiler, folder, [text], [*flags, "-fno-stack-protector"], "bare.o") for text in bare]
    if assembler:
        (folder / "hand.s").write_text(assembler)
        parts.append(folder / "hand.s")
    return seen(build(compiler, folder, parts, _SHARED, "out.so"), "usr/lib/x/out.so", compiler.architecture)


@pytest.mark.parametrize("sign", list(_SIGNS))
def test_assembler_beside_guarded_c_is_not_blamed(sign: str, tmp_path: Path) -> None:
    found = _found(GCC, tmp_path, [_GUARDED], _assembler(_SIGNS[sign]))
    reason = found.reasons["stack_protector"]
    assert (found.stack_protector, reason.code) == ("yes", "canaries")
    assert (reason.counts["exposed"], reason.counts["assembler"]) == (0, 1)


@pytest.mark.parametrize("sign", list(_SIGNS))
def test_no_flag_changes_what_is_assembler_alone(sign: str, tmp_path: Path) -> None:
    found = _found(GCC, tmp_path, [""], _assembler(_SIGNS[sign]))
    assert (found.stack_protector, found.reasons["stack_protector"].code) == ("n/a", "assembler")


def test_what_the_tables_for_unwinding_leave_out_is_assembler_where_they_list_most(tmp_path: Path) -> None:
    """With nothing guarded it may as well be C without tables, so that then it counts."""
    body = _assembler(_SILENT, described=False)
    many = _GUARDED + "".join(
        f"int f{n}(int x) {{ return x * {n} + counter{n}(x) / 3; }}\n" for n in range(20)
    ).replace("counter", "f")
    assert _found(GCC, tmp_path, [many], body).reasons["stack_protector"].counts.get("assembler") == 1
    assert _found(GCC, tmp_path, [""], body).stack_protector == "no"


def test_the_same_instructions_described_as_compilers_do_are_blamed(tmp_path: Path) -> None:
    body = "    subq $0x98, %rsp\n    .cfi_adjust_cfa_offset 0x98\n" + _PASSES
    assert _found(GCC, tmp_path, [_GUARDED], _assembler(body)).stack_protector == "partial"


_VARIADIC = (
    "int f(const char *s, ...) { va_list a; char b[64]; va_start(a, s); print(s, a); va_end(a); use(b); return b[3]; }"
)
_LIKE_ASSEMBLER = {
    "variadic": _VARIADIC,
    "six": "long f(long a, long b, long c, long d, long e, long g) { char t[64]; use(t);"
    " return a + b * c - d / e + g + t[1]; }",
    "six-addresses": "void six(long *, long *, long *, long *, long *, long *);"
    "void f(long a, long b, long c, long d, long e, long g) { char t[64]; six(&a, &b, &c, &d, &e, &g); use(t); }",
    "switch": "int f(int n, char *s) { char t[64]; use(t); switch (n) { "
    + "".join(f"case {n}: s[{n * 7}] = t[{n}]; take((int *)s); break;" for n in range(40))
    + " } return t[2]; }",
    "computed-goto": "int f(const unsigned char *p) { static void *const to[] = { &&a, &&b, &&c }; char t[64]; use(t);"
    " goto *to[*p]; a: t[0]++; goto *to[*++p]; b: t[1]--; goto *to[*++p]; c: use(t); return t[0]; }",
    "tail-call": "typedef int step(char *); extern step *const steps[];"
    "int f(int n, char *s) { char t[64]; use(t); s[0] = t[1]; return steps[n](s); }",
    "saved": "long f(long n, long *p) { char t[200]; long a = p[0], b = p[1], c = p[2], d = p[3], e = p[4], g = p[5];"
    " use(t); return a * t[1] + b * t[2] + c * n + d + e * g; }",
    "aligned": "long f(long n) { char t[128] __attribute__((aligned(64))); use(t); return t[n]; }",
}
# What is not always seen to hand out its stack; here it is enough that none of it passes for assembler.
_UNSEEN = ("computed-goto", "aligned")
_NESTED = (
    "long f(long n) { long inner(long a, long b, long c, long d, long e, long g)"
    " { char t[64]; use(t); return a + b + c + d + e + g + n + t[1]; }"
    " long (*volatile p)(long, long, long, long, long, long) = inner; return p(1, 2, 3, 4, 5, n); }"
)


@pytest.mark.parametrize("optimised", ["-O0", "-O2", "-Os"])
@pytest.mark.parametrize("compiler", each(CLANG, *CROSS))
def test_c_that_looks_like_assembler_is_blamed(compiler: Compiler, optimised: str, tmp_path: Path) -> None:
    wrong = []
    programs = dict(_LIKE_ASSEMBLER) | ({} if compiler is CLANG else {"nested": _NESTED})
    for name, text in programs.items():
        bare = build(compiler, tmp_path, [HEAD + text], [*_SHARED, optimised, "-fno-stack-protector", "-c"], "bare.o")
        flags = [*_SHARED, optimised, "-fstack-protector-strong", "-c"]
        guarded = build(compiler, tmp_path, [_GUARDED], flags, "guarded.o")
        for parts, expected in (([bare], "no"), ([bare, guarded], "partial")):
            out = build(compiler, tmp_path, parts, _SHARED, "out.so")
            found = seen(out, "usr/lib/x/out.so", compiler.architecture)
            missed = found.stack_protector != expected and name not in _UNSEEN
            if missed or "assembler" in found.reasons["stack_protector"].counts:
                wrong.append((name, found.stack_protector, found.reasons["stack_protector"].counts))
    assert not wrong


_OTHERS = {
    # ffi_closure_SYSV of arm64, ffi_closure_i386, ffi_call_LINUX64
    _ARM64: "stp x29, x30, [sp, #-0x110]!\n.cfi_adjust_cfa_offset 0x110\n mov x29, sp\n add x0, sp, #0x10\n bl take\n"
    " adr x1, 1f\n add x1, x1, x0, lsl #4\n br x1\n1: ldp x29, x30, [sp], #0x110\n ret",
    _I386: "subl $0x2c, %esp\n.cfi_adjust_cfa_offset 0x2c\n leal 0x10(%esp), %edx\n movl %edx, (%esp)\n call take\n"
    " call 2f\n leal 0x11(%edx, %eax, 8), %edx\n jmp *%edx\n1: addl $0x2c, %esp\n ret\n2: movl (%esp), %edx\n ret",
    _PPC64: "mflr 0\n std 31, -8(1)\n std 0, 16(1)\n mr 28, 1\n stdu 1, -256(1)\n.cfi_adjust_cfa_offset 256\n"
    " addi 3, 1, 96\n bl take\n nop\n mtcrf 0xc0, 31\n addi 1, 1, 256\n blr",
}


@pytest.mark.full
@pytest.mark.parametrize("compiler", [pytest.param(it, id=str(it)) for it in _OTHERS])
def test_assembler_of_other_processors_is_not_blamed(compiler: Compiler, tmp_path: Path) -> None:
    found = _found(compiler, tmp_path, [_GUARDED], _assembler(_OTHERS[compiler]))
    assert (found.stack_protector, found.reasons["stack_protector"].counts.get("assembler")) == ("yes", 1)


@pytest.mark.full
def test_the_place_of_a_result_needs_no_canary_on_ia32(tmp_path: Path) -> None:
    """gcc's functions for numbers of 128 bits get its address; a call that takes an array's stays one."""
    hidden = '__attribute__((visibility("hidden")))'
    own = "".join(
        f"{hidden} __float128 {name}(__float128 a, __float128 b) {{ return a; }}\n" for name in ("__multf3", "__divtf3")
    )
    wide = "__float128 f(__float128 a, __float128 b) { return a * b / (a * a / b); }\n"
    found = _found(_I386, tmp_path, [_GUARDED + own, HEAD + wide])
    assert (found.stack_protector, found.reasons["stack_protector"].counts["exposed"]) == ("yes", 0)
    array = "long f(long n) { char b[64]; use(b); return b[n & 7]; }\n"
    assert _found(_I386, tmp_path, [_GUARDED, HEAD + array]).stack_protector == "partial"


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ("bb2800000064488b03", True),  # mov $0x28,%ebx; mov %fs:(%rbx),%rax
        ("41bc2800000031c064498b0424", True),  # r12, which takes another byte
        ("41bd2800000064498b4500", True),  # r13, which takes a distance
        ("bb2800000064488b01", False),  # of another register
        ("bb3000000064488b03", False),  # of something else
        ("64488b042528000000", True),
        ("64488b042530000000", False),
    ],
)
def test_the_guard_may_be_read_through_a_register(instructions: str, expected: bool, tmp_path: Path) -> None:
    image = _image(bytes.fromhex(instructions), tmp_path)
    assert amd64.MACHINE.idioms
    assert bool(amd64.MACHINE.idioms.canaries(code(image)).size) is expected


def _image(instructions: bytes, folder: Path) -> Image:
    text = (
        ".text\n" + ".fill 64, 1, 0x90\n" + "".join(f".byte {byte}\n" for byte in instructions) + ".fill 64, 1, 0x90\n"
    )
    (folder / "a.s").write_text(text)
    return read(build(GCC, folder, [folder / "a.s"], ["-c"], "a.o").read_bytes())


def test_registers_that_were_changed_are_no_arguments() -> None:
    """The trampoline of above, but with `mov %rax,%rsi` before what is saved."""
    assert amd64.MACHINE.idioms
    text = amd64.MACHINE.idioms.text
    assert text
    saves = bytes.fromhex("4c895424f848893c244889742408488954241048894c24184c894424204c894c2428")

    def shown(data: bytes) -> bool:
        rows = capstone.Cs(*text.mode).disasm(data, 0)
        return is_assembler([(row.address, row.mnemonic, row.op_str) for row in rows], text)

    assert shown(saves)
    assert not shown(bytes.fromhex("4889c6") + saves)
    assert not shown(saves[5:]), "nothing reads r10"
    assert not shown(bytes.fromhex("4d31d2") + saves), "xor %r10,%r10 sets it"


def test_an_instruction_that_is_not_known_ends_a_description() -> None:
    assert [row.operation for row in told(bytes([0x0E, 16, 0x42, 0x3F, 0x0E, 8]))] == [0x0E, 0x40]
    assert [(row.operation, row.operands, row.expression) for row in told(bytes([0x10, 12, 2, 0x13, 0x30]))] == [
        (0x10, (12,), b"\x13\x30")
    ]
