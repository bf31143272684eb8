from pathlib import Path

import pytest

from archscan.errors import ArchscanError
from archscan.site.sets import names

FORMS = {
    "plain": "sudo\n\n  # a comment\npasswd # another\nsudo\n",
    "selections": "libc6:amd64\t\t\t\tinstall\nsudo\t\t\t\tinstall\nvim\t\t\t\tdeinstall\nnano\tpurge\n",
    "manifest": "adduser\t3.118\nlibc6:amd64 2.36-9\n",
    "seed": " * sudo # of the seed\n * passwd\n",
    "germinate": (
        "Package | Source | Why | Maintainer | Deb Size (B)\n--------+--------+-----+------------+---\n"
        "sudo    | sudo   | ship seed | Somebody <a@example.org> | 1\n"
        "libc6   | glibc  | sudo      | Somebody <a@example.org> | 2\n"
        "--------+--------+-----+------------+---\n        |        |     |            | 3\n"
    ),
}
FOUND = {
    "plain": ["sudo", "passwd"], "selections": ["libc6", "sudo"], "manifest": ["adduser", "libc6"],
    "seed": ["sudo", "passwd"], "germinate": ["sudo", "libc6"],
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_lists_of_many_forms_are_read(form: str, tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text(FORMS[form])
    assert names(path) == FOUND[form]


@pytest.mark.parametrize("text", ["<script>\n", "sudo\n../etc\n", "\x00\x01\n"])
def test_what_is_no_list_is_refused_with_its_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text(text)
    with pytest.raises(ArchscanError, match=r"list:\d+: expected the name of a package"):
        names(path)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ArchscanError, match="cannot be read"):
        names(tmp_path / "missing")
