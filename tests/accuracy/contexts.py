"""``python -m tests.accuracy.contexts``: how often it is right what a use of a weak algorithm is said to be for.

``contexts-checked.tsv`` has a line for each use that somebody looked up in the source, ``context-findings-checked.tsv``
one for each finding of medium severity or more. Without options the figures of docs/accuracy.md are printed.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tests.accuracy.context_rows import Row, lines, rows, sample

_FOLDER = Path(__file__).parent
USES, FINDINGS = _FOLDER / "contexts-checked.tsv", _FOLDER / "context-findings-checked.tsv"
_SEED = 20261128
# Packages of the tables that were scanned, among many others, while signs were written.
_AT_HAND = frozenset({"gpgsm", "libgit2-1.5", "libnss3-tools", "squid"})


class Use(msgspec.Struct, frozen=True):
    """A use that was checked. ``true``: the contexts that are right; ``right`` is unknown where nothing was said."""

    package: str
    version: str
    path: str
    address: str
    function: str
    symbol: str
    algorithm: str
    said: str
    true: str
    source: str
    right: str
    note: str
    sample: str

    @property
    def context(self) -> str:
        """The first word of what was said."""
        return self.said.split()[0]


class Finding(msgspec.Struct, frozen=True):
    """A finding that was checked. ``accepted``: whether it is true, and of a use that matters."""

    package: str
    version: str
    path: str
    rule: str
    subject: str
    said: str
    source: str
    accepted: str
    note: str
    sample: str


def main() -> None:
    """Print the figures, or do what an option says instead."""
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy.contexts")
    parser.add_argument("--db", type=Path, help="the database of a scan")
    parser.add_argument("--sample", type=int, default=0, help="print as many of its uses, to be checked by hand")
    parser.add_argument("--seed", type=int, default=_SEED, help="of the sample")
    arguments = parser.parse_args()
    if arguments.db is None:
        if arguments.sample:
            parser.error("--sample: expected --db as well")
        print(*figures(uses(), findings()), sep="\n")
        return
    if not arguments.db.is_file():
        parser.error(f"--db: {arguments.db}: no such file")
    found = rows(arguments.db)
    if arguments.sample:
        print(*lines(sample(found, arguments.sample, arguments.seed)), sep="\n")
        return
    print(*changes(uses(), found), sep="\n")


def uses() -> list[Use]:
    """The lines of the table of uses. Raises ValueError where one is not of its form."""
    found = [msgspec.convert(line, Use) for line in _lines(USES)]
    for one in found:
        if (one.right == "unknown") != (one.context == "unknown") or one.right not in ("yes", "no", "unknown"):
            raise ValueError(f"{USES.name}: {one.package} {one.address}: right: expected yes or no, or unknown for it")
        if not one.source or not one.true:
            raise ValueError(f"{USES.name}: {one.package} {one.address}: expected a place in the source and a context")
    return found


def findings() -> list[Finding]:
    """The lines of the table of findings. Raises ValueError where one is not of its form."""
    found = [msgspec.convert(line, Finding) for line in _lines(FINDINGS)]
    for one in found:
        if one.accepted not in ("yes", "no") or not one.source:
            raise ValueError(
                f"{FINDINGS.name}: {one.package} {one.rule}: expected yes or no, and a place in the source"
            )
    return found


def figures(checked: Sequence[Use], judged: Sequence[Finding]) -> Iterator[str]:
    """Two tables in Markdown for each sample: of uses by what was said of them, if any were looked up, and of findings.

    Of the first sample the last columns are of the packages that were not among those at hand when signs were written.
    """
    for number in sorted({one.sample for one in checked} | {one.sample for one in judged}):
        some = [one for one in checked if one.sample == number]
        found = [one for one in judged if one.sample == number]
        yield from (f"Sample {number}", "")
        if some:
            yield from _of_uses(some)
            yield ""
        yield from _of_findings(found)
        yield ""


def _of_uses(checked: Sequence[Use]) -> Iterator[str]:
    yield "| said to be | judged | right | wrong | of new packages | right |"
    yield "|---|---|---|---|---|---|"
    told = [one for one in checked if one.right != "unknown"]
    for context in (*sorted({one.context for one in told}), "together"):
        of_it = [one for one in told if context in (one.context, "together")]
        new = [one for one in of_it if one.package not in _AT_HAND]
        right, right_new = (sum(one.right == "yes" for one in some) for some in (of_it, new))
        yield f"| `{context}` | {len(of_it)} | {right} | {len(of_it) - right} | {len(new)} | {right_new} |"
    silent = [one for one in checked if one.right == "unknown"]
    yield f"| `unknown` | {len(silent)} | | | {sum(one.package not in _AT_HAND for one in silent)} | |"


def _of_findings(judged: Sequence[Finding]) -> Iterator[str]:
    yield from ("| rule | findings | accepted | of new packages | accepted |", "|---|---|---|---|---|")
    for rule in (*sorted({one.rule for one in judged}), "together"):
        found = [one for one in judged if rule in (one.rule, "together")]
        unseen = [one for one in found if one.package not in _AT_HAND]
        accepted, accepted_new = (sum(one.accepted == "yes" for one in some) for some in (found, unseen))
        yield f"| `{rule}` | {len(found)} | {accepted} | {len(unseen)} | {accepted_new} |"


def changes(checked: Sequence[Use], found: Sequence[Row]) -> Iterator[str]:
    """What a database says of the uses that were checked where it is not what was said then, and how many are right."""
    today = {(one.package, one.version, one.path, one.address, one.algorithm): one for one in found}
    changed = right = there = 0
    for use in checked:
        now = today.get((use.package, use.version, use.path, use.address, use.algorithm))
        if now is None:
            print(f"{use.package} {use.version} {use.path} {use.address}: not in the database", file=sys.stderr)
            continue
        there += 1
        fits = now.context != "unknown" and now.context in use.true.split(", ")
        right += fits if now.said != use.said else use.right == "yes"
        if now.said != use.said:
            changed += 1
            yield f"{use.package} {use.path} {use.address}: was {use.said}, is {now.said} ({now.because}), {use.true}"
    yield f"{there} uses of {len(checked)} are there, of {changed} something else is said than then, {right} are right"


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


if __name__ == "__main__":
    main()
