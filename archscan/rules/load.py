"""The rule book: every ``<directory>/<category>/<id>.toml``, read strictly."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.errors import RuleError
from archscan.model import Confidence, Severity
from archscan.rules.contexts import Known, judged_by, load_contexts
from archscan.rules.expectations import Distribution, load_expectations
from archscan.rules.toml import table_of
from archscan.store.bugs import SEVERITIES
from archscan.store.promises import FIX_WHERE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Folders of a rules directory that hold other data than rules, and the files that lie beside the folders.
_OTHER_FOLDERS = frozenset({"catalogue", "context", "expectations", "facts", "scripts", "selectors"})
_OTHER_FILES = frozenset({"algorithms.toml", "copies.toml", "embedded.toml", "score.toml"})

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SCOPES = ("object", "package", "archive")
_CHOICES: dict[str, tuple[str, ...]] = {
    "severity": tuple(Severity),
    "confidence": tuple(Confidence),
    "scope": _SCOPES,
}
_BUGS = ("never", *SEVERITIES)
"""What a rule may say of the bugs that are made of it: none at all, or at most so severe."""

_TEXTS = ("id", "title", "category", "query", "message", "why", "fix")
_REQUIRED = frozenset({*_TEXTS, *_CHOICES, "references", "example"})
# May be reworded without judging anything again.
_PROSE = ("title", "why", "fix", "fix_for", "references", "changes", "bug")
_LISTS = ("references", "supersedes", "formerly")
_KNOWN = _REQUIRED | frozenset({"supersedes", "formerly", "family", "lintian", "fix_for", "changes", "bug"})


class Example(msgspec.Struct, frozen=True):
    """What a rule must say of one corpus package: the paths it finds there, ``*`` for the multiarch triplet."""

    corpus: str
    findings: tuple[str, ...]


class Hint(msgspec.Struct, frozen=True):
    """What lintian prints where it says the same: a tag, and the template of what follows it. Of one subject or all."""

    subject: str | None
    tag: str
    context: str


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, as its file has it. ``digest`` changes when its judgement may; ``origin`` is the file."""

    id: str
    family: str
    title: str
    category: str
    severity: str
    confidence: str
    scope: str
    supersedes: tuple[str, ...]
    formerly: tuple[str, ...]
    query: str
    message: str
    why: str
    fix: str
    fix_for: Mapping[str, str] = {}
    changes: str = ""
    bug: str = ""
    references: tuple[str, ...]
    examples: tuple[Example, ...]
    digest: str
    origin: str
    lintian: tuple[Hint, ...] = ()


class RuleBook(msgspec.Struct, frozen=True):
    """All rules, sorted by id, and the digest of everything their judgement depends on (sha256, hex).

    ``distributions`` say what was promised; ``promises`` is the digest of these alone, empty where there are none. The
    same of the ``signs`` by which uses are classed, and ``classing``.
    """

    rules: tuple[Rule, ...]
    digest: str
    distributions: tuple[Distribution, ...] = ()
    promises: str = ""
    signs: tuple[Known, ...] = ()
    classing: str = ""


def load(directories: Sequence[Path]) -> RuleBook:
    """The rules of all directories together.

    Raises RuleError, naming file, key and what was expected, for anything that is not exactly a rule.
    """
    rules: dict[str, Rule] = {}
    for path in (path for directory in directories for path in _files(directory)):
        rule = _rule(path)
        if rule.id in rules:
            raise RuleError(f"{path}: id: {rule.id!r} is already the rule of {rules[rule.id].origin}")
        rules[rule.id] = rule
    for rule in rules.values():
        _check_names(rule, rules)
    ordered = tuple(rules[name] for name in sorted(rules))
    distributions = load_expectations(directories)
    promises = _digest(msgspec.to_builtins(distributions)) if distributions else ""
    signs = load_contexts(directories)
    classing = _digest(judged_by(signs)) if signs else ""
    digest = _digest([*([rule.id, rule.digest] for rule in ordered), promises, classing])
    return RuleBook(ordered, digest, distributions, promises, signs, classing)


