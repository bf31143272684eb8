"""What all units of an object say together: is a feature compiled in, and if not, which unit lacks which flag."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from archscan.debug.flags import of_gcc
from archscan.model import CompileUnit, Confirmation, Verdict

_MOST_NAMES = 16
_PROTECTABLE = frozenset({"c", "c++", "fortran", "ada", "d"})
_FORTIFIABLE = frozenset({"c", "c++"})


def _stack_protector(unit: CompileUnit) -> bool | None:
    setting = unit.stack_protector
    return None if setting is None else setting in ("all", "strong")


def _stack_clash(unit: CompileUnit) -> bool | None:
    return None if unit.stack_clash is None else unit.stack_clash == "on"


def _ibt(unit: CompileUnit) -> bool | None:
    return None if unit.cf_protection is None else unit.cf_protection in ("full", "branch")


def _bti(unit: CompileUnit) -> bool | None:
    setting = unit.branch_protection
    return None if setting is None else bool({"standard", "bti"} & set(setting.split("+")))


def _pac(unit: CompileUnit) -> bool | None:
    setting = unit.branch_protection
    return None if setting is None else bool({"standard", "pac-ret"} & set(setting.split("+")))


def _fortify(unit: CompileUnit) -> bool | None:
    return {"shown": True, "none": False}.get(unit.fortify or "")


# column of `elf` → the flag, and whether a unit has it; None where that cannot be told.
FEATURES: dict[str, tuple[str, Callable[[CompileUnit], bool | None]]] = {
    "stack_protector": ("-fstack-protector-strong", _stack_protector),
    "stack_clash": ("-fstack-clash-protection", _stack_clash),
    "fortify": ("-D_FORTIFY_SOURCE=2", _fortify),
    "ibt_compiled": ("-fcf-protection", _ibt),
    "bti_compiled": ("-mbranch-protection=standard", _bti),
    "pac_compiled": ("-mbranch-protection=standard", _pac),
}
_OF_THE_PROCESSOR = frozenset({"stack_clash", "ibt_compiled", "bti_compiled", "pac_compiled"})


def confirmations(
    units: Sequence[CompileUnit], features: frozenset[str], sited: Mapping[str, frozenset[int]]
) -> tuple[Confirmation, ...]:
    """One for each feature. ``features`` are the columns of ``elf`` that mean something on the object's processor.

    ``sited`` are the positions of units that the verdict on a feature is about; these are named first.

    What the toolchain brought along counts for nothing, and neither do assembler, units without code, and units that
    use nothing of the C library that could be fortified.
    """
    compiled = any(unit.lto and unit.language != "lto" for unit in units)
    made = {unit.position for unit in units if unit.language == "lto"}  # of code from any unit
    found = []
    for name in FEATURES:
        applies = name in features or name not in _OF_THE_PROCESSOR
        counted = [unit for unit in units if applies and _counts(unit, name, compiled=compiled)]
        places = sited.get(name, frozenset())
        found.append(_confirmation(name, counted, frozenset() if places & made else places))
    return tuple(found)


def _counts(unit: CompileUnit, feature: str, *, compiled: bool) -> bool:
    """Whether a unit has a say. ``compiled``: the units that link-time optimisation took apart are there as well."""
    if unit.origin != "package" or not unit.code:
        return False
    if unit.producer is None and unit.language == "unknown":
        return True  # nobody could read it, so it may lack anything
    if feature == "fortify":
        return unit.language in _FORTIFIABLE and (unit.fortify is not None or not of_gcc(unit.producer))
    if unit.language == "lto":
        return not compiled
    return unit.language in _PROTECTABLE or unit.language == "unknown"


def _confirmation(feature: str, units: Sequence[CompileUnit], sited: frozenset[int]) -> Confirmation:
    flag, protected = FEATURES[feature]
    if not units:
        return Confirmation(
            feature=feature, verdict=Verdict.NOT_APPLICABLE, units_with=0, units_without=0, units_unknown=0
        )
    answers = [(unit, protected(unit)) for unit in units]
    doubtful = {unit.position for unit, answer in answers if answer is not True}
    having = sum(answer is True for _, answer in answers)
    without = sum(answer is False for _, answer in answers)
    wanting = False if without else None
    named = {
        (unit.position not in sited, _weaker(feature, unit), unit.name)
        for unit, answer in answers
        if answer is wanting and unit.name
    }
    unknown = len(answers) - having - without
    if without:  # units of which nothing is known change neither answer
        some = having or any(_weaker(feature, unit) for unit in units)
        verdict = Verdict.PARTIAL if some else Verdict.NO
    else:
        verdict = Verdict.UNKNOWN if unknown else Verdict.YES
    return Confirmation(
        feature=feature,
        verdict=verdict,
        units_with=having,
        units_without=without,
        units_unknown=unknown,
        flag=_flag(feature, flag, [unit for unit, answer in answers if answer is False]),
        units=tuple(dict.fromkeys(name for *_, name in sorted(named)))[:_MOST_NAMES],
        elsewhere=without > 0 and bool(sited) and not sited & doubtful,
    )


def _weaker(feature: str, unit: CompileUnit) -> bool:
    """Whether a unit lacks the flag, but is guarded in part: `-fstack-protector` does it for arrays of characters."""
    return feature == "stack_protector" and unit.stack_protector == "basic"


def _flag(feature: str, flag: str, lacking: Sequence[CompileUnit]) -> str:
    """The flag that is missing, or, where none is, the one that all units have."""
    if feature == "fortify" and not lacking:
        return "-D_FORTIFY_SOURCE"  # the headers that show it are the same at every level
    if feature == "fortify" and any(unit.optimised == "0" for unit in lacking):
        return f"-O2 {flag}"  # which does nothing without optimisation (features.h)
    return flag
