"""What units say together: values in, verdicts out."""

from __future__ import annotations

import msgspec
import pytest

from archscan import debug
from archscan.debug.judged import FEATURES, confirmations
from archscan.debug.units import Head
from archscan.debug.values import Sizes
from archscan.elf.arch import machine
from archscan.model import CompileUnit, Confirmation
from archscan.store.confirmed import CONFIRMABLE

AMD64, ARM64, SPARC = (machine(number).features for number in (62, 183, 2))
GOOD = CompileUnit(
    position=0, name="a.c", comp_dir="/b", producer="GNU C17", language="c", origin="package", code=True, lto=False,
    stack_protector="strong", stack_clash="on", cf_protection="full", branch_protection="standard", pic="PIE",
    optimised="2", fortify="shown",
)  # fmt: skip
UNKNOWN = msgspec.structs.replace(
    GOOD, name="u.c", stack_protector=None, stack_clash=None, cf_protection=None, branch_protection=None,
    optimised=None, fortify=None,
)  # fmt: skip


def but(name: str, **settings: object) -> CompileUnit:
    return msgspec.structs.replace(GOOD, name=name, **settings)


def said(
    feature: str, *units: CompileUnit, features: frozenset[str] = AMD64, sited: frozenset[int] = frozenset()
) -> Confirmation:
    return {row.feature: row for row in confirmations(units, features, {feature: sited})}[feature]


def test_the_features_are_those_that_the_database_knows() -> None:
    assert tuple(FEATURES) == CONFIRMABLE


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        (("strong", "all"), "yes"),
        (("strong", "basic"), "partial"),
        (("strong", "off"), "partial"),
        (("none", "explicit"), "no"),
        (("strong", None), "unknown"),
        (("off", None), "no"),  # surely one without, and none that has it
        ((None, None), "unknown"),
    ],
)
def test_the_stack_protector(settings: tuple[str | None, str | None], verdict: str) -> None:
    one, two = settings
    row = said("stack_protector", but("a.c", stack_protector=one), but("b.c", stack_protector=two))
    assert row.verdict == verdict
    assert row.units_with + row.units_without + row.units_unknown == 2


def test_the_weaker_protector_lacks_the_flag_but_guards_something() -> None:
    row = said("stack_protector", but("b.c", stack_protector="basic"))
    assert (row.verdict, row.units, row.flag) == ("partial", ("b.c",), "-fstack-protector-strong")


@pytest.mark.parametrize(
    "unit",
    [
        but("start.S", language="assembler", stack_protector=None),
        but("init.c", origin="toolchain", stack_protector="none"),
        but("table.c", code=False, stack_protector="none"),
        but("lib.rs", language="rust", stack_protector="none"),
    ],
)
def test_what_counts_for_nothing(unit: CompileUnit) -> None:
    assert said("stack_protector", GOOD, unit).verdict == "yes"
    assert said("stack_protector", unit).verdict == "n/a"


def test_the_units_that_the_verdict_is_about_are_named_first() -> None:
    units = [but(f"{number:02}.c", position=number, stack_protector="off") for number in range(40)]
    row = said("stack_protector", *units, sited=frozenset({39, 12}))
    assert row.units[:3] == ("12.c", "39.c", "00.c")
    assert len(row.units) == 16


def test_a_verdict_about_other_units_is_not_explained() -> None:
    lacking, rust = but("l.c", position=1, stack_protector="off"), but("r.rs", position=2, language="rust")
    unknown = but("u.c", position=3, stack_protector=None)
    made = but("l.c", position=1, stack_protector="off", lto=True)
    lto = but("<artificial>", position=4, language="lto", lto=True, stack_protector=None)
    about: dict[str, tuple[tuple[CompileUnit, ...], set[int]]] = {
        "the other": ((GOOD, lacking, rust), {2}),
        "both": ((GOOD, lacking, rust), {1, 2}),
        "nobody knows": ((lacking, unknown, rust), {3}),
        "nothing": ((GOOD, lacking, rust), set()),
        "code of any unit": ((GOOD, lacking, rust, lto), {2, 4}),
        "code of any unit, which have the flags": ((GOOD, made, rust, lto), {2, 4}),
    }
    for name, (units, sited) in about.items():
        row = said("stack_protector", *units, sited=frozenset(sited))
        assert row.elsewhere is (name == "the other"), name


