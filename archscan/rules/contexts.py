"""How a use is classed: every ``<directory>/context/<context>.toml``, read strictly.

A file lists signs, each a set of conditions on a use and on what was kept of its surroundings. rules/README.md explains
their form.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from archscan.errors import RuleError
from archscan.model import Confidence, Context
from archscan.rules.toml import table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_Words = Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)]
_Patterns = tuple[re.Pattern[str], ...]
_MOST_TEXTS = 512  # that a condition remembers; uses come by object
_LONGEST = 200  # characters of what is told of a match


class Sign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sign as a file has it. All conditions must hold; of the values of one, any.

    ``note`` says what it means, ``confidence`` how sure it makes the context. ``roles``, ``algorithms``, ``families``,
    ``kinds`` (of evidence) and ``symbols`` are about the use itself; ``functions``, ``calls``, ``call_roles`` and
    ``texts`` about the function around; ``sinks`` and ``sink_roles`` about the calls that get what the use gave;
    ``callers``, ``caller_calls`` and ``caller_texts`` about the functions that call the one around; ``needed``,
    ``paths`` and ``packages`` about the object. ``alternatives``: one of at least so many algorithms in one place,
    ``offered``: in the object; ``taken``: whether the address of the function is kept or passed on; ``alone``: it calls
    nothing but catalogued functions and has no text, so it does nothing else; ``single``: there is no other algorithm
    in the same place, so nobody chooses. With ``without``, none of these is called in the function, nor is the symbol;
    with ``unless``, none of these expressions is found in its texts, the names of the function, or the path.
    """

    note: Annotated[str, Meta(pattern=r"\S")]
    confidence: Confidence
    direction: Literal["generate", "verify"] | None = None
    protocol: Annotated[str, Meta(pattern=r"\S")] | None = None
    roles: _Words | None = None
    algorithms: _Words | None = None
    families: _Words | None = None
    kinds: _Words | None = None
    symbols: _Words | None = None
    functions: _Words | None = None
    calls: _Words | None = None
    call_roles: _Words | None = None
    texts: _Words | None = None
    sinks: _Words | None = None
    sink_roles: _Words | None = None
    callers: _Words | None = None
    caller_calls: _Words | None = None
    caller_texts: _Words | None = None
    needed: _Words | None = None
    paths: _Words | None = None
    packages: _Words | None = None
    alternatives: Annotated[int, Meta(ge=2)] | None = None
    offered: Annotated[int, Meta(ge=2)] | None = None
    taken: bool | None = None
    alone: bool = False
    single: bool = False
    without: _Words | None = None
    unless: _Words | None = None


_WEIGHTS = (
    ("functions",),
    ("texts",),
    ("callers", "caller_calls", "caller_texts"),
    ("needed", "paths", "packages"),
)
"""Words, by how far they are from the call; what is called and where the result goes comes before all of them."""
WHOLE = ("roles", "algorithms", "families", "kinds", "call_roles", "sink_roles")
"""Conditions whose values are words."""
NAMES = ("symbols", "functions", "calls", "sinks", "callers", "caller_calls", "needed", "packages")
"""Conditions whose values are patterns of names, with ``*`` and ``?``, in any case."""
TEXTS = ("texts", "caller_texts", "paths")
"""Conditions whose values are regular expressions that are found somewhere."""
CONDITIONS = (*WHOLE, *NAMES, *TEXTS)
OF_THE_USE = frozenset({"roles", "algorithms", "families", "kinds", "symbols"})
"""Conditions on the use itself, whatever is around it."""
_OF_SINKS = frozenset({"sinks", "sink_roles"})
_BEFORE = (Context.NON_SECURITY, Context.PROTOCOL_MANDATED, Context.SELECTABLE)
"""Contexts that say who decides, and so may hold of a use whatever it does."""


class Condition:
    """What is looked at, and what must be found in its lines. ``search`` finds it, and remembers what was found.

    Uses of one function have the same texts, and each text is looked through more than once: of 500,000 searches of
    1,000 packages 37,000 were not made before.
    """

    def __init__(self, key: str, pattern: re.Pattern[str]) -> None:
        self.key, self.pattern = key, pattern
        self.search: Callable[[str], re.Match[str] | None] = functools.lru_cache(_MOST_TEXTS)(pattern.search)


