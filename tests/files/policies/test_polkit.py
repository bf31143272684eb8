"""Actions of polkit, rules in JavaScript, and the older local authority."""

from __future__ import annotations

import pytest

from archscan.files.policies.polkit import actions, local_authority, rules

ACTIONS = """<?xml version="1.0" encoding="UTF-8"?>
<policyconfig>
  <vendor>not of an action</vendor>
  <action id="org.x.a">
    <description>Do a</description>
    <description xml:lang="de">Tu a</description>
    <message>Really
      a?</message>
    <defaults>
      <allow_any> auth_admin </allow_any>
      <allow_inactive>no</allow_inactive>
      <allow_active>yes</allow_active>
    </defaults>
    <annotate key="org.freedesktop.policykit.exec.path">/usr/sbin/a</annotate>
  </action>
  <action id="org.x.b"><defaults><allow_any>yes</allow_any></defaults></action>
</policyconfig>
"""


def test_actions() -> None:
    facts = actions("usr/share/polkit-1/actions/x.policy", ACTIONS.encode())
    assert [(one.line, one.section, one.name, one.value) for one in facts.directives] == [
        (5, "org.x.a", "description", "Do a"),
        (7, "org.x.a", "message", "Really a?"),
        (10, "org.x.a", "allow_any", "auth_admin"),
        (11, "org.x.a", "allow_inactive", "no"),
        (12, "org.x.a", "allow_active", "yes"),
        (14, "org.x.a", "org.freedesktop.policykit.exec.path", "/usr/sbin/a"),
        (16, "org.x.b", "allow_any", "yes"),
    ]
    broken = actions("usr/share/polkit-1/actions/x.policy", ACTIONS.encode()[:-10])
    assert [one.name for one in broken.directives][-2:] == ["allow_any", "broken"]


def said(body: str, function: str = "addRule") -> list[tuple[int, str | None, str, str]]:
    text = f"polkit.{function}(function(action, subject) {{\n{body}\n}});\n"
    facts = rules("etc/polkit-1/rules.d/x.rules", text.encode())
    return [(one.line, one.section, one.name, one.value) for one in facts.directives]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return polkit.Result.YES;", [(2, None, "yes", "")]),
        ('if (action.id == "a" && subject.local)\n  return polkit.Result.YES',
         [(3, "a", "yes", 'action.id == "a" && subject.local')]),
        ('if (("a" === action.id || action.id === "b")) { return polkit.Result.AUTH_ADMIN_KEEP; }',
         [(2, "a b", "auth_admin_keep", '("a" === action.id || action.id === "b")')]),
        ("if (action.id.indexOf('a.') == 0) return polkit.Result.NO;",
         [(2, "a.*", "no", "action.id.indexOf('a.') == 0")]),
        ('if (["a", "b"].indexOf(action.id) !== -1) { if (subject.active) return polkit.Result.YES; }',
         [(2, "a b", "yes", '["a", "b"].indexOf(action.id) !== -1 && subject.active')]),
        ('if (/^a[/"]b/.test(action.id)) return polkit.Result.YES;',
         [(2, '/^a[/"]b/', "yes", '/^a[/"]b/.test(action.id)')]),
        ('if (action.id != "a") return polkit.Result.NOT_HANDLED;\nreturn polkit.Result.YES;',
         [(2, None, "not_handled", 'action.id != "a"'), (3, "a", "yes", '!(action.id != "a")')]),
        ('if (action.id != "a") { return polkit.Result.NOT_HANDLED; }\nreturn "yes";',
         [(2, None, "not_handled", 'action.id != "a"'), (3, "a", "yes", '!(action.id != "a")')]),
        ('if (action.id == "a") { log(); } else { return polkit.Result.NO; }',
         [(2, None, "no", '!(action.id == "a")')]),
        ('switch (action.id) {\ncase "a": return polkit.Result.YES;\n}', [(3, "a", "yes",
         'action.id && action.id == "a"')]),
        ("return subject.x ? polkit.Result.YES : polkit.Result.NO;",
         [(2, None, "yes", "subject.x ? polkit.Result.YES : polkit.Result.NO"),
          (2, None, "no", "subject.x ? polkit.Result.YES : polkit.Result.NO")]),
        ("// return polkit.Result.YES;\n/* return polkit.Result.YES; */ var x = 'return polkit.Result.YES;';", []),
        ("return null;", []),
    ],
)  # fmt: skip
def test_rules(body: str, expected: list[tuple[int, str | None, str, str]]) -> None:
    assert said(body) == expected


def test_two_rules_know_nothing_of_each_other() -> None:
    first = 'polkit.addRule(function(a, s) { if (action.id != "a") return polkit.Result.NO; });\n'
    facts = rules("x", (first + "polkit.addRule(function(a, s) { return polkit.Result.YES; });").encode())
    assert [(one.section, one.name, one.value) for one in facts.directives][1:] == [(None, "yes", "")]


def test_who_counts_as_administrator() -> None:
    assert said('return ["unix-group:sudo", "unix-user:x"];', "addAdminRule") == [
        (2, None, "admin", "unix-group:sudo unix-user:x")
    ]


def test_local_authority() -> None:
    text = "[Let x]\nIdentity=unix-group:a;unix-user:*\nAction=org.x.*\nResultAny=yes\n"
    facts = local_authority("var/lib/polkit-1/localauthority/10-vendor.d/x.pkla", text.encode())
    assert {(one.section, one.name, one.value) for one in facts.directives} == {
        ("Let x", "Identity", "unix-group:a;unix-user:*"),
        ("Let x", "Action", "org.x.*"),
        ("Let x", "ResultAny", "yes"),
    }
