"""What is searched for in machine code, against the instructions that objdump prints.

Each pattern is a search over bytes; the same set of addresses must come from the disassembler's text.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from archscan.elf.arch import machine
from archscan.elf.arch.idioms import Frames, Idioms
from archscan.elf.arrays import Offsets, np
from archscan.elf.code import Code, address_of, code, entry, offsets_of
from archscan.elf.functions import Functions, functions, owners
from archscan.elf.inspection import by_prologues, inspection
from archscan.elf.reader import read
from tests.elf.code.compilers import CLANG, CROSS, GCC, Compiler, build, each, run
from tests.elf.code.programs import HEAD, OTHER, PROGRAMS

_SIZES = (8, 16, 24, 40, 64, 100, 128, 200, 256, 500, 1000, 2000, 4000, 4096, 5000, 9000, 20_000, 70_000, 300_000)


def _corpus() -> str:
    """A few hundred functions, with arrays of all sizes, and all that the other tests have."""
    arrays = [f"void a{n}(const char *s) {{ char b[{n}]; strcpy(b, s); use(b); }}\n" for n in _SIZES]
    calls = [f"int b{n}(int i, char *p) {{ char b[{n}]; use(b); take(&i); use(p); return b[i]; }}\n" for n in _SIZES]
    words = [f"long c{n}(int i) {{ long b[{n}]; use((char *)b); return b[i] + b[0]; }}\n" for n in range(1, 60)]
    scalars = [
        f"int d{n}(int a, int b) {{ int x = a + {n}, y = b * {n}; take(&x); pair(&x, &y); return x; }}\n"
        for n in range(40)
    ]
    leaves = [f"int e{n}(int a, int b) {{ return a * {n} + b; }}\n" for n in range(60)]
    dynamic = [
        f"void h{n}(int n) {{ char b[n + {n}]; use(b); char *p = alloca(n * {n}); use(p); }}\n" for n in range(9)
    ]
    variadic = [
        f"void i{n}(const char *f, ...) {{ va_list a; char b[{n * 8 + 8}]; va_start(a, f); print(f, a);"
        " va_end(a); use(b); }\n"
        for n in range(9)
    ]
    other = [
        program.text.replace(" f(", f" k{number}(").replace("f(n - ", f"k{number}(n - ")
        for number, program in enumerate(PROGRAMS.values())
    ]
    return HEAD + "".join((*arrays, *calls, *words, *scalars, *leaves, *dynamic, *variadic, *other))


CORPUS = _corpus()


class Forms(msgspec.Struct, frozen=True):
    """Regular expressions on objdump's text, of up to three instructions, which end with a semicolon each.

    ``frames`` name the ``size``, in hex or not; it is larger than what the function has by ``reserved``.
    """

    canaries: str
    frames: str
    grows: str
    addresses: str
    probes: str | None = None
    pads: tuple[str, str] | None = None  # the column, and what the code of a function begins with
    saves: str | None = None
    signatures: str | None = None
    reserved: int = 0
    options: tuple[str, ...] = ()


_NUMBER = r"(?:0x)?[0-9a-f]+"
FORMS = {
    "amd64": Forms(
        canaries=r"(?:mov|add|sub|xor|cmp)[lq]? %fs:0x28,%",
        frames=rf"sub \$(?P<size>(?!0xf{{8}}){_NUMBER}),%rsp;|add \$0xffffffffffffff80,%rsp;",
        grows=r"sub %\w+,%rsp;|mov %(?!rbp)\w+,%rsp;",
        addresses=rf"lea -?{_NUMBER}\(%r[sb]p\),%r\w+;|mov %rsp,%\w+;",
        probes=rf"orq? \$0x0,(?:{_NUMBER})?\(%rsp\);",
        pads=("ibt_compiled", r"endbr64"),
    ),
    "i386": Forms(
        canaries=r"(?:mov|add|sub|xor|cmp)l? %gs:0x14,%",
        frames=rf"sub \$(?P<size>(?!0xf{{6}}){_NUMBER}),%esp;|add \$0xffffff80,%esp;",
        grows=r"sub %\w+,%esp;|mov %(?!ebp)\w+,%esp;",
        addresses=rf"lea -?{_NUMBER}\(%e[sb]p\),%e\w+;|mov %esp,%\w+;|push %esp;",
        probes=rf"orl? \$0x0,(?:{_NUMBER})?\(%esp\);",
        pads=("ibt_compiled", r"endbr32"),
    ),
    "arm64": Forms(
        canaries=r"subs (x\d+), \1, (x\d+);mov \2, #0x0;|ldr (x\d+), \[x\d+\];(?:str|stur) \3, [^;]*;mov \3, #0x0;",
        frames=rf"sub sp, sp, #(?P<size>{_NUMBER}(?:, lsl #12)?);|st(?:p x\w+,|r) x\w+, \[sp, #-(?P<pair>\d+)\]!;",
        grows=r"sub sp, sp, x\d+;",
        addresses=rf"(?:add|sub) x(?!29)\d+, (?:sp|x29), #{_NUMBER}(?:, lsl #12)?;|mov x(?!29)\d+, sp;",
        probes=r"sub sp, sp, [^;]*;str xzr, \[sp[^;]*;",
        pads=("bti_compiled", r"bti j?c|paci[ab]sp"),
        saves=r"stp x29, x30, \[sp(?:, #-?\d+)?\]!?;|str x30, \[sp, #-\d+\]!;",
        signatures=r"paci[ab]sp;",
    ),
    "armhf": Forms(
        canaries=r"eors (r[0-7]), (r[0-7]);mov\.w (?:\1|\2), #0;"
        r"|ldr(?:\.w)? (\w+), \[\w+(?:, #0)?\];str(?:\.w)? \3, \[\w+(?:, #\d+)?\];mov\.w \3, #0;",
        frames=r"sub(?:\.w|w)? sp, (?:sp, )?#(?P<size>\d+);",
        grows=r"sub\.w sp, sp, r\d+;",
        addresses=r"addw?(?:\.w)? (?:r\d+|ip|lr|sl|fp), sp, #\d+;|mov (?!sp|pc)\w+, sp;",
    ),
    "ppc64el": Forms(
        canaries=r"ld r\d+,-28688\(r13\);",
        frames=r"stdu r1,-(?P<size>\d+)\(r1\);|stdux r1,r1,r\d+;",
        grows=r"stdux r(?!1,)\d+,r1,r\d+;",
        addresses=r"addi r(?!1,)\d+,r1,\d+;",
    ),
    "s390x": Forms(
        canaries=r"(?:mvc|clc) \d+\(8,%r\d+\),40\(%r\d+\);",
        frames=r"(?:aghi %r15,|lay %r15,)-(?P<size>\d+)(?:\(%r15\))?;",
        grows=r"sgr %r15,%r\d+;",
        addresses=r"la %r(?!15)\d+,\d+\(%r1[15]\);|aghik %r\d+,%r1[15],-?\d+;",
        reserved=160,
    ),
    "riscv64": Forms(
        canaries=r"(?:c\.)?ld (\w+),0\(\w+\);(?:c\.sdsp|c\.sd|sd) \1,-?\d+\(\w+\);c\.li \1,0;"
        r"|c\.xor (\w+),(\w+);c\.li (?:\2|\3),0;",
        frames=r"addi sp,sp,-(?P<size>\d+);|c\.addi16sp sp,-(?P<middle>\d+);|c\.addi sp,-(?P<small>\d+);",
        grows=r"sub sp,sp,\w+;",
        addresses=r"c\.addi4spn \w+,sp,\d+;|addi \w+,sp,-?\d+;|addi \w+,s0,-\d+;|c\.mv \w+,sp;",
        options=("-M", "no-aliases"),
    ),
}  # fmt: skip
_SHORT = {"i386": {"addresses", "frames"}, "armhf": {"addresses"}, "riscv64": {"addresses", "frames"}}
_CHANCE = {"riscv64": 2}  # one of so many is met by chance at most; else one of ten
_LINE = re.compile(r"^ *([0-9a-f]+):\t([^\t\n]*(?:\t[^\n]*)?)$", re.MULTILINE)
_COMMENT = re.compile(r" *(?:[#@;] .*|//.*|<.*>)$")


def instructions(compiler: Compiler, path: Path, options: tuple[str, ...] = ()) -> dict[int, str]:
    """Address → the text of the instruction, with single blanks and without comments."""
    command: list[str | Path] = [compiler.prefix + "objdump", "-d", "-w", "--no-show-raw-insn", *options, path]
    found = {int(at, 16): " ".join(text.split()) for at, text in _LINE.findall(run(command))}
    return {at: _COMMENT.sub("", _COMMENT.sub("", text)) for at, text in found.items()}


def matched(lines: dict[int, str], pattern: str) -> dict[int, re.Match[str]]:
    """Where instructions match, alone or with the two behind them."""
    wanted, places = re.compile(pattern), sorted(lines)
    texts = [lines[at] + ";" for at in places]
    found = {}
    for number, at in enumerate(places):
        window = "".join(texts[max(number - 1, 0) : number + 3])
        match = wanted.match(window, len(texts[number - 1]) if number else 0)
        if match:
            found[at] = match
    return found


class Seen(msgspec.Struct, frozen=True):
    """An object, searched and disassembled."""

    text: Code
    view: Functions
    idioms: Idioms
    lines: dict[int, str]

    def inside(self, offsets: Offsets) -> set[int]:
        """The addresses of those offsets that lie in functions."""
        kept = offsets[owners(self.view, offsets) >= 0]
        return {address_of(self.text, offset) for offset in kept.tolist()}

    def printed(self, pattern: str) -> dict[int, re.Match[str]]:
        """What objdump prints of a pattern in functions."""
        found = matched(self.lines, pattern)
        places = np.array(list(found), np.int64)
        inside = owners(self.view, offsets_of(self.text, places)) >= 0
        return {at: found[at] for at in places[inside].tolist()}


def _seen(compiler: Compiler, path: Path) -> Seen:
    image = read(path.read_bytes())
    text = code(image)
    idioms = machine(image.machine).idioms
    assert idioms is not None
    lines = instructions(compiler, path, FORMS[compiler.architecture].options)
    return Seen(text, functions(image, text), idioms, lines)


_FLAGS = [
    ["-O0", "-fstack-protector-strong", "-fstack-clash-protection"],
    ["-O2", "-fstack-protector-strong", "-fstack-clash-protection"],
    ["-O2", "-fno-stack-protector", "-fno-stack-clash-protection"],
    ["-Os", "-fstack-protector-all"],
    ["-O3", "-fomit-frame-pointer", "-fstack-protector"],
]


@pytest.mark.parametrize("flags", _FLAGS, ids=" ".join)
@pytest.mark.parametrize("compiler", each(CLANG, *CROSS))
def test_searches_find_what_objdump_prints(tmp_path: Path, compiler: Compiler, flags: list[str]) -> None:
    branch = {
        "amd64": ["-fcf-protection=full"],
        "i386": ["-fcf-protection=full"],
        "arm64": ["-mbranch-protection=standard"],
    }
    more = ["-w", "-shared", "-fPIC", "-nostartfiles", *branch.get(compiler.architecture, [])]
    found = _seen(compiler, build(compiler, tmp_path, [CORPUS], [*more, *flags], "corpus"))
    forms = FORMS[compiler.architecture]
    assert found.view.starts.size > 200
    frames = found.idioms.frames(found.text)
    searched = {
        "canaries": (found.idioms.canaries(found.text), forms.canaries),
        "addresses": (found.idioms.addresses(found.text), forms.addresses),
        # Where the size stands in a register, its instruction is of the one or of the other kind.
        "frames": (np.concatenate([frames.offsets, frames.grows]), f"{forms.frames}|{forms.grows}"),
    }
    if forms.saves and forms.signatures:
        searched["saves"] = found.idioms.signed_frames(found.text), forms.saves
        searched["signatures"] = found.idioms.signatures(found.text), forms.signatures
    for what, (offsets, pattern) in searched.items():
        expected, got = set(found.printed(pattern)), found.inside(offsets)
        wrong = [(hex(at), found.lines.get(at)) for at in sorted(got ^ expected)]
        if what in _SHORT.get(compiler.architecture, ()):
            # So short a pattern is also met in the midst of an instruction; that only makes a function worth a look.
            assert all(text is None or ".word" in text for _, text in wrong), (what, wrong[:8])
            assert len(wrong) <= len(expected) // _CHANCE.get(compiler.architecture, 10), (what, wrong[:8])
        else:
            assert not wrong, (what, wrong[:8])
    guarded = {owner for owner in owners(found.view, found.idioms.canaries(found.text)).tolist() if owner >= 0}
    assert bool(guarded) == ("-fno-stack-protector" not in flags)
    assert len(found.inside(frames.offsets)) > 40
    _assert_sizes(found, forms)
    _assert_pads(found, forms)


def _assert_sizes(found: Seen, forms: Forms) -> None:
    frames = found.idioms.frames(found.text)
    sizes = dict(zip(frames.offsets.tolist(), frames.sizes.tolist(), strict=True))
    printed = found.printed(forms.frames)
    compared = 0
    for offset, size in sizes.items():
        match = printed.get(address_of(found.text, offset))
        words = [word for word in match.groupdict().values() if word] if match else []
        if words:
            value, _, shift = words[0].partition(", lsl #")
            expected = int(value, 0) << int(shift or 0)
            assert size == max(expected - forms.reserved, 0), match
            compared += 1
    assert compared > 40


def _assert_pads(found: Seen, forms: Forms) -> None:
    if forms.pads is None:
        return
    column, pattern = forms.pads
    marked = found.idioms.entry_marks[column](found.text, found.view.starts)
    for start, is_marked in zip(found.view.starts.tolist(), marked.tolist(), strict=True):
        line = found.lines[address_of(found.text, start)]
        assert is_marked == (re.match(pattern, line) is not None), line
    assert marked.sum() > 200


@pytest.mark.parametrize("compiler", each(CLANG, *(it for it in CROSS if it.architecture in ("arm64", "i386"))))
def test_probes_are_what_objdump_prints(tmp_path: Path, compiler: Compiler) -> None:
    forms = FORMS[compiler.architecture]
    assert forms.probes is not None
    for flag in ("-fstack-clash-protection", "-fno-stack-clash-protection"):
        flags = ["-w", "-O2", "-shared", "-fPIC", "-nostartfiles", flag]
        found = _seen(compiler, build(compiler, tmp_path, [CORPUS], flags, "corpus"))
        assert found.idioms.probes is not None
        seen = found.idioms.probes(found.text, found.idioms.frames(found.text))
        printed = {at + (4 if compiler.architecture == "arm64" else 0) for at in found.printed(forms.probes)}
        if compiler is CLANG:  # which touches a page by a common instruction, behind or before it takes it
            printed |= {at + 7 for at in found.printed(r"sub \$0x1000,%rsp;movq \$0x0,\(%rsp\);")}
            printed |= set(found.printed(r"xorq \$0x0,\(%rsp\);sub \$0x1000,%rsp;"))
        assert found.inside(seen.probes) == printed
        assert bool(printed) == (flag == "-fstack-clash-protection")
        unprobed = {found.lines[at] for at in found.inside(seen.unprobed)}
        assert bool(unprobed) == (flag != "-fstack-clash-protection"), unprobed


@pytest.mark.full
@pytest.mark.parametrize("path", ["libc.so.6", "libm.so.6", "libcrypto.so.3", "libstdc++.so.6"])
def test_real_code_holds_what_objdump_prints(path: str) -> None:
    """Real code has data and assembler between functions; inside of functions a search errs in one of hundreds."""
    found = _seen(GCC, Path(f"/usr/lib/x86_64-linux-gnu/{path}").resolve())
    forms = FORMS["amd64"]
    frames = found.idioms.frames(found.text)
    for offsets, pattern in (
        (found.idioms.canaries(found.text), forms.canaries),
        (frames.offsets, forms.frames),
        (found.idioms.addresses(found.text), forms.addresses),
    ):
        got = found.inside(offsets)
        expected = set(found.printed(pattern))
        assert len(got ^ expected) <= max(len(expected) // 200, 10)


def _thumb(tmp_path: Path, halves: str) -> tuple[Frames, int]:
    """What makes room and begins functions among halves of instructions, and the offset of the first half."""
    armhf = next(it for it in CROSS if it.architecture == "armhf")
    text = f'__asm__(".thumb\\n.type f, %function\\n.thumb_func\\nf: .short {halves}\\n");'
    image = read(build(armhf, tmp_path, [text], ["-mthumb", "-fPIC", "-shared", "-nostdlib"], "f.so").read_bytes())
    idioms, searched = machine(image.machine).idioms, code(image)
    assert idioms is not None
    return idioms.frames(searched), next(part.offset for part in searched.parts if part.size)


@pytest.mark.full
@pytest.mark.parametrize(
    ("halves", "begins"),
    [
        ("0xb510, 0xb08c, 0xbd10", [0]),  # push {r4, lr}; sub sp, #48; pop {r4, pc}
        ("0xb510, 0xbd10, 0xb08c, 0xb00c, 0x4770", [0, 4]),  # one that saves nothing, behind a return
        ("0xb510, 0xe7fe, 0xb08c, 0xbd10", [0]),  # behind a jump: the same function
        ("0xb510, 0xbd10, 0xb53e, 0x0000, 0xb53e, 0xffff", [0]),  # distances in a table
        # a table behind the code: 0x0002b590, 0x000001d8, 0x0001b510
        ("0xb510, 0xbd10, 0xb590, 0x0002, 0x01d8, 0x0000, 0xb510, 0x0001", [0]),
        ("0xb510, 0xbd10, 0x01d8, 0x0000, 0xb510, 0x0004, 0xb128, 0xbd10", [0, 8]),  # movs r4, r0; cbz
        ("0xf84d, 0xed04, 0xb08c, 0x4770, 0xe92d, 0x4ff0, 0x4770", [0, 8]),  # str lr, [sp, #-4]!; push.w {…, lr}
    ],
)
def test_where_functions_of_thumb_code_begin(tmp_path: Path, halves: str, begins: list[int]) -> None:
    frames, begin = _thumb(tmp_path, halves)
    assert frames.begins is not None
    assert [offset - begin for offset in frames.begins.tolist()] == begins


@pytest.mark.full
def test_where_no_table_lists_functions_the_start_code_is_one(tmp_path: Path) -> None:
    armhf = next(it for it in CROSS if it.architecture == "armhf")
    text = HEAD + PROGRAMS["array"].text + "int main(int c, char **v) { f(v[0]); exit(c); }\n"
    built = build(armhf, tmp_path, [text, OTHER], ["-w", "-O2", "-fPIE", "-pie", "-Wl,-s"], "program")
    image = read(built.read_bytes())
    idioms = machine(image.machine).idioms
    found = inspection(image, idioms) if idioms else None
    assert found is not None
    assert entry(found.text, image) not in found.view.starts
    assert entry(found.text, image) in by_prologues(found, image).view.starts


@pytest.mark.full
def test_the_second_half_of_a_thumb_instruction_makes_no_room(tmp_path: Path) -> None:
    # 0xb08c alone is `sub sp, #48`; behind 0xf8df it is the rest of a load, unless that is the rest of another.
    frames, begin = _thumb(tmp_path, "0xb510, 0xf8df, 0xb08c, 0xf8df, 0xf8df, 0xb08c, 0xbd10")
    assert [offset - begin for offset in frames.offsets.tolist()] == [10]
    # Nor does 0x0002b0fc in a table.
    frames, begin = _thumb(tmp_path, "0xb510, 0xbd10, 0x01d8, 0x0000, 0xb0fc, 0x0002, 0x01d8, 0x0000")
    assert frames.offsets.size == 0
