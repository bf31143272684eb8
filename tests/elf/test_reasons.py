"""What verdicts give as their reason, against the page that explains the codes."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from archscan.model import Elf
from tests.elf.building import HELLO, PLAIN, body_at, compiled, handmade, linked, seen, without_sections

_PAGE = Path(__file__).parents[2] / "docs/reasons.md"


def _documented() -> dict[str, list[str]]:
    rows = re.findall(r"^\| `([\w-]+)` \| (.*?) \|", _PAGE.read_text(), re.MULTILINE)
    return {code: re.findall(r"`([\w*]+)`", columns) for code, columns in rows}


def _variety(folder: Path, corpus: dict[str, dict[str, Path]]) -> list[Elf]:
    """Objects of many kinds, processors and languages."""
    paths = [(name, path) for objects in corpus.values() for name, path in objects.items()]
    found = [seen(path, name) for name, path in paths if path.read_bytes()[:4] == b"\x7fELF"]
    code = [(1, 5, 0, body_at(1))]
    for path in ("usr/bin/x", "usr/lib/klibc/bin/x", "lib/firmware/x", "usr/lib/debug/x"):
        found += [seen(handmade(code, kind=kind, machine=183), path) for kind in (2, 3, 4)]
    for machine in (3, 8, 21, 40, 62, 183, 243, 9999):
        found.append(seen(linked({}, [(1, 0)], machine=machine), "usr/lib/x/x.so"))
        found.append(seen(linked({}, [(1, 0)], machine=machine, relro=(0, 8)), "usr/lib/x/x.so"))
    built = compiled(folder, HELLO, PLAIN)
    found += [seen(without_sections(built.read_bytes())), seen(compiled(folder, HELLO, ["-static"], name="static"))]
    found += [seen(compiled(folder, HELLO, ["-c", *flags], name="x.o"), "usr/lib/x.o") for flags in ([], ["-O2"])]
    return found


def test_a_code_stands_only_in_the_columns_it_is_documented_for(
    tmp_path: Path, corpus_objects: dict[str, dict[str, Path]]
) -> None:
    documented = _documented()
    given = {
        (column, reason.code) for row in _variety(tmp_path, corpus_objects) for column, reason in row.reasons.items()
    }
    assert len(given) > 30
    for column, code in given:
        assert any(fnmatch(column, pattern) for pattern in documented[code]), (column, code)


def test_every_column_that_is_not_yes_says_why(tmp_path: Path, corpus_objects: dict[str, dict[str, Path]]) -> None:
    columns = """
    pie relro bind_now nx fortify stack_protector stack_clash
    ibt_marked ibt_compiled shstk_marked bti_marked bti_compiled pac_marked pac_compiled
    separate_code clang_cfi safe_stack glibcxx_assertions
    """.split()
    for row in _variety(tmp_path, corpus_objects):
        for column in columns:
            assert getattr(row, column) == "yes" or column in row.reasons, (row.path, column)
        for column in ("textrel", "wx_segments"):
            assert not getattr(row, column) or column in row.reasons, (row.path, column)
