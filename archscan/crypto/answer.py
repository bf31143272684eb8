"""What a call selects, as a value: the outcome with algorithms or a reason, and several of these as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_ALGORITHM = ("none", "any")
_WORST = (Outcome.VALUE, Outcome.SET, Outcome.FORWARDED, Outcome.RUNTIME, Outcome.UNKNOWN)


class Answer(msgspec.Struct, frozen=True):
    """What a value selects: algorithms with how the source writes them, or why nobody knows."""

    outcome: Outcome
    algorithms: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


NULL = Answer(Outcome.VALUE, (("none", "NULL"),))
OWN_RESULT = Answer(Outcome.UNKNOWN, reason="result of an own function")
SELECTS_NOTHING = Answer(Outcome.VALUE, reason="selects nothing")


def names_one(found: Answer) -> bool:
    """Whether it names an algorithm."""
    return any(algorithm not in NO_ALGORITHM for algorithm, _ in found.algorithms)


def together(answers: Sequence[Answer]) -> Answer:
    """Of what several ways bring, the algorithms of all; as an outcome the worst. One way may select several."""
    if len(answers) == 1:
        return answers[0]
    worst = max(answers, key=lambda one: _WORST.index(one.outcome))
    algorithms = tuple(dict.fromkeys(pair for one in answers for pair in one.algorithms))
    outcome = Outcome.SET if worst.outcome == Outcome.VALUE and len(algorithms) > 1 else worst.outcome
    return Answer(outcome, algorithms, worst.reason)


def all_of(answers: Sequence[Answer]) -> Answer:
    """Of what is selected at once, all; as an outcome the worst."""
    worst = max(answers, key=lambda one: _WORST.index(one.outcome))
    return Answer(worst.outcome, tuple(dict.fromkeys(pair for one in answers for pair in one.algorithms)), worst.reason)
