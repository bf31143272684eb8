"""What programs really select, held against what archscan says of their calls.

``python -m tests.crypto.compared FIRST LAST`` goes through seeds and prints each program whose calls selected what no
answer names.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from archscan.crypto.catalogue import Catalogue, load
from archscan.elf import Place, read
from archscan.elf.image import Image, mapped
from archscan.model import CallSite, Outcome
from archscan.scan.objects import object_facts
from tests.crypto.random_programs import Program, program
from tests.crypto.recording import COMPILERS, Libraries, Selected, libraries

RULES = Path(__file__).parents[2] / "rules"
_KNOWN = (Outcome.VALUE, Outcome.SET)
_LONGEST_CALL = 7  # bytes of a call on amd64
_SLOW = 20  # seconds for archscan; the slowest of 2,000 programs took less than one


class Compared(msgspec.Struct, frozen=True):
    """What was compared of a program: calls by outcome, and what is wrong, a sentence each.

    Calls that archscan does not know are ``missing``, unless they may be some of those that are jumps.
    """

    outcomes: dict[str, int]
    wrong: tuple[str, ...]


def compared(one: Program, found: Libraries, catalogue: Catalogue, folder: Path) -> Compared:
    """The program compiled in the folder, run, scanned, and the two compared.

    Raises CalledProcessError where it does not compile, RuntimeError where it does not run to its end.
    """
    built = folder / f"x{one.suffix}"
    source = folder / "x.c"
    source.write_text(one.code)
    command: list[str | Path] = [one.compiler, "-w", "-std=gnu11", *one.flags, "-o", built, source, *found.needed]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    selected = found.selected(built)
    architecture = "arm64" if one.compiler.startswith("aarch64") else "amd64"
    begun = time.process_time()
    data = built.read_bytes()
    calls = object_facts(data, Place("x", "x", "x", architecture), catalogue).calls
    seconds = time.process_time() - begun
    wrong = [f"scanning takes {seconds:.0f} s"] if seconds > _SLOW else []
    outcomes = Counter[str]()
    for call, several in _by_call(calls, selected):
        if call is None:
            last = [one for one in calls if one.symbol == several[0].symbol and _is_jump(read(data), one, architecture)]
            wrong += [said for one in several if (said := _unmatched(one, last))]
            outcomes["by a jump" if last else "missing"] += 1
            continue
        outcomes[call.outcome.value] += 1
        missing = [one.text for one in several if call.outcome in _KNOWN and one.text not in _texts(call)]
        if missing:
            wrong.append(f"{call.symbol} at {call.address} selects {', '.join(missing)}; {_said(call)}")
    return Compared(dict(outcomes), tuple(wrong))


def _by_call(
    calls: Sequence[CallSite], selected: Sequence[Selected]
) -> list[tuple[CallSite | None, tuple[Selected, ...]]]:
    """Each call that was run, as archscan knows it, with what it selected; None for those it does not know there.

    Such a call is the last thing that a function does: a jump, which returns to somewhere else.
    """
    found: dict[tuple[str, int], list[Selected]] = {}
    for one in selected:
        found.setdefault((one.symbol, one.returns_to), []).append(one)
    rows: list[tuple[CallSite | None, tuple[Selected, ...]]] = []
    for (symbol, returns_to), several in found.items():
        before = [call for call in calls if call.symbol == symbol and 0 < _behind(call, returns_to) <= _LONGEST_CALL]
        nearest = min(before, key=lambda call: _behind(call, returns_to), default=None)
        rows.append((nearest, tuple(several)))
    return rows


def _behind(call: CallSite, address: int) -> int:
    return address - int(call.address, 16)


def _is_jump(image: Image, call: CallSite, architecture: str) -> bool:
    """Whether a call is a jump, so that it returns to whoever called the function around it."""
    first, second, *_ = (code := mapped(image, int(call.address, 16), 4)) or b"\0\0"
    if architecture == "amd64":
        return first in (0xE9, 0xEB) or (first in (0x3E, 0x41, 0xF2)) or (first == 0xFF and second & 0x38 == 0x20)
    word = int.from_bytes(code, "little")
    return word >> 26 == 0b000101 or word & 0xFFFFFC1F == 0xD61F0000  # b, br


def _unmatched(one: Selected, jumps: Sequence[CallSite]) -> str | None:
    """What is wrong with a selection by one of some jumps; nothing where any may have made it, or there is none."""
    if not jumps or any(call.outcome not in _KNOWN or one.text in _texts(call) for call in jumps):
        return None
    said = "; ".join(map(_said, jumps))
    return f"{one.symbol} that returns to {one.returns_to:#x} selects {one.text}; {said}"


def _texts(call: CallSite) -> list[str]:
    texts = (call.value or "").split(", ")
    return [*texts, "-1"] if str((1 << 32) - 1) in texts else texts


def _said(call: CallSite) -> str:
    return f"said: {call.address} {call.outcome.value} {call.value}"


def main() -> None:
    """Go through the seeds."""
    parser = argparse.ArgumentParser(prog="python -m tests.crypto.compared")
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--keep", type=Path, help="a folder for the programs that are wrong")
    arguments = parser.parse_args()
    catalogue, outcomes, wrong = load(RULES), Counter[str](), 0
    with tempfile.TemporaryDirectory() as work:
        known = {}
        for compiler in COMPILERS:
            (place := Path(work) / compiler).mkdir()
            known[compiler] = libraries(catalogue, compiler, place)
        for seed in range(arguments.first, arguments.last):
            one = program(seed, list(COMPILERS)[seed % len(COMPILERS)])
            try:
                result = compared(one, known[one.compiler], catalogue, Path(work))
            except Exception as error:  # noqa: BLE001  # whatever it is, it is told with its seed
                text = (getattr(error, "stderr", b"") or b"").decode()[:600]
                result = Compared({}, (f"{type(error).__name__}: {error} {text}",))
            outcomes.update(result.outcomes)
            for said in result.wrong:
                print(f"{seed} {one.compiler} {' '.join(one.flags)}: {said}", flush=True)
            if result.wrong and arguments.keep:
                (arguments.keep / f"{seed}.c").write_text(f"// {one.compiler} {' '.join(one.flags)}\n{one.code}")
            wrong += bool(result.wrong)
    total = sum(outcomes.values())
    print(f"{arguments.last - arguments.first} programs, {wrong} wrong; {total} calls that were run:")
    print(", ".join(f"{count} {outcome} ({100 * count / total:.1f} %)" for outcome, count in outcomes.most_common()))


if __name__ == "__main__":
    main()
