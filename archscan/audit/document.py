"""A form, filled in with what is known: which sentence of each line holds, and which lines wait for a person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from archscan.audit.answer import WAITING, Answer, Document, Line, Result, Section, Table
from archscan.audit.data import Asked, Forms, Headed
from archscan.audit.results import counted, joined, of
from archscan.audit.subject import Subject

_MOST_NAMES = 12
# What begins markup or a link in CommonMark, what is not seen or turns the direction of text, and what ends a line.
_UNSAFE = re.compile(r"[<>\[\]`\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def document(template: str, forms: Forms, subject: Subject, found: Mapping[str, Result]) -> Document:
    """The form of that name about the packages. Verdicts are never written: they stay lines to do."""
    form = forms.forms[template]
    words = _words(subject)
    return Document(
        template=template,
        title=_filled(form.title, words),
        source=subject.source,
        version=subject.version,
        basis=_basis(subject),
        warnings=subject.missing,
        sections=tuple(_section(headed, words, found) for headed in form.section),
    )


def _words(subject: Subject) -> dict[str, str]:
    """What stands for the names in braces of a form."""
    names = sorted({one.name for one in subject.packages})
    return {
        "source": subject.source,
        "version": subject.version,
        "architectures": ", ".join(sorted({one.architecture for one in subject.packages})),
        "packages": ", ".join(one.filename.rpartition("/")[2] for one in subject.packages[:_MOST_NAMES]),
        "homepage": next((one.homepage for one in subject.packages), "TBD"),
        "promoted": ", ".join(names),
        "held": ", ".join(subject.held) or "none of those that were read",
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    for name, value in words.items():
        text = text.replace(f"{{{name}}}", inert(value))
    return text


def inert(text: str) -> str:
    """Text from packages in one line that Markdown and screens show as it is."""
    return _UNSAFE.sub(
        lambda match: "".join(f"\\x{byte:02x}" for byte in match[0].encode("utf-8", "surrogatepass")), text
    )


def _basis(subject: Subject) -> str:
    """One sentence about what was read."""
    return (
        f"{counted(len(subject.packages), 'binary package')}, {counted(subject.members, 'member')}, "
        f"{counted(subject.objects, 'ELF object')} ({subject.loading} use dlopen, {subject.untold} tell nothing by "
        f"imports), {counted(subject.scripts, 'script')}, {counted(subject.control_scripts, 'maintainer script')}"
    )


def _section(headed: Headed, words: Mapping[str, str], found: Mapping[str, Result]) -> Section:
    lines = tuple(_line(asked, words, found, split=headed.split) for asked in headed.lines)
    return Section(name=headed.name, split=headed.split, lines=lines)


def _line(asked: Asked, words: Mapping[str, str], found: Mapping[str, Result], *, split: bool) -> Line:
    if asked.ask is not None:
        return _asked(asked, words, found, split=split)
    if asked.show is not None:
        result = found[asked.show]
        table = _titled(result.table, asked.title)
        return Line(text="", answer=Answer.SHOWN, items=(asked.show,), tables=(table,), digest=result.digest)
    if asked.alternatives:
        text = "\n".join(
            _prefixed(f"{WAITING}-{letter}: ", one) for letter, one in zip("ABCDE", asked.alternatives, strict=False)
        )
        return Line(text=_filled(text, words), answer=Answer.WAITS)
    if asked.todo is not None:
        return Line(text=_filled(_prefixed(f"{WAITING}: ", asked.todo), words), answer=Answer.WAITS)
    return Line(text=_filled(asked.text or "", words), answer=Answer.SHOWN)


def _asked(asked: Asked, words: Mapping[str, str], found: Mapping[str, Result], *, split: bool) -> Line:
    assert asked.ask is not None
    first = found[asked.ask]
    also = of(found, asked.also.split())
    if asked.maybe is not None:
        answer, said = _first_of(first, also)
    else:
        answer, said = joined([first, *also])
    sentence = _sentence(asked, answer, waits=asked.maybe is not None and answer == Answer.UNDECIDED)
    waits = sentence.startswith(WAITING)
    tables = tuple(_evidence([first, *also], answer))
    return Line(
        text=_filled(sentence, {**words, "names": _names(first.table)}),
        answer=answer,
        said=said,
        items=(asked.ask, *asked.also.split()),
        tables=tables,
        digest=".".join(one.digest for one in [first, *also]),
        problem=split and answer == Answer.YES and not (asked.fact or asked.hint or waits),
    )


def _first_of(first: Result, also: Sequence[Result]) -> tuple[Answer, str]:
    """The answer of a question that others can only make doubtful."""
    doubt = next((one for one in also if one.answer != Answer.NONE), None)
    if first.answer == Answer.NONE and doubt:
        because = "what follows does not say" if doubt.answer == Answer.YES else doubt.said
        return Answer.UNDECIDED, f"not decidable here: {first.said}; {because}"
    return first.answer, first.said


def _sentence(asked: Asked, answer: Answer, *, waits: bool) -> str:
    if answer == Answer.UNDECIDED:
        said = asked.maybe or "" if waits else asked.none
        return _whole(said) if said.startswith(WAITING) else _prefixed(f"{WAITING}: ", said)
    return _whole(asked.yes if answer == Answer.YES else asked.none)


def _whole(sentence: str) -> str:
    """A sentence that waits says so in each of its lines, as the forms do."""
    if not sentence.startswith(f"{WAITING}: "):
        return sentence
    first, *rest = sentence.split("\n")
    return "\n".join([first, *(line if line.startswith(WAITING) else f"{WAITING}: {line}" for line in rest)])


def _prefixed(prefix: str, text: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([f"{prefix}{first}", *(f"{prefix}{line}" for line in rest)])


def _evidence(found: Sequence[Result], answer: Answer) -> Iterator[Table]:
    for one in found:
        if one.answer == Answer.YES and (answer == Answer.YES or one is not found[0]):
            yield _titled(one.table, one.item if len(found) > 1 else "")


def _titled(table: Table, title: str) -> Table:
    return Table(title=title, columns=table.columns, rows=table.rows, total=table.total)


def _names(table: Table) -> str:
    """The paths of a table, as a form names them."""
    if "path" not in table.columns:
        return "TBD"
    at = table.columns.index("path")
    names = list(dict.fromkeys(row[at].rpartition("/")[2] for row in table.rows))
    return ", ".join(names[:_MOST_NAMES]) + (
        f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    )