class Known(msgspec.Struct, frozen=True):
    """A sign that is ready to be looked for, with its context."""

    context: Context
    sign: Sign
    conditions: tuple[Condition, ...]
    without: re.Pattern[str] | None
    unless: re.Pattern[str] | None = None

    @property
    def weight(self) -> int:
        """How far from the call lies what the sign rests on: 0 for calls, up to 4 for the object."""
        return max((number for number, keys in enumerate(_WEIGHTS, 1) if any(getattr(self.sign, key) for key in keys)),
                   default=0)  # fmt: skip

    @property
    def is_own(self) -> bool:
        """Whether it rests on nothing but what the call itself does: its role or its name."""
        keys = {condition.key for condition in self.conditions}
        return self.context not in _BEFORE and keys <= OF_THE_USE and bool(self.sign.roles or self.sign.symbols)

    @property
    def is_by_sinks(self) -> bool:
        """Whether it rests on where things of the call go, which says less than what the call itself does."""
        return self.context not in _BEFORE and any(condition.key in _OF_SINKS for condition in self.conditions)


def load_contexts(directories: Sequence[Path]) -> tuple[Known, ...]:
    """The signs of all directories together, in the order in which they are looked for.

    By the precedence of the contexts, and in each what calls show before names, names before texts, and these before
    what is around the function or the object. Raises RuleError, naming file, key and what was expected.
    """
    found = [known for directory in directories for path in sorted((directory / "context").glob("*.toml"))
             for known in _signs(path)]  # fmt: skip
    order = list(Context)
    return tuple(sorted(found, key=lambda one: (order.index(one.context), one.weight)))


def judged_by(signs: Iterable[Known]) -> object:
    """What the judgement depends on, as plain values."""
    return [[known.context.value, msgspec.to_builtins(known.sign)] for known in signs]


def match(known: Known, facts: Mapping[str, str]) -> str | None:
    """What was found of a sign in the facts of a use, which are lines by condition; None where it does not hold."""
    said = ""
    for condition in known.conditions:
        found = condition.search(facts.get(condition.key, ""))
        if found is None:
            return None
        if condition.key not in WHOLE:
            said = said or _line(found)
    if known.without and any(known.without.search(facts.get(key, "")) for key in ("symbols", "calls")):
        return None
    if known.unless and any(known.unless.search(facts.get(key, "")) for key in ("texts", "functions", "paths")):
        return None
    return said


def _line(found: re.Match[str]) -> str:
    text = found.string
    start, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
    return text[start : end if end >= 0 else len(text)][:_LONGEST]


def _signs(path: Path) -> Iterator[Known]:
    table = table_of(path)
    for key in sorted(table.keys() - {"sign"}):
        raise RuleError(f"{path}: {key}: unknown key, expected sign")
    if path.stem not in list(Context) or path.stem == Context.UNKNOWN:
        names = ", ".join(one for one in Context if one != Context.UNKNOWN)
        raise RuleError(f"{path}: expected the name of a context: {names}")
    signs = table.get("sign")
    if not isinstance(signs, list) or not signs or not all(isinstance(one, dict) for one in signs):
        raise RuleError(f"{path}: sign: expected [[sign]] tables")
    for number, one in enumerate(signs, 1):
        yield _known(path, number, one)


def _known(path: Path, number: int, table: dict[str, Any]) -> Known:
    try:
        sign = msgspec.convert(table, Sign)
    except msgspec.ValidationError as error:
        raise RuleError(f"{path}: sign {number}: {error}") from error
    context = Context(path.stem)
    if (context == Context.PROTOCOL_MANDATED) != (sign.protocol is not None):
        raise RuleError(
            f"{path}: sign {number}: protocol: expected with {Context.PROTOCOL_MANDATED.value}, and only there"
        )
    conditions = tuple(
        Condition(key, _pattern(f"{path}: sign {number}: {key}", key, values))
        for key in CONDITIONS
        if (values := getattr(sign, key))
    )
    if not conditions and sign.alternatives is None and sign.offered is None:
        raise RuleError(f"{path}: sign {number}: expected at least one condition")
    without = _pattern(f"{path}: sign {number}: without", "calls", sign.without) if sign.without else None
    unless = _pattern(f"{path}: sign {number}: unless", "texts", sign.unless) if sign.unless else None
    return Known(context, sign, conditions, without, unless)


def _pattern(where: str, key: str, values: Sequence[str]) -> re.Pattern[str]:
    try:
        if key in TEXTS:
            parts = (f"(?i:{value[4:]})" if value.startswith("(?i)") else f"(?:{value})" for value in values)
            return re.compile("|".join(parts), re.MULTILINE)
        if key in WHOLE:
            return re.compile("|".join(f"^{re.escape(value)}$" for value in values), re.MULTILINE)
        names = (re.escape(value).replace(r"\*", r"[^\n]*").replace(r"\?", ".") for value in values)
        return re.compile("|".join(f"^{name}$" for name in names), re.MULTILINE | re.IGNORECASE)
    except re.error as error:
        raise RuleError(f"{where}: expected a regular expression: {error}") from error
