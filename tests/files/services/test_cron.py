"""Crontabs by crontab(5), and the folders that run-parts goes through."""

from __future__ import annotations

import pytest

from archscan.files.services.cron import crontab, periodic


@pytest.mark.parametrize(
    ("line", "schedule", "user", "programs"),
    [
        ("5 0 * * * root /bin/a b", "5 0 * * *", "root", ["/bin/a"]),
        ("*/5 1-3,7 1 jan-mar Mon,Tue  www-data\ta", "*/5 1-3,7 1 jan-mar Mon,Tue", "www-data", ["a"]),
        ("@reboot\troot\tsleep 1 && /bin/a", "@reboot", "root", ["sleep", "/bin/a"]),
        ("0 * * * * root [ -x /bin/a ] && if [ ! -d /x ]; then /bin/a >/dev/null 2>&1; fi", "0 * * * *", "root",
         ["/bin/a"]),
        ("0 * * * * root command -v a > /dev/null && a 1", "0 * * * *", "root", ["a"]),
        ("0 * * * * root cd / && nice -n 5 /bin/a; exec /bin/b", "0 * * * *", "root", ["nice", "/bin/a", "/bin/b"]),
        ("0 * * * * root /bin/a +\\%d%/bin/b", "0 * * * *", "root", ["/bin/a"]),  # the rest is what it reads
        ("0 * * * * root sh -c '/bin/a; /bin/b'", "0 * * * *", "root", ["sh", "/bin/a", "/bin/b"]),
        ("0 * * * * root X=1 /bin/a # /bin/b", "0 * * * *", "root", ["/bin/a"]),
        ("0 * * * * root echo 'a;b' | /bin/mail", "0 * * * *", "root", ["/bin/mail"]),
    ],
)  # fmt: skip
def test_entries(line: str, schedule: str, user: str, programs: list[str]) -> None:
    (service,) = crontab("etc/cron.d/x", f"# c\n  {line}\n".encode()).services
    assert (service.schedule, service.user, service.line) == (schedule, user, 2)
    assert [one.path for one in service.programs] == programs


@pytest.mark.parametrize("line", ["0 * * * *", "0 * * * * root", "hello world", "@daily", "0 * * ? root /bin/a", "#x"])
def test_what_is_no_entry(line: str) -> None:
    assert crontab("etc/cron.d/x", line.encode()).services == ()


def test_settings() -> None:
    facts = crontab("etc/crontab", b"PATH=/a:/b\n MAILTO = \"x y\"\n'Q'=1\n5 * * * * root a=b\n")
    assert [(one.line, one.name, one.value) for one in facts.directives] == [
        (1, "PATH", "/a:/b"), (2, "MAILTO", "x y"), (3, "Q", "1"),
    ]  # fmt: skip
    assert [service.line for service in facts.services] == [4]


def test_a_users_table_has_no_user() -> None:
    (service,) = crontab("var/spool/cron/crontabs/joe", b"1 2 3 4 5 /bin/a b\n").services
    assert (service.user, service.programs[0].path, service.programs[0].arguments) == ("joe", "/bin/a", "b")


@pytest.mark.parametrize("name", ["x.dpkg-dist", ".placeholder", "x~"])
def test_names_that_cron_ignores(name: str) -> None:
    assert crontab(f"etc/cron.d/{name}", b"1 2 3 4 5 root /bin/a\n").services == ()
    assert periodic(f"etc/cron.daily/{name}", b"#!/bin/sh\n").services == ()


def test_periodic() -> None:
    facts = periodic("etc/cron.weekly/x", b"#!/usr/bin/env -S perl -w\n")
    (service,) = facts.services
    assert (service.schedule, service.user, service.programs[0].path) == ("weekly", "root", "/etc/cron.weekly/x")
    assert facts.interpreter == "perl"
