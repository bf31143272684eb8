"""Init scripts: the header, and the daemon that they start."""

from __future__ import annotations

import pytest

from archscan.files.services.init import init_script

HEADER = """#! /bin/sh
### BEGIN INIT INFO
# Provides:          x y
# Required-Start:    $remote_fs
# Default-Start:     2 3 4 5
# Short-Description: An x
# Description:       One
#  two
#\tthree
### END INIT INFO
# Provides: not this
"""


def started(text: str) -> list[tuple[str, str, str]]:
    (service,) = init_script("etc/init.d/x", f"#!/bin/sh\n{text}\n".encode()).services
    return [(one.directive, one.path, one.arguments) for one in service.programs]


def test_header() -> None:
    facts = init_script("etc/init.d/x", HEADER.encode())
    assert [(one.line, one.name, one.value) for one in facts.directives] == [
        (3, "Provides", "x y"),
        (4, "Required-Start", "$remote_fs"),
        (5, "Default-Start", "2 3 4 5"),
        (6, "Short-Description", "An x"),
        (7, "Description", "One two three"),
    ]
    assert {one.section for one in facts.directives} == {"INIT INFO"}
    assert facts.interpreter == "sh"
    assert [service.programs for service in facts.services] == [()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start-stop-daemon --start --exec /bin/a -- -b c", [("start-stop-daemon", "/bin/a", "-b c")]),
        ("DAEMON=/bin/$NAME\nNAME=a\nstart-stop-daemon -S -p /run/p -x $DAEMON",
         [("start-stop-daemon", "/bin/a", "")]),
        ("D=${DAEMON:-/bin/a}\nif start-stop-daemon \\\n -Sqx \"$D\"; then :; fi",
         [("start-stop-daemon", "/bin/a", "")]),
        ("start-stop-daemon --start --exec /bin/a --startas=/bin/b", [("start-stop-daemon", "/bin/b", "")]),
        ("start-stop-daemon --stop --exec /bin/a", []),
        ("start-stop-daemon --start --test --exec /bin/a", []),
        ("# start-stop-daemon --start --exec /bin/a", []),
        ("cat <<END\nstart-stop-daemon --start --exec /bin/a\nEND\n", []),
        ("start_daemon -n 5 -p /run/p /bin/a b", [("start_daemon", "/bin/a", "b")]),
        ("start_daemon () {\n log \"$1\"\n}\nstart_daemon x y\n", []),
        ("start_daemon $NICE /bin/a", [("start_daemon", "/bin/a", "")]),
        ("DAEMON=/bin/a\nDAEMON_ARGS='b c'\n. /lib/init/init-d-script", [("DAEMON", "/bin/a", "b c")]),
        ("DAEMON=none\n. /lib/init/init-d-script", []),
        ("DAEMON=$(command -v a)\n", []),
        ("DAEMON='/bin/a -- -i'\nstart-stop-daemon --start --exec $DAEMON", [("start-stop-daemon", "/bin/a", "-i")]),
        ("case $1 in\n start)\n  start-stop-daemon --start -x /bin/a ;;\nesac", [("start-stop-daemon", "/bin/a", "")]),
    ],
)  # fmt: skip
def test_programs(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert started(text) == expected


@pytest.mark.parametrize(
    ("text", "user", "group"),
    [
        ("start-stop-daemon --start --chuid a:b -x /c", "a", "b"),
        ("U=a\nstart-stop-daemon -S -c $U -g b -x /c", "a", "b"),
        ("start-stop-daemon -S -u a -x /c", None, None),  # only whose processes are looked at
        ("DAEMON=/c\nSTART_ARGS='--chuid a'\n", "a", None),
    ],
)
def test_user(text: str, user: str | None, group: str | None) -> None:
    (service,) = init_script("etc/init.d/x", f"#!/bin/sh\n{text}\n".encode()).services
    assert (service.user, service.group) == (user, group)


def test_a_readme_is_no_service() -> None:
    assert init_script("etc/init.d/README", b"start-stop-daemon --start --exec /bin/a\n").services == ()


def test_variables_that_name_each_other_end() -> None:
    text = "A=$B$B$B$B\nB=$A$A$A$A\nstart-stop-daemon --start --exec /bin/$A"
    assert len(started(text)[0][1]) <= 4096
