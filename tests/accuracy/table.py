"""What is printed: tables in Markdown, so that docs/accuracy.md can take them over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.accuracy.differences import Group
from tests.accuracy.ground_truth import FEATURES, Checked
from tests.accuracy.proof import Proof
from tests.accuracy.scanned import VERDICTS, Object
from tests.accuracy.scanned import shares as counted
from tests.accuracy.unpacked import File

_OUTCOMES = {
    "theirs": "their error, proved",
    "missed": "they say nothing, proved",
    "choice": "our choice",
    "silent": "they give no verdict",
    "disputed": "evidence against us",
    "open": "open",
}


def heading(name: str, debs: Sequence[Path], files: Sequence[File], found: Sequence[Object]) -> None:
    """A line on a set of packages."""
    size = sum(deb.stat().st_size for deb in debs) / 1e6
    print(f"{name}: {len(debs)} packages, {size:.0f} MB, {len(found)} ELF objects, {len(files)} of them files")


def shares(found: Sequence[Object]) -> None:
    """The table of the unknown shares, and the objects that are unknown."""
    print("\n## Unknown verdicts\n\n| processor | column | applies to | unknown | share |\n|---|---|---|---|---|")
    for row in counted(found):
        share = f"{100 * row.unknown / row.applies:.1f} %"
        print(f"| {row.machine} | `{row.column}` | {row.applies} | {row.unknown} | {share} |")
    print()
    unknown = Counter(
        (one.machine, column, one.codes.get(column, ""), one.package.partition("_")[0], one.path.partition("(")[0])
        for one in found
        for column in VERDICTS
        if one.verdicts[column] == "unknown"
    )
    for (machine, column, code, package, path), count in sorted(unknown.items()):
        print(f"* {machine} `{column}` `{code}`: {package} {path}{f', {count} members' if count > 1 else ''}")


def compared(counts: Mapping[str, int], groups: Sequence[Group]) -> None:
    """How many statements of each peer were compared, and how many differ."""
    print("\n## Differences\n\n| peer | statements | differ |\n|---|---|---|")
    for tool, count in sorted(counts.items()):
        print(f"| {tool} | {count} | {sum(len(group.members) for group in groups if group.tool == tool)} |")


def groups(judged: Sequence[tuple[Group, Proof]]) -> None:
    """The groups with their outcome, then members and what was seen of them."""
    print("\n| # | objects | peer | column | it says | archscan | reason | processors | outcome |")
    print("|---|---|---|---|---|---|---|---|---|")
    for number, (group, found) in enumerate(judged, 1):
        outcome = _OUTCOMES[found.outcome] + (f" ({len(found.seen)} of 3)" if found.outcome == "open" else "")
        cells = (number, len(group.members), group.tool, f"`{group.column}`", group.words, f"`{group.ours}`",
                 f"`{group.code}`", " ".join(sorted({one.machine for one in group.members})), outcome)  # fmt: skip
        print(f"| {' | '.join(map(str, cells))} |")
    totals = Counter[str]()
    sizes = Counter[str]()
    for group, found in judged:
        totals[found.outcome] += 1
        sizes[found.outcome] += len(group.members)
    print("\n| outcome | groups | objects |\n|---|---|---|")
    for outcome, words in _OUTCOMES.items():
        print(f"| {words} | {totals[outcome]} | {sizes[outcome]} |")
    print()
    for number, (group, found) in enumerate(judged, 1):
        _members(number, group, found)


def _members(number: int, group: Group, found: Proof) -> None:
    shown = [(one, f": {evidence.seen} → {evidence.verdict}") for one, evidence in found.seen]
    shown += [(one, "") for one in group.members if one not in [one for one, _ in found.seen]][: 3 - len(shown)]
    print(f"{number}. {group.tool} `{group.column}`: {group.words} / {group.ours}")
    for one, seen in shown:
        print(f"   * {one.origin} {one.package.partition('_')[0]} {one.path}{seen}")


def ground_truth(name: str, rows: Sequence[Checked]) -> None:
    """What the units of objects built here were told, against what archscan says of functions and objects."""
    print(f"\n## Ground truth, {name}\n")
    features = [feature for feature in FEATURES if any(row.feature == feature for row in rows)]
    print("| feature | functions said to have it | in units told so | shown by objdump | seen by us |")
    print("|---|---|---|---|---|")
    for feature in features:
        some = [row for row in rows if row.feature == feature]
        right, wrong = sum(row.right for row in some), sum(len(row.wrong) for row in some)
        shown, met = sum(row.shown for row in some), sum(row.met for row in some)
        print(f"| `{feature}` | {right + wrong} | {right} | {shown} | {met} |")
    print("\n| feature | units told so | yes | partial | no | n/a |\n|---|---|---|---|---|---|")
    for feature in features:
        for told in ("all", "some", "none"):
            said = Counter(row.verdict for row in rows if (row.feature, row.told) == (feature, told))
            if said:
                cells = " | ".join(str(said[verdict]) for verdict in ("yes", "partial", "no", "n/a"))
                print(f"| `{feature}` | {told} | {cells} |")
    sites, wronged = sum(row.sites for row in rows), sum(len(row.wronged) for row in rows)
    strange = [f"{row.build} {at}" for row in rows for at in row.strange]
    print(f"\n{sites} places named by `no` and `partial`: {wronged} in units that were told so, in none: {strange}\n")
    for row in rows:
        counts = f"{row.right + len(row.wrong)} functions, {row.met} of {row.shown} shown"
        print(f"* {row.build} {row.path} `{row.feature}`: told {row.told}, said {row.verdict}; {counts}")