def test_link_time_optimisation() -> None:
    made = but("<artificial>", language="lto", lto=True, stack_protector=None)
    assert said("stack_protector", made, but("a.c", lto=True)).verdict == "yes"
    assert said("stack_protector", made, but("a.c", lto=True, stack_protector="off")).verdict == "no"
    assert said("stack_protector", made).verdict == "unknown"  # the units it was made of are not there


def test_fortify() -> None:
    hidden, without = but("h.c", fortify="hidden"), but("o.c", fortify="none", optimised="0")
    nothing = but("n.c", fortify=None)
    assert said("fortify", GOOD, nothing).verdict == "yes"
    assert said("fortify", nothing).verdict == "n/a"
    assert said("fortify", GOOD).flag == "-D_FORTIFY_SOURCE"  # headers do not tell the level
    row = said("fortify", GOOD, but("c.c", fortify=None, producer="Debian clang version 14.0.6"))
    assert (row.verdict, row.units) == ("unknown", ("c.c",))  # clang lists no header that only declares
    row = said("fortify", GOOD, hidden)
    assert (row.verdict, row.units) == ("unknown", ("h.c",))
    row = said("fortify", GOOD, hidden, without)
    assert (row.verdict, row.units, row.flag) == ("partial", ("o.c",), "-O2 -D_FORTIFY_SOURCE=2")


@pytest.mark.parametrize(
    ("feature", "features", "verdict"),
    [
        ("ibt_compiled", AMD64, "yes"),
        ("ibt_compiled", ARM64, "n/a"),
        ("bti_compiled", AMD64, "n/a"),
        ("bti_compiled", ARM64, "yes"),
        ("pac_compiled", ARM64, "yes"),
        ("stack_clash", SPARC, "n/a"),
        ("stack_protector", SPARC, "yes"),
    ],
)
def test_what_the_processor_has(feature: str, features: frozenset[str], verdict: str) -> None:
    assert said(feature, GOOD, features=features).verdict == verdict


@pytest.mark.parametrize(
    ("value", "bti", "pac"), [("bti", "yes", "no"), ("pac-ret+leaf", "no", "yes"), ("none", "no", "no")]
)
def test_branch_protection(value: str, bti: str, pac: str) -> None:
    unit = but("a.c", branch_protection=value)
    assert said("bti_compiled", unit, features=ARM64).verdict == bti
    assert said("pac_compiled", unit, features=ARM64).verdict == pac


def test_at_most_sixteen_units_are_named() -> None:
    units = [but(f"{number:02}.c", stack_protector="off") for number in range(20)]
    assert said("stack_protector", *units).units == tuple(f"{number:02}.c" for number in range(16))


def test_nothing_is_known_of_a_unit_without_settings() -> None:
    assert {row.verdict for row in confirmations([UNKNOWN], AMD64, {})} == {"unknown", "n/a"}


@pytest.mark.parametrize(
    ("producer", "said_of_it"),
    [("GNU C17 12.2.0 -O2", "none"), ("Debian clang version 14.0.6", "hidden"), (None, "hidden")],
)
def test_an_unchecked_call_proves_something_of_what_gcc_compiled(producer: str | None, said_of_it: str) -> None:
    """It would have replaced the call; clang leaves some in C++, and lists no headers that it used nothing of."""
    head = Head(3, Sizes("<", 4, 8, 5), producer=producer, language=0x1D, low=1, high=2)
    assert debug._unit(head, "hidden", b"", frozenset({3})).fortify == said_of_it
    assert debug._unit(head, "hidden", b"", frozenset({4})).fortify == "hidden"
    assert debug._unit(head, "shown", b"", frozenset({3})).fortify == "shown"
