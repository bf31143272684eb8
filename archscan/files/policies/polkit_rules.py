"""Rules of polkit in JavaScript: the results that they return, and under which conditions; read, never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from archscan.files.forms.text import cut
from archscan.model import Directive

_LONGEST = 1 << 19  # characters of a file that are looked at
_MOST_TOKENS = 100_000
_DEEPEST = 64
_LONGEST_CONDITION = 2_048

_TOKEN = re.compile(
    r"""
    (?P<blank> \s++ )
  | (?P<comment> //[^\n]*+ | /\*.*?(?:\*/|\Z) )
  | (?P<string> "(?> [^"\\\n] | \\. )*+(?:"|(?=\n)|\Z) | '(?> [^'\\\n] | \\. )*+(?:'|(?=\n)|\Z)
              | `(?> [^`\\] | \\. )*+(?:`|\Z) )
  | (?P<regex> (?: (?<=[(,=:!&|?{};]) | (?<=[(,=:!&|?{};]\ ) ) /(?![*/])
               (?> [^/\\\n\[] | \\. | \[(?> [^\]\\\n] | \\. ){0,256}+\] ){1,512}+ /[a-z]*+ )
  | (?P<word> [\w$]++ (?: \s{0,64} \. \s{0,64} [\w$]++ )* )
  | (?P<mark> [=!]==? | && | \|\| | [<>]= | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_RESULT = re.compile(r"polkit\.Result\.(\w+)")
_TIGHT = (")", "]", ",", ".", ";")  # no blank in front of these
_RESULTS = frozenset("no yes auth_self auth_self_keep auth_admin auth_admin_keep not_handled".split())
_ID = r"""action\.id|action\.lookup\(["']id["']\)"""
_TEXT = r"""["']([^"'\n]{1,256})["']"""
# What a condition says that the action is. ``in`` and indexOf of a list of actions stand the other way round.
_REGEX = r"/(?>[^/\\\n\[]|\\.|\[(?>[^\]\\\n]|\\.){0,256}+\]){1,512}+/"
_IS = re.compile(rf"""(?:{_ID})\s*={{2,3}}\s*{_TEXT}|{_TEXT}\s*={{2,3}}\s*(?:{_ID})""")
_IS_NOT = re.compile(rf"""(?:{_ID})\s*!={{1,2}}\s*{_TEXT}|{_TEXT}\s*!={{1,2}}\s*(?:{_ID})""")
_BEGINS = re.compile(rf"""(?:{_ID})\s*\.\s*(?:indexOf|startsWith|lastIndexOf|search)\s*\(\s*{_TEXT}""")
_MATCHES = re.compile(rf"""(?:{_ID})\s*\.\s*match\s*\(\s*({_REGEX})|({_REGEX})[a-z]*\.test\s*\(\s*(?:{_ID})""")

_LISTED = re.compile(rf"""\[([^\[\]]{{1,4000}})\]\s*\.\s*(?:indexOf|includes)\s*\(\s*(?:{_ID})""")
_STRING = re.compile(_TEXT)


class _Token(NamedTuple):
    line: int
    kind: str
    text: str


class _Block(NamedTuple):
    """What stands between braces: the conditions it is entered by, and those that hold after an early return."""

    asked: tuple[str, ...]
    held: tuple[str, ...] = ()
    left: bool = False  # it always returns


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for count, match in enumerate(_TOKEN.finditer(text[:_LONGEST])):
        if count == _MOST_TOKENS:
            return
        kind = str(match.lastgroup)
        if kind not in ("blank", "comment"):
            word = match.group() if kind != "word" else re.sub(r"\s+", "", match.group())
            yield _Token(line, kind, word)
        line += match.group().count("\n")


def results(text: str, most: int) -> list[Directive]:
    """What each ``return`` gives, with the conditions that are around it, at most ``most``."""
    tokens = list(_tokens(text))
    said: list[Directive] = []
    open_blocks: list[_Block] = []
    admin = False
    pending: tuple[str, ...] = ()  # the condition of the statement that follows
    entered: tuple[str, ...] = ()  # of the block that was closed last, for its ``else``
    at = 0
    while at < len(tokens) and len(said) < most:
        _, kind, word = tokens[at]
        at += 1
        if kind == "word" and word in ("polkit.addRule", "polkit.addAdminRule"):
            admin, open_blocks, pending = word.endswith("AdminRule"), [], ()
        elif kind == "word" and word in ("if", "while", "for", "switch"):
            condition, at = _parenthesised(tokens, at)
            pending = (*pending, condition)
        elif kind == "word" and word == "else":
            pending = (*pending, *(f"!({one})" for one in entered))
        elif kind == "word" and word == "case":
            pending, at = _case(tokens, at, open_blocks)
        elif kind == "word" and word == "return":
            around = tuple(one for block in open_blocks for one in (*block.asked, *block.held)) + pending
            found, at = _returned(tokens, at, admin=admin, conditions=around)
            said += found
            _hold(open_blocks, pending)
            entered, pending = pending, ()
        elif word == "{":
            if len(open_blocks) == _DEEPEST:
                return said  # no honest rule
            open_blocks.append(_Block(pending))
            pending = ()
        elif word == "}" and open_blocks:
            block = open_blocks.pop()
            entered = block.asked
            if block.left and entered:
                _hold(open_blocks, entered)
        elif word == ";":
            entered, pending = pending, ()
    return said


def _hold(blocks: list[_Block], left: tuple[str, ...]) -> None:
    """After ``if (x) return``, what follows in the block holds without x; without x, nothing follows."""
    if not blocks:
        return
    block = blocks[-1]
    if not left:
        blocks[-1] = block._replace(left=True)
    elif sum(map(len, block.held)) < _LONGEST_CONDITION:
        blocks[-1] = block._replace(held=(*block.held, f"!({' && '.join(left)})"))


def _case(tokens: list[_Token], at: int, blocks: list[_Block]) -> tuple[tuple[str, ...], int]:
    """The condition ``subject == value`` of a ``case``, whose subject the block around was entered by."""
    subject = blocks[-1].asked[-1] if blocks and blocks[-1].asked else "?"
    value = tokens[at].text if at < len(tokens) else ""
    return (f"{subject} == {value}",), at + 1


def _parenthesised(tokens: list[_Token], at: int) -> tuple[str, int]:
    """The text between the parentheses that begin here, and where they end."""
    if at >= len(tokens) or tokens[at].text != "(":
        return "", at
    depth, start = 1, at + 1
    at = start
    while at < len(tokens) and depth:
        if tokens[at].kind == "mark":
            depth += {"(": 1, ")": -1}.get(tokens[at].text, 0)
        at += 1
    return _written(tokens[start : at - 1 if not depth else at]), at


def _written(tokens: list[_Token]) -> str:
    """The tokens as one line, as they are mostly written."""
    text, kinds = "", ("mark", "mark")  # of the two before
    for token in tokens:
        tight = token.text in _TIGHT or text.endswith(("(", "[", "!", "."))
        tight = tight or (token.text in "([" and kinds[1] in ("word", "string"))
        tight = tight or (text.endswith(("-", "+")) and kinds[0] == "mark")  # a sign
        text += ("" if tight or not text else " ") + token.text
        kinds = (kinds[1], "word" if token.text in ")]" else token.kind)
        if len(text) > _LONGEST_CONDITION:
            return text[:_LONGEST_CONDITION]
    return text


def _returned(
    tokens: list[_Token], at: int, *, admin: bool, conditions: tuple[str, ...]
) -> tuple[list[Directive], int]:
    """The results that the statement names: several where ``?:`` chooses."""
    start = at
    while at < len(tokens) and tokens[at].text not in (";", "}"):
        at += 1
    said = tokens[start:at]
    line = tokens[start - 1].line
    held = " && ".join(one for one in conditions if one)
    if admin:
        who = [token.text[1:-1] for token in said if token.kind == "string"]
        return ([Directive(line, None, "admin", cut(" ".join(who)))] if who else []), at
    section = _actions(conditions)
    names = [match[1].lower() for token in said if (match := _RESULT.fullmatch(token.text))]
    names += [token.text[1:-1] for token in said[:1] if token.kind == "string" and token.text[1:-1] in _RESULTS]
    choice = _written(said) if len(names) > 1 else ""
    value = cut(" && ".join(filter(None, (held, choice))))
    return [Directive(line, section, cut(name), value) for name in names], at


def _actions(conditions: tuple[str, ...]) -> str | None:
    """The ids of actions that the conditions ask for, or what they begin with, joined by blanks."""
    found: dict[str, None] = {}
    for condition in conditions:
        negated = condition.startswith("!(") and condition.endswith(")")
        if negated:
            matches = [*_IS_NOT.finditer(condition)]
        else:
            matches = [*_IS.finditer(condition), *_MATCHES.finditer(condition)]
            found |= {f"{match[1]}*": None for match in _BEGINS.finditer(condition)}
            found |= {one[1]: None for match in _LISTED.finditer(condition) for one in _STRING.finditer(match[1])}
        found |= {text: None for match in matches for text in match.groups() if text}
    return cut(" ".join(found)) if found else None
