"""What is compared of packages, as SQL: each facet gives a package, a path, a subject and a value, row by row."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from archscan.compare.change import Effect
from archscan.store.started import OFF, SANDBOX
from archscan.store.views import PROTECTIONS

Judge = Callable[[str, str | None, str | None], Effect]
"""Subject, old and new value → effect."""

# From best to worst; what is in none of them is neither.
_VERDICTS = (("yes", "full"), ("partial",), ("no", "none"))
_MODES = (("enforce", "kill"), ("complain", "prompt"), ("unconfined", "disabled"))
# Where a weak algorithm is a fault by itself; elsewhere another one more is no regression.
_FOR_SECURITY = ("signature", "certificate", "password", "kdf", "mac", "tls", "token")


class Facet(msgspec.Struct, frozen=True):
    """``sql`` reads the packages of ``temp.compared``; ``needs`` is the kind of facts that it lives on.

    ``many`` are joined into one change for each path, with the names as its detail; of ``shared`` only objects count
    that both states have: what is new or gone as a whole is said once.
    """

    name: str
    needs: str
    sql: str
    judge: Judge
    many: bool = False
    shared: bool = False


def _changed(_subject: str, _old: str | None, _new: str | None) -> Effect:
    return Effect.CHANGED


def _new_is_worse(_subject: str, old: str | None, new: str | None) -> Effect:
    if old is None:
        return Effect.WORSE
    return Effect.BETTER if new is None else Effect.CHANGED


def _new_is_better(_subject: str, old: str | None, new: str | None) -> Effect:
    if old is None:
        return Effect.BETTER
    return Effect.WORSE if new is None else Effect.CHANGED


def _ranked(order: tuple[tuple[str, ...], ...]) -> Judge:
    def judge(_subject: str, old: str | None, new: str | None) -> Effect:
        places = [next((place for place, words in enumerate(order) if value in words), None) for value in (old, new)]
        if None in places or places[0] == places[1]:
            return Effect.CHANGED
        return Effect.WORSE if places[1] > places[0] else Effect.BETTER  # type: ignore[operator]

    return judge


def _protection(subject: str, old: str | None, new: str | None) -> Effect:
    if subject in ("textrel", "wx_segments"):
        return Effect.WORSE if int(new or 0) > int(old or 0) else Effect.BETTER
    return _ranked(_VERDICTS)(subject, old, new)


def _mode(subject: str, old: str | None, new: str | None) -> Effect:
    return _new_is_better(subject, old, new) if None in (old, new) else _ranked(_MODES)(subject, old, new)


def _privilege(_subject: str, old: str | None, new: str | None) -> Effect:
    before, after = set((old or "").split()), set((new or "").split())
    if after - before:
        return Effect.WORSE
    return Effect.BETTER if before - after else Effect.CHANGED


def _weak_use(subject: str, old: str | None, new: str | None) -> Effect:
    if subject.rpartition(" for ")[2] not in _FOR_SECURITY:
        return Effect.CHANGED
    return Effect.WORSE if int(new or 0) > int(old or 0) else Effect.BETTER


def _finding(_subject: str, old: str | None, new: str | None) -> Effect:
    order = ("negligible", "low", "medium", "high", "critical")
    before, after = (order.index(value) if value in order else -1 for value in (old, new))
    if max(before, after) < order.index("medium"):
        return Effect.CHANGED
    return Effect.WORSE if after > before else Effect.BETTER


_FILE = "JOIN file f ON f.package_id = c.package_id"
_DIRECTIVES = f"""SELECT c.package_id, f.path_key, f.what || ': '
    || iif(d.section IS NULL, '', '[' || d.section || '] ') || d.name, d.value
    FROM temp.compared c {_FILE} JOIN directive d ON d.file_id = f.id WHERE f.what """
_NAMES = f"({', '.join(repr(name) for name in SANDBOX)})"
_POLICIES = "('dbus-policy', 'polkit-action', 'polkit-rule', 'sudoers', 'pam', 'pam-config', 'udev')"
_ELSEWHERE = "('unit', 'debconf', 'maintainer-script', 'init', 'dbus-service')"
_VERDICT_ROWS = "\nUNION ALL\n".join(
    f"SELECT c.package_id, e.path_key, '{name}', e.{name} FROM temp.compared c JOIN elf e USING (package_id)"
    for name in (*PROTECTIONS, "relro", "textrel", "wx_segments")
)

OBJECTS = Facet("objects", "elf", """SELECT c.package_id, e.path_key, 'object', e.kind
    FROM temp.compared c JOIN elf e ON e.package_id = c.package_id""", _changed)  # fmt: skip
FACETS = (
    OBJECTS,
    Facet("hardening", "elf", _VERDICT_ROWS, _protection, shared=True),
    Facet("privileges", "elf", f"""SELECT c.package_id, f.path_key, 'privilege', f.privilege
        FROM temp.compared c {_FILE} WHERE f.privilege IS NOT NULL""", _privilege),
    Facet("services", "files", """SELECT c.package_id, f.path_key, s.kind || ' ' || s.name,
        CASE WHEN s.dynamic THEN 'a user of its own' WHEN s.scope = 'user' THEN 'whoever is logged in'
             ELSE coalesce(s.user, 'root') END
        FROM temp.compared c JOIN service s ON s.package_id = c.package_id JOIN file f ON f.id = s.file_id
        WHERE s.kind NOT IN ('socket', 'other-unit', 'mount')""", _new_is_worse),
    Facet("listeners", "files", """SELECT c.package_id, f.path_key, l.kind || ' ' || l.family || ' '
        || coalesce(l.address, 'every address') || coalesce(' port ' || l.port, ''), s.name
        FROM temp.compared c JOIN service s ON s.package_id = c.package_id JOIN file f ON f.id = s.file_id
        JOIN listener l ON l.service_id = s.id""", _new_is_worse),
    Facet("sandbox", "files", f"""SELECT c.package_id, f.path_key, d.name, d.value FROM temp.compared c {_FILE}
        JOIN directive d ON d.file_id = f.id WHERE f.what = 'unit'
        AND lower(d.value) NOT IN {OFF}
        AND d.name IN {_NAMES}""", _new_is_better),
    Facet("confinement", "files", f"""SELECT c.package_id, f.path_key, r.kind || ' ' || r.name, r.mode
        FROM temp.compared c {_FILE} JOIN profile r ON r.file_id = f.id""", _mode),
    Facet("policies", "files", f"{_DIRECTIVES} IN {_POLICIES}", _changed),
    Facet("settings", "files", f"{_DIRECTIVES} NOT IN {_POLICIES} AND f.what NOT IN {_ELSEWHERE}", _changed),
    Facet("weak-crypto", "elf", """SELECT c.package_id, e.path_key,
        u.algorithm || ' ' || u.role || ' for ' || u.context, count(*)
        FROM temp.compared c JOIN elf e ON e.package_id = c.package_id JOIN weak_use u ON u.elf_id = e.id
        GROUP BY 1, 2, 3""", _weak_use),
    Facet("weak-crypto", "files", f"""SELECT c.package_id, f.path_key,
        u.algorithm || ' ' || u.role || ' for ' || u.context, count(*)
        FROM temp.compared c {_FILE} JOIN weak_use u ON u.file_id = f.id GROUP BY 1, 2, 3""", _weak_use),
    Facet("findings", "elf", """SELECT c.package_id, e.path_key, o.rule_id || ': ' || g.subject, o.severity
        FROM temp.compared c JOIN occurrence o ON o.package_id = c.package_id AND NOT o.unchecked
        JOIN finding g ON g.id = o.finding_id JOIN elf e ON e.id = o.elf_id""", _finding),
    Facet("findings", "files", """SELECT c.package_id, coalesce(f.path_key, o.path, ''),
        o.rule_id || ': ' || g.subject, o.severity
        FROM temp.compared c JOIN occurrence o ON o.package_id = c.package_id AND NOT o.unchecked AND o.elf_id IS NULL
        JOIN finding g ON g.id = o.finding_id LEFT JOIN file f ON f.id = o.file_id""", _finding),
    Facet("scripts", "files", """SELECT c.package_id, f.path_key, 'hand-written part',
        iif(m.own_sha256 IS NULL, 'none', m.own_lines || ' lines, ' || substr(m.own_sha256, 1, 12))
        FROM temp.compared c JOIN maintainer_script m ON m.package_id = c.package_id
        JOIN file f ON f.id = m.file_id""", _changed),
    Facet("components", "elf", """SELECT c.package_id, e.path_key, t.ecosystem || ' ' || t.name, coalesce(t.version, '')
        FROM temp.compared c JOIN elf e ON e.package_id = c.package_id JOIN component t ON t.elf_id = e.id""", _changed,
          shared=True),
    Facet("relations", "elf", """SELECT c.package_id, '', r.kind || ' ' || r.name, trim(coalesce(r.op, '') || ' '
        || coalesce(r.version, '')) FROM temp.compared c JOIN relation r ON r.package_id = c.package_id
        WHERE r.kind IN ('depends', 'pre-depends', 'recommends', 'built-using', 'static-built-using')""", _changed),
    Facet("needed", "elf", """SELECT c.package_id, e.path_key, n.soname, n.soname
        FROM temp.compared c JOIN elf e ON e.package_id = c.package_id JOIN needed n ON n.elf_id = e.id""", _changed,
          many=True, shared=True),
    Facet("imports", "elf", """SELECT c.package_id, e.path_key, s.name, s.name
        FROM temp.compared c JOIN elf e ON e.package_id = c.package_id JOIN imported i ON i.elf_id = e.id
        JOIN symbol s ON s.id = i.symbol_id""", _changed, many=True, shared=True),
    Facet("exports", "exports", """SELECT c.package_id, e.path_key, s.name, s.name
        FROM temp.compared c JOIN elf e ON e.package_id = c.package_id JOIN export x ON x.elf_id = e.id
        JOIN symbol s ON s.id = x.symbol_id""", _changed, many=True, shared=True),
)  # fmt: skip
"""In the order in which they are shown."""
