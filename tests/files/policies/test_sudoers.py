"""Rules of sudo, by the grammar of sudoers(5)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from archscan.files.policies.sudoers import sudoers


def said(text: str) -> list[tuple[str | None, str, str]]:
    facts = sudoers("etc/sudoers.d/x", text.encode())
    return [(one.section, one.name, one.value) for one in facts.directives]


D = "0a" * 28
RULES = [
    ("root ALL=(ALL:ALL) ALL", [("root", "PASSWD", "ALL=(ALL:ALL) ALL")]),
    ("%sudo\tALL = ALL # c", [("%sudo", "PASSWD", "ALL=(root) ALL")]),
    ("a ALL=NOPASSWD:SETENV: /bin/a, PASSWD: /bin/b *",
     [("a", "NOPASSWD SETENV", "ALL=(root) /bin/a"), ("a", "PASSWD SETENV", "ALL=(root) /bin/b *")]),
    ("a ALL=(b) /bin/a, (c:d) NOEXEC: /bin/b, /bin/c",
     [("a", "PASSWD", "ALL=(b) /bin/a"), ("a", "PASSWD NOEXEC", "ALL=(c:d) /bin/b"),
      ("a", "PASSWD NOEXEC", "ALL=(c:d) /bin/c")]),
    ("a, \\\n  %b ALL=/bin/a \\\n  x", [("a, %b", "PASSWD", "ALL=(root) /bin/a x")]),
    ("a H1, H2 = /bin/a : H3 = (b) /bin/c",
     [("a", "PASSWD", "H1, H2=(root) /bin/a"), ("a", "PASSWD", "H3=(b) /bin/c")]),
    ("a ALL=/bin/a \\=x\\,y\\:z", [("a", "PASSWD", "ALL=(root) /bin/a \\\\=x\\\\,y\\\\:z")]),
    ("#1000, %#20 ALL=/bin/a", [("#1000, %#20", "PASSWD", "ALL=(root) /bin/a")]),
    ('"a b" ALL=/bin/a ""', [('"a b"', "PASSWD", 'ALL=(root) /bin/a ""')]),
    (f"a ALL=sha224:{D} /bin/a, /bin/b",
     [("a", "PASSWD", f"ALL=(root) sha224:{D} /bin/a"), ("a", "PASSWD", "ALL=(root) /bin/b")]),
    ("a ALL=(ALL, !root) ALL, !/bin/su", [("a", "PASSWD", "ALL=(ALL, !root) ALL"),
                                          ("a", "PASSWD", "ALL=(ALL, !root) !/bin/su")]),
    ("Cmnd_Alias A = /bin/a, B : B = /bin/b\nu ALL=NOPASSWD: A, !B",
     [(None, "Cmnd_Alias", "A = /bin/a, B"), (None, "Cmnd_Alias", "B = /bin/b"), ("u", "NOPASSWD", "ALL=(root) /bin/a"),
      ("u", "NOPASSWD", "ALL=(root) /bin/b"), ("u", "NOPASSWD", "ALL=(root) !/bin/b")]),
    ("User_Alias U = a, b\nU ALL=/bin/a", [(None, "User_Alias", "U = a, b"), ("U", "PASSWD", "ALL=(root) /bin/a")]),
    ("Host_Alias H = fe80::1, 10.0.0.0/8", [(None, "Host_Alias", "H = fe80::1, 10.0.0.0/8")]),
    ('Defaults env_reset, secure_path="/a:/b,c"', [(None, "Defaults", "env_reset"),
                                                   (None, "Defaults", 'secure_path="/a:/b,c"')]),
    ("Defaults:a !authenticate", [(":a", "Defaults", "!authenticate")]),
    ("Defaults@h x\nDefaults>r y\nDefaults!/bin/a z",
     [("@h", "Defaults", "x"), (">r", "Defaults", "y"), ("!/bin/a", "Defaults", "z")]),
    ("@include /etc/x\n#includedir /etc/y", [(None, "include", "/etc/x"), (None, "includedir", "/etc/y")]),
    ("#comment ALL=ALL\n\n", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), RULES)
def test_rules(text: str, expected: list[tuple[str | None, str, str]]) -> None:
    assert said(text) == expected


@pytest.mark.skipif(shutil.which("visudo") is None, reason="visudo is not installed")
@pytest.mark.parametrize("text", [text for text, _ in RULES])
def test_sudo_reads_these_rules(text: str, tmp_path: Path) -> None:
    path = tmp_path / "sudoers"
    path.write_text(f"{text}\n".replace("/etc/x", str(tmp_path / "none")))
    path.with_name("none").write_text("")
    checked = subprocess.run(["visudo", "-cf", str(path)], capture_output=True, text=True, check=False)
    assert "syntax error" not in checked.stderr + checked.stdout


def test_regular_expressions() -> None:
    assert said("a ALL=^/bin/(a|b),c$ ^x:y$, /bin/w") == [
        ("a", "PASSWD", "ALL=(root) ^/bin/(a|b),c$ ^x:y$"),
        ("a", "PASSWD", "ALL=(root) /bin/w"),
    ]


@pytest.mark.parametrize("text", ["a", "a ALL", "= b", "a ALL=", "ALL =", "A = B = C", "Cmnd_Alias", "Defaults", '"a'])
def test_nonsense(text: str) -> None:
    assert all(name != "PASSWD" or section for section, name, _ in said(text))


def test_aliases_that_name_each_other_end() -> None:
    names = [f"A{at}" for at in range(12)]
    text = "\n".join(f"Cmnd_Alias {one} = {', '.join(names)}" for one in names)
    assert len(said(f"{text}\nu ALL=A0")) == 5_000
