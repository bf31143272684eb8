"""Campaigns: what bugs are made of the same matter, in whose name, and what Debian asks of whoever files many.

The rules are those of the Developer's Reference, 7.1.1: who reports more than ten bugs on one topic says so first.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec

from archscan.bugs.checks import address, usertag
from archscan.errors import BugError, UsageError
from archscan.store.bugs import LEFT

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

FREE = 10
"""How many bugs need no announcement."""

WAIT_DAYS = 7
"""How long others have to answer an announcement."""

_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,59}")
_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,250}(?::[0-9]{1,5})?/[!-~]{0,1500}")
_COLUMNS = ("id", "name", "rules", "sources", "suite", "target", "user", "usertags", "copies", "most", "team_from",
            "announcement", "announced")  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM campaign"
_LIST = f"({', '.join(f'{word!r}' for word in (*LEFT, 'approved'))})"


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign; ``announced`` is the day of the announcement, whose address is ``announcement``."""

    id: int = 0
    name: str
    rules: str = "*"
    sources: str = "*"
    suite: str
    target: str | None = None
    user: str
    usertags: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    most: str = "normal"
    team_from: int = 5
    announcement: str | None = None
    announced: date | None = None


def checked(one: Campaign) -> Campaign:
    """The campaign, if its name, addresses and usertags can be what they are. Raises BugError."""
    if not _NAME.fullmatch(one.name):
        raise BugError(f"expected a name of lower-case letters, digits and . + -, got {one.name[:80]!a}")
    for text in (one.user, *one.copies):
        address(text)
    for text in one.usertags:
        usertag(text)
    return one


def campaign(connection: sqlite3.Connection, name: str) -> Campaign | None:
    """The campaign of that name, None where there is none."""
    row = connection.execute(f"{_SELECT} WHERE name = ?", (name,)).fetchone()
    return None if row is None else _campaign(row)


def named(connection: sqlite3.Connection, name: str) -> Campaign:
    """The campaign of that name. Raises UsageError where there is none."""
    found = campaign(connection, name)
    if found is None:
        known = ", ".join(one.name for one in campaigns(connection)) or "none yet; `archscan bugs draft` makes one"
        raise UsageError(f"no campaign {name[:80]!a}; there is: {known}")
    return found


def campaigns(connection: sqlite3.Connection) -> list[Campaign]:
    """All of them, by name."""
    return [_campaign(row) for row in connection.execute(f"{_SELECT} ORDER BY name")]


def _campaign(row: tuple[object, ...]) -> Campaign:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in ("usertags", "copies"):
        values[name] = tuple(str(values[name]).split())
    values["announced"] = date.fromisoformat(str(values["announced"])) if values["announced"] else None
    return msgspec.convert(values, Campaign)


def keep(connection: sqlite3.Connection, one: Campaign, now: datetime) -> Campaign:
    """The campaign as it is stored: new, or in place of that of its name. To be called in a transaction."""
    values = {
        **{name: getattr(one, name) for name in _COLUMNS if name != "id"},
        "usertags": " ".join(one.usertags), "copies": " ".join(one.copies), "made": now.isoformat(timespec="seconds"),
        "announced": one.announced.isoformat() if one.announced else None,
    }  # fmt: skip
    names = list(values)
    changed = ", ".join(f"{name} = excluded.{name}" for name in names if name not in ("name", "made"))
    connection.execute(
        f"INSERT INTO campaign ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)}) "
        f"ON CONFLICT (name) DO UPDATE SET {changed}",
        values,
    )
    return named(connection, one.name)


def size(connection: sqlite3.Connection, of: Campaign) -> int:
    """How many bugs of a campaign ever left, or are approved to; mails about filed ones do not count."""
    sql = f"SELECT count(*) FROM bug WHERE campaign_id = ? AND kind <> 'control' AND state IN {_LIST}"
    return int(connection.execute(sql, (of.id,)).fetchone()[0])


def is_mass(number: int) -> bool:
    """Whether so many bugs are what has to be announced."""
    return number > FREE


def obstacle(of: Campaign, number: int, today: date) -> str:
    """Why ``number`` bugs of a campaign may not be sent yet, and what to do; empty where they may."""
    if not is_mass(number):
        return ""
    lead = f"campaign {of.name} has {number} bugs, and more than {FREE} have to be announced first"
    if of.announced is None:
        return (f"{lead}: write to debian-devel (archscan bugs announcement {of.name}), wait {WAIT_DAYS} days, and "
                f"record it: archscan bugs announce {of.name} --url URL --date DATE")  # fmt: skip
    free = of.announced + timedelta(days=WAIT_DAYS)
    if today < free:
        return f"{lead}; that was on {of.announced}, and they may be sent from {free} on"
    return ""


def announced(one: Campaign, url: str, day: date, today: date) -> Campaign:
    """The campaign with its announcement. Raises BugError for an address that is none, or a day to come."""
    if not _URL.fullmatch(url):
        raise BugError(f"--url: expected the address of the announcement, https://…, got {url[:80]!a}")
    if day > today:
        raise BugError(f"--date {day}: expected a day that was; record the announcement when it is made")
    return msgspec.structs.replace(one, announcement=url, announced=day)
