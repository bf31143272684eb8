"""Cryptography in Python: by the syntax tree of Python 3, and by tokens where a file is for Python 2 or for neither."""

from __future__ import annotations

import ast
import functools
import warnings
from typing import TYPE_CHECKING

from archscan.files.scripts.book import entries
from archscan.files.scripts.expressions import (
    MOST_STRINGS,
    STATEMENTS,
    below,
    expressions,
    inputs,
    last_name,
    strings,
    targets,
    words,
)
from archscan.files.scripts.names import Scoped, Tree
from archscan.files.scripts.python2 import uses_by_text
from archscan.files.scripts.uses import Mention, Reference, Value, crypto_uses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from archscan.files.scripts.book import Book, Language
    from archscan.files.scripts.names import Scope
    from archscan.model import CryptoUse

LARGEST = 1 << 19  # bytes that are parsed; the tree of such a file takes up to 500 MiB, larger ones are read by tokens
_MOST = 5_000  # names that are looked at
_DEEPEST = 64  # expressions that a result goes through, and statements below which a function is looked for
_LONGEST_NAME = 40
_ASKED = frozenset({"isinstance", "issubclass"})


@functools.lru_cache(maxsize=8)
def _roots_of(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in names)


def _roots(language: Language) -> frozenset[str]:
    """The modules of which a file must import one to use anything that the book knows."""
    needed = {name for found in language.entries.values() for entry in found for name in entry.needs}
    return _roots_of((*language.entries, *sorted(needed)))


def uses_by_tree(book: Book, language: Language, data: bytes) -> tuple[CryptoUse, ...] | None:
    """The uses of a file; None where it is no Python 3, too large, or nests too deeply."""
    tree, parsed = _tree(data, _roots(language))
    if tree is None:
        return () if parsed else None
    try:
        reader = _Reader(language, tree)
        return crypto_uses(book, language, reader.mentions(), tree.modules)
    except (RecursionError, MemoryError):
        return None


def _tree(data: bytes, roots: frozenset[str]) -> tuple[Tree | None, bool]:
    """The tree of a file that imports one of the modules, and whether the file could be parsed."""
    if len(data) > LARGEST:
        return None, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes in strings
            module = ast.parse(data)
            return (Tree(module) if _imports(module) & roots else None), True
    except (SyntaxError, ValueError, RecursionError, MemoryError, LookupError, OverflowError):
        return None, False


def _imports(module: ast.Module) -> set[str]:
    """The first names of the modules that are imported somewhere."""
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < _LONGEST_NAME:
            found.add(node.value)  # of __import__
    return found


