"""Maintainer scripts: what is hand-written, and what they do."""

from __future__ import annotations

import hashlib

import pytest

from archscan.files.control.maintainer import maintainer_script
from archscan.model import Directive, Script
from tests.files.hostile import survives

GENERATED = """# Automatically added by dh_installsystemd/13.11.4
if [ "$1" = "configure" ]; then
\tdeb-systemd-invoke start 'x.service' >/dev/null || true
fi
# End automatically added section
"""
OLD = """# Automatically added by dh_python3
if which py3compile >/dev/null 2>&1; then
\tpy3compile -p x
fi

# End automatically added section
"""
FRAME = """#!/bin/sh
# postinst script for x
set -e

case "$1" in
    configure|reconfigure)
    ;;

    abort-upgrade|abort-remove|abort-deconfigure)
    ;;

    *)
        echo "postinst called with unknown argument \\`$1'" >&2
        exit 1
    ;;
esac

#DEBHELPER#

exit 0
"""


def _script(text: str, path: str = "DEBIAN/postinst") -> Script:
    found = maintainer_script(path, text.encode()).script
    assert found
    return found


@pytest.mark.parametrize(
    "text",
    [
        FRAME,
        FRAME + GENERATED,
        "#!/bin/sh\nset -e\n" + OLD + GENERATED + ":\n",
        "",
        "#!/bin/sh",
        "#! /bin/bash -e\n# only\ntrue\n",
    ],
)
def test_nothing_of_it_is_hand_written(text: str) -> None:
    found = _script(text)
    assert (found.own_lines, found.own_sha256, found.own) == (0, None, "")
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_the_own_part_and_the_tools() -> None:
    own = '#!/bin/sh\nset -e\nif [ "$1" = configure ]; then\n\tadduser --system x\nfi\n'
    helper = 'dpkg-maintscript-helper rm_conffile /etc/x \\\n 1.0 -- "$@"\n'
    found = _script(own + GENERATED + OLD + helper)
    assert found.own == own
    assert found.own_lines == 1
    assert found.tools == ("dh_installsystemd", "dh_python3", "dpkg-maintscript-helper")
    assert found.interpreter == "sh"
    assert found.lines == 18
    assert found.name == "postinst"


def test_blanks_and_comments_do_not_change_the_digest_and_everything_else_does() -> None:
    digest = _script("#!/bin/sh\nset -e\nadduser x\n").own_sha256
    assert digest
    assert _script("#!/bin/sh\n\n# why\nset  -e\n  adduser   x  \n" + GENERATED).own_sha256 == digest
    assert _script("#!/bin/sh\nset -e\nadduser y\n").own_sha256 != digest
    here = "#!/bin/sh\ncat > /x <<E\n# {}\nE\n"
    assert _script(here.format("a")).own_sha256 != _script(here.format("b")).own_sha256


def test_what_stands_in_a_text_begins_no_generated_part() -> None:
    found = _script("#!/bin/sh\ncat <<'EOF'\n# Automatically added by me\nEOF\nrm x\n")
    assert found.tools == ()
    assert "rm x" in found.own


def test_a_part_that_nothing_ends_goes_to_the_end_but_its_commands_are_told() -> None:
    facts = maintainer_script("DEBIAN/postinst", b"#!/bin/sh\n# Automatically added by me\nchmod 777 /x\n")
    assert facts.script
    assert facts.script.own_sha256 is None
    assert [(one.line, one.what) for one in facts.commands] == [(3, "world-writable")]


def test_of_a_program_only_the_digest_is_told() -> None:
    data = b"\x7fELF\0\0chmod 777 /x\n"
    facts = maintainer_script("DEBIAN/preinst", data)
    assert facts.script
    assert facts.script.own_sha256 == facts.script.sha256 == hashlib.sha256(data).hexdigest()
    assert facts.commands == ()


@pytest.mark.parametrize(
    ("first", "name"),
    [("#!/bin/sh -e", "sh"), ("#! /usr/bin/env bash", "bash"), ("#!/usr/bin/perl -w", "perl"), ("set -e", None)],
)
def test_what_runs_it(first: str, name: str | None) -> None:
    facts = maintainer_script("DEBIAN/config", f"{first}\nsystem('x');chmod 777 /x\n".encode())
    assert facts.interpreter == name
    assert bool(facts.commands) == (name != "perl")


def test_questions_are_directives() -> None:
    facts = maintainer_script("DEBIAN/config", b"#!/bin/sh\ndb_input high x/y || true\n")
    assert facts.directives == (Directive(2, "question", "x/y", "high"),)


def test_the_own_part_is_text_that_may_be_stored_and_not_too_long() -> None:
    found = maintainer_script("DEBIAN/postinst", b"#!/bin/sh\n\techo \xff\xe2\x80\xae\n" + b"echo x\n" * 20_000).script
    assert found
    assert found.own.startswith("#!/bin/sh\n\techo \\xff\\xe2\\x80\\xae\necho x\n")
    assert len(found.own) < 70_000
    assert found.own_lines == 20_001


def test_hostile_bytes() -> None:
    survives(maintainer_script, "DEBIAN/postinst")
