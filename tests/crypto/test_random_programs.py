"""What programs select that nobody wrote: each is compiled, run, and held against what archscan says of its calls."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from archscan.crypto.catalogue import Catalogue, load
from tests.crypto.compared import RULES, compared
from tests.crypto.random_programs import DECLARED, Program, program
from tests.crypto.recording import COMPILERS, Libraries, libraries

_FEW, _MANY = range(6), range(100, 250)  # seeds
# Of the calls that were run. Such programs pass on what they select in odder ways than any that somebody wrote.
_MOST_UNKNOWN, _LEAST_KNOWN, _MOST_MISSING = 0.55, 0.35, 0.01


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(RULES)


@pytest.fixture(scope="module")
def recorders(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Libraries]:
    """The libraries for each compiler whose programs can be run here."""
    known = [name for name, run in COMPILERS.items() if all(shutil.which(one) for one in (name, *run[:1]))]
    return {name: libraries(catalogue, name, tmp_path_factory.mktemp("libraries")) for name in known}


def _held(seeds: range, recorder: Libraries, catalogue: Catalogue, folder: Path) -> Counter[str]:
    """How many calls end how. Fails where what a call selected is not in what is said of it."""
    outcomes, wrong = Counter[str](), []
    for seed in seeds:
        one = program(seed, recorder.compiler)
        result = compared(one, recorder, catalogue, folder)
        outcomes.update(result.outcomes)
        wrong += [f"{seed} {one.compiler} {' '.join(one.flags)}: {said}" for said in result.wrong]
    assert not wrong, "\n".join(wrong)
    return outcomes


def test_what_is_selected_is_what_is_said(
    recorders: dict[str, Libraries], catalogue: Catalogue, tmp_path: Path
) -> None:
    assert _held(_FEW, recorders["gcc"], catalogue, tmp_path).total() >= 3 * len(_FEW)


@pytest.mark.full
@pytest.mark.parametrize("compiler", COMPILERS)
def test_what_many_programs_select_is_what_is_said(
    recorders: dict[str, Libraries], catalogue: Catalogue, tmp_path: Path, compiler: str
) -> None:
    assert compiler in recorders, f"expected {compiler}, and what runs its programs, on the PATH"
    outcomes = _held(_MANY, recorders[compiler], catalogue, tmp_path)
    # Who says nothing is never wrong.
    assert outcomes["unknown"] <= _MOST_UNKNOWN * outcomes.total()
    assert outcomes["missing"] <= _MOST_MISSING * outcomes.total()
    assert outcomes["value"] + outcomes["set"] >= _LEAST_KNOWN * outcomes.total()


def test_a_seed_is_always_the_same_program() -> None:
    assert program(7, "gcc") == program(7, "gcc") != program(8, "gcc")


@pytest.mark.parametrize(("written", "selected"), [("md5", "md5"), ("sha1", "md5")])
def test_a_wrong_answer_is_seen(
    recorders: dict[str, Libraries], catalogue: Catalogue, tmp_path: Path, written: str, selected: str
) -> None:
    # The name is written over in a way that no reader of the code can see: through the page's own address.
    code = f"""{DECLARED}
        #include <sys/mman.h>
        __attribute__((visibility("default"))) int run(void) {{
            static const char name[5] __attribute__((aligned(4096))) = "{written}";
            unsigned long place = (unsigned long)name;
            __asm__ volatile("" : "+r"(place));
            mprotect((void *)place, 4096, PROT_READ | PROT_WRITE);
            __asm__ volatile("" : "+r"(place));
            strcpy((char *)place, "{selected}");
            return !!EVP_get_digestbyname(name);
        }}"""
    one = Program(0, "gcc", code, ("-O2", "-fPIC", "-shared"))
    result = compared(one, recorders["gcc"], catalogue, tmp_path)
    assert bool(result.wrong) == (written != selected), result