class _Reader:
    """The mentions of a tree, each with what surrounds it; what is true of a function is found once."""

    def __init__(self, language: Language, tree: Tree) -> None:
        self.language, self.tree = language, tree
        self.of_function = functools.cache(self._of_function)
        self.inside = functools.cache(self._inside)

    def mentions(self) -> Iterator[Mention]:
        """Every mention of what the book knows."""
        found: list[tuple[ast.expr, str]] = []
        for node in self.tree.nodes:
            if not isinstance(node, ast.Attribute | ast.Name | ast.Call) or len(found) >= _MOST:
                continue
            if isinstance(node, ast.Name) and not self._may_mean(node):
                continue
            if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id == "getattr"):
                continue
            if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
                continue
            name = self._known(node)
            if name and not self._is_asked(node):
                found.append((node, name))
        for node, name in found:
            if node not in self.tree.followed:
                yield self._mention(node, name)

    def _may_mean(self, node: ast.Name) -> bool:
        """Whether a name is bound to more than what says nothing; most are not."""
        scope = self.tree.scopes[node]
        found = scope.find(node.id)
        return found is None or any(isinstance(what, str | ast.Attribute | ast.Name | ast.Call) for what in found[1])

    def _known(self, node: ast.expr) -> str | None:
        """The full name of a node, if the book knows it, and it is no part of a longer one."""
        if isinstance(self.tree.parents.get(node), ast.Attribute):
            return None
        scope = self.tree.scopes[node]
        for name in self.tree.names_of(node, scope):
            if entries(self.language, name)[1]:
                return name
        if isinstance(node, ast.Attribute):
            method = f".{node.attr}"
            if method in self.language.entries and self._called(node):
                return method
        return None

    def _called(self, node: ast.AST) -> ast.Call | None:
        parent = self.tree.parents.get(node)
        return parent if isinstance(parent, ast.Call) and parent.func is node else None

    def _is_asked(self, node: ast.AST) -> bool:
        """Whether the name is only compared with, looked up by, or looked at for what it is."""
        parent = self.tree.parents.get(node)
        if isinstance(parent, ast.Subscript) and parent.slice is node:
            return True
        if isinstance(parent, ast.Dict) and any(key is node for key in parent.keys):
            return True
        if isinstance(parent, ast.Tuple):
            parent = self.tree.parents.get(parent)
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name):
            return parent.func.id in _ASKED
        return isinstance(parent, ast.Compare)

    def _is_listed(self, node: ast.AST) -> bool:
        """Whether the name is an entry of a table, from which something else chooses."""
        parent = self.tree.parents.get(node)
        if isinstance(parent, ast.Tuple | ast.List):
            node, parent = parent, self.tree.parents.get(parent)
        if isinstance(parent, ast.Assign):
            return any(isinstance(target, ast.Subscript) for target in parent.targets)
        return isinstance(parent, ast.Dict)

    def _mention(self, node: ast.expr, name: str) -> Mention:
        call = self._called(node)
        function = self._function(node)
        statement = self._statement(node)
        near, sinks = self._surroundings(node, call, statement, function)
        calls, texts, callers = self.of_function(function)
        return Mention(
            name=name,
            line=node.end_lineno or node.lineno,
            number=id(node),
            called=call is not None,
            arguments=tuple(map(self._value, _until_star(call.args))) if call else (),
            keywords={one.arg: self._value(one.value) for one in call.keywords if one.arg} if call else {},
            rest=call is not None and _has_rest(call),
            function=self._name(function),
            place=id(statement),
            near=near,
            far=texts,
            sinks=sinks,
            calls=calls,
            callers=callers,
            listed=call is None and self._is_listed(node),
        )

    def _value(self, node: ast.expr) -> Value:
        scope = self.tree.scopes[node]
        constant = self.tree.constant(node, scope)
        if constant is not None:
            return constant
        inner: ast.expr = node
        told = None
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id == "getattr"):
            inner = node.func
            told = self.tree.constant(node.args[0], scope) if node.args else None
        for name in self.tree.names_of(inner, scope):
            if entries(self.language, name)[1]:
                return Reference(name, id(inner), told)
        if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute):
            return self._value(node.args[-1])  # ec.ECDSA(hashes.SHA1())
        return None

    def _function(self, node: ast.AST) -> ast.AST | None:
        scope: Scope | None = self.tree.scopes[node]
        while scope is not None and isinstance(scope.node, ast.Lambda):
            scope = scope.outer
        return scope.node if scope is not None and not isinstance(scope.node, ast.Module) else None

    def _name(self, function: ast.AST | None) -> str | None:
        names: list[str] = []
        scope = self.tree.scopes.get(function) if function is not None else None
        if isinstance(function, Scoped) and not isinstance(function, ast.Lambda):
            names.append(function.name)
        while scope is not None:
            if isinstance(scope.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.append(scope.node.name)
            scope = scope.outer
        return ".".join(reversed(names)) or None

    def _statement(self, node: ast.AST) -> ast.AST:
        while not isinstance(node, STATEMENTS) and (parent := self.tree.parents.get(node)) is not None:
            node = parent
        return node

    # What surrounds a mention

    def _surroundings(
        self, node: ast.AST, call: ast.Call | None, statement: ast.AST, function: ast.AST | None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Texts that stand close, and calls that get the result."""
        near: list[str] = [f"in {part}" for part in (self._name(function) or "").split(".") if part]
        sinks: list[str] = []
        if call is not None:
            near += inputs(call)
        holders = self._results(call or node, near, sinks)
        if call is not None and function is not None:
            for holder in holders:
                self._followed(holder, function, near, sinks)
        near += [text for text in self.inside(statement) if text not in near]
        return tuple(near), tuple(sinks)

    def _results(self, node: ast.AST, near: list[str], sinks: list[str]) -> list[str]:
        """Note where the value of an expression goes; the plain names that hold it."""
        holders: list[str] = []
        given = False  # to something else, which may keep it
        for _ in range(_DEEPEST):
            parent = self.tree.parents.get(node)
            if isinstance(parent, ast.Expr) and isinstance(node, ast.Call) and not given:
                near.append("as _")  # thrown away, as by `_ = …`
            if parent is None or isinstance(parent, STATEMENTS):
                holders = targets(parent, near)
                break
            given = given or (isinstance(parent, ast.Call | ast.keyword) and getattr(parent, "func", None) is not node)
            if isinstance(parent, ast.Call) and parent.func is not node:
                sinks.append(last_name(parent.func))
            elif isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute):
                near += inputs(parent)
            elif isinstance(parent, ast.keyword) and parent.arg:
                near.append(f"as {parent.arg}")
            elif isinstance(parent, ast.NamedExpr) and isinstance(parent.target, ast.Name):
                near.append(f"as {parent.target.id}")
            elif isinstance(parent, ast.Compare):
                near += [f"as {name}" for one in (parent.left, *parent.comparators) if one is not node
                         for name in words(one)]  # fmt: skip
            elif isinstance(parent, ast.Dict) and len(parent.values) < MOST_STRINGS and node in parent.values:
                key = parent.keys[parent.values.index(node)]
                near += [f"as {key.value}"] if isinstance(key, ast.Constant) and isinstance(key.value, str) else []
            node = parent
        return holders

    def _followed(self, holder: str, function: ast.AST, near: list[str], sinks: list[str]) -> None:
        """Note what goes into an object that has a name in the function, and where its results go."""
        for one in self._loads(function).get(holder, ())[:16]:
            parent = self.tree.parents.get(one)
            called = self._called(parent) if isinstance(parent, ast.Attribute) else None
            if called is not None and isinstance(parent, ast.Attribute):
                if parent.attr == "update":
                    near += inputs(called)
                elif parent.attr in ("digest", "hexdigest"):
                    self._results(called, near, sinks)
            else:
                self._results(one, near, sinks)

    @functools.cache  # noqa: B019 - a reader lives as long as its file
    def _loads(self, function: ast.AST) -> dict[str, list[ast.Name]]:
        found: dict[str, list[ast.Name]] = {}
        for node in below(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.setdefault(node.id, []).append(node)
        return found

    def _inside(self, statement: ast.AST) -> tuple[str, ...]:
        """The strings of a statement, without those of statements in it."""
        return tuple(strings(expressions(statement)))

    def _of_function(self, function: ast.AST | None) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """What is called in a function, its strings, and the functions that call it; of the module, nothing."""
        if function is None:
            return (), (), ()
        nodes = list(below(function))
        calls = [self._call_name(node) for node in nodes if isinstance(node, ast.Call)]
        name = getattr(function, "name", None)
        return tuple(dict.fromkeys(filter(None, calls))), tuple(strings(nodes)), tuple(self._callers.get(name, ()))

    def _call_name(self, node: ast.Call) -> str:
        full = next(iter(self.tree.names_of(node.func, self.tree.scopes[node])), None)
        return full or last_name(node.func)

    @functools.cached_property
    def _callers(self) -> dict[str | None, list[str]]:
        """The functions of the file that call something, by its last name."""
        found: dict[str | None, list[str]] = {}
        for node in self.tree.nodes:
            if isinstance(node, ast.Call) and _is_own(node.func):
                who = getattr(self._function(node), "name", None)
                known = found.setdefault(last_name(node.func), [])
                if who and who not in known and len(known) < 8:
                    known.append(who)
        return found


def _is_own(node: ast.expr) -> bool:
    """Whether a call may be one of the file's functions: by its name alone, or a method of ``self``."""
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    return isinstance(node, ast.Name)


def _has_rest(call: ast.Call) -> bool:
    """Whether arguments are passed that a list or a dictionary holds."""
    return any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords)


def _until_star(nodes: Sequence[ast.expr]) -> Iterator[ast.expr]:
    for node in nodes:
        if isinstance(node, ast.Starred):
            return
        yield node


def uses(book: Book, language: Language, data: bytes) -> tuple[CryptoUse, ...]:
    """The uses of a file, by its tree, or else by its tokens."""
    found = uses_by_tree(book, language, data)
    return uses_by_text(book, language, data) if found is None else found