def _files(directory: Path) -> Iterator[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        raise RuleError(f"{directory}: expected a directory of rules: {error.strerror}") from error
    for entry in entries:
        if entry.is_dir() and entry.name not in _OTHER_FOLDERS and not entry.name.startswith((".", "_")):
            yield from sorted(entry.glob("*.toml"))
        elif entry.suffix == ".toml" and entry.name not in _OTHER_FILES:
            raise RuleError(f"{entry}: expected a rule to be <category>/<id>.toml, such as hardening/{entry.name}")


def _rule(path: Path) -> Rule:
    table = table_of(path)
    _check_keys(path, table, _REQUIRED, _KNOWN)
    values: dict[str, Any] = {
        **{key: _text(path, table, key) for key in _TEXTS},
        **{key: _choice(path, table, key) for key in _CHOICES},
        **{key: _words(path, table, key) for key in _LISTS},
    }
    for key, expected in (("id", path.stem), ("category", path.parent.name)):
        if values[key] != expected:
            raise RuleError(f"{path}: {key}: expected {expected!r}, the name of its file or folder")
    if not _ID.fullmatch(values["id"]):
        raise RuleError(f"{path}: id: expected lower-case words joined by '-'")
    values["family"] = _text(path, table, "family") if "family" in table else values["id"]
    values["lintian"] = tuple(_hints(path, table.get("lintian", [])))
    values["fix_for"] = _fix_for(path, table)
    values["changes"] = _text(path, table, "changes") if "changes" in table else ""
    values["bug"] = _bug(path, table["bug"]) if "bug" in table else ""
    judging = {key: value for key, value in values.items() if key not in _PROSE}
    digest = _digest(msgspec.to_builtins(judging))
    return Rule(**values, examples=tuple(_examples(path, table)), digest=digest, origin=str(path))


def _check_keys(path: Path, table: Mapping[str, Any], required: frozenset[str], known: frozenset[str]) -> None:
    for key in sorted(table.keys() - known):
        raise RuleError(f"{path}: {key}: unknown key, expected one of {', '.join(sorted(known))}")
    for key in sorted(required - table.keys()):
        raise RuleError(f"{path}: {key}: missing key")


def _text(path: Path, table: Mapping[str, Any], key: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value.strip():
        raise RuleError(f"{path}: {key}: expected a text that is not empty")
    return value.strip()


def _fix_for(path: Path, table: Mapping[str, Any]) -> Mapping[str, str]:
    texts = table.get("fix_for", {})
    if not isinstance(texts, dict):
        raise RuleError(f"{path}: fix_for: expected a table of texts")
    for key in texts:
        if key not in FIX_WHERE:
            raise RuleError(f"{path}: fix_for: expected keys of {', '.join(FIX_WHERE)}, not {key!r}")
    return {key: _text(path, texts, key) for key in texts}


def _choice(path: Path, table: Mapping[str, Any], key: str) -> str:
    value = table[key]
    if value not in _CHOICES[key]:
        raise RuleError(f"{path}: {key}: expected one of {', '.join(_CHOICES[key])}, not {value!r}")
    return str(value)


def _bug(path: Path, value: object) -> str:
    if value not in _BUGS:
        raise RuleError(f"{path}: bug: expected one of {', '.join(_BUGS)}, not {value!r}")
    return str(value)


def _words(path: Path, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(word, str) and word.strip() for word in value):
        raise RuleError(f"{path}: {key}: expected a list of texts")
    if len(set(value)) != len(value):
        raise RuleError(f"{path}: {key}: expected each text once")
    return tuple(value)


def _hints(path: Path, value: object) -> Iterator[Hint]:
    tables = value if isinstance(value, dict) else {None: value}
    for subject, hints in tables.items():
        for text in _words(path, {"lintian": hints}, "lintian"):
            tag, _, context = text.strip().partition(" ")
            yield Hint(subject, tag, context or "[{path}]")


def _examples(path: Path, table: Mapping[str, Any]) -> Iterator[Example]:
    examples = table["example"]
    if not isinstance(examples, list) or not all(isinstance(example, dict) for example in examples):
        raise RuleError(f"{path}: example: expected [[example]] tables")
    keys = frozenset({"corpus", "findings"})
    for example in examples:
        _check_keys(path, example, keys, keys)
        yield Example(corpus=_text(path, example, "corpus"), findings=_words(path, example, "findings"))


def _check_names(rule: Rule, rules: Mapping[str, Rule]) -> None:
    for name in rule.supersedes:
        if name not in rules or name == rule.id:
            raise RuleError(f"{rule.origin}: supersedes: expected the id of another rule, not {name!r}")
    for name in rule.formerly:
        if name in rules:
            raise RuleError(f"{rule.origin}: formerly: expected an id that no rule has any more, not {name!r}")


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
