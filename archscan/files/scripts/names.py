"""Names of a Python module: what each means where it stands (Python's reference, 4.2 "Naming and binding")."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 8  # names that are followed from one to the next
_LONGEST = 4096  # characters of a constant
_MOST_BINDINGS = 8  # of one name; what is bound more often is bound to anything
_OTHER = object()
"""A binding that says nothing: a parameter, a loop's variable, a function of the file's own."""
Scoped = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


class Scope:
    """A module, class or function: the names that it binds, each to imported names, to values, or to something else."""

    def __init__(self, node: ast.AST | None, outer: Scope | None) -> None:
        self.node, self.outer = node, outer
        self.bound: dict[str, list[object]] = {}
        self.elsewhere: set[str] = set()  # global and nonlocal
        self.stars: list[str] = []

    def bind(self, name: str, what: object) -> None:
        """Note one more binding; what is declared global is the module's."""
        scope = self
        if name in self.elsewhere:
            while scope.outer is not None:
                scope = scope.outer
        known = scope.bound.setdefault(name, [])
        if len(known) < _MOST_BINDINGS:
            known.append(what)

    def around(self) -> Iterator[Scope]:
        """The scopes in which a name is looked for; classes are skipped from within functions."""
        scope: Scope | None = self
        while scope is not None:
            if scope is self or not isinstance(scope.node, ast.ClassDef):
                yield scope
            scope = scope.outer

    def find(self, name: str) -> tuple[Scope, list[object]] | None:
        """Who binds the name, and to what."""
        return next(((scope, scope.bound[name]) for scope in self.around() if name in scope.bound), None)


class Tree:
    """A module's nodes with their parents and scopes."""

    def __init__(self, module: ast.Module) -> None:
        self.module = Scope(module, None)
        self.parents: dict[ast.AST, ast.AST] = {}
        self.scopes: dict[ast.AST, Scope] = {}
        self.modules: set[str] = set()
        self.nodes: list[ast.AST] = []
        self.followed: set[ast.AST] = set()  # values that names were followed to
        self._heads_of: dict[tuple[Scope, str], list[str]] = {}
        self._walk(module)

    def _walk(self, module: ast.Module) -> None:
        """Without recursion, for hostile text nests; in the order of the source, where that is wanted."""
        stack: list[tuple[ast.AST, Scope]] = [(module, self.module)]
        while stack:
            node, scope = stack.pop()
            self.nodes.append(node)
            self.scopes[node] = scope
            inner = Scope(node, scope) if isinstance(node, Scoped) else scope
            self._bind(node, scope)
            children = list(ast.iter_child_nodes(node))
            for child in reversed(children):
                self.parents[child] = node
                stack.append((child, inner))

    def _bind(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                scope.bind(node.id, self._assigned(node))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node, scope)
        elif isinstance(node, ast.arg):
            scope.bind(node.arg, _OTHER)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            scope.elsewhere.update(node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler) and node.name:
            scope.bind(node.name, _OTHER)

    def _assigned(self, node: ast.Name) -> object:
        parent = self.parents.get(node)
        if isinstance(parent, ast.Assign):  # and one of its targets, as it is stored to; there may be 100,000 of them
            return parent.value
        if isinstance(parent, ast.AnnAssign) and parent.value is not None:
            return parent.value
        return _OTHER

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.modules.add(alias.name.partition(".")[0])
                scope.bind(alias.asname or alias.name.partition(".")[0],
                           alias.name if alias.asname else alias.name.partition(".")[0])  # fmt: skip
            return
        if node.level or not node.module:
            for alias in node.names:  # the package's own
                scope.bind(alias.asname or alias.name, _OTHER)
            return
        self.modules.add(node.module.partition(".")[0])
        for alias in node.names:
            if alias.name == "*":
                scope.stars.append(node.module)
            else:
                scope.bind(alias.asname or alias.name, f"{node.module}.{alias.name}")

    def names_of(self, node: ast.AST, scope: Scope, depth: int = 0) -> list[str]:
        """What an expression may be called by its full name, such as ``hashlib.md5``; none where nobody knows."""
        tail: list[str] = []
        while isinstance(node, ast.Attribute):
            tail.append(node.attr)
            node = node.value
        if isinstance(node, ast.Call):
            heads = self._gotten(node, scope, depth)
        else:
            heads = self._heads(node, scope, depth) if isinstance(node, ast.Name) else []
        ending = "".join(f".{name}" for name in reversed(tail))
        return [head + ending for head in heads]

    def _gotten(self, node: ast.Call, scope: Scope, depth: int) -> list[str]:
        """What ``getattr(hashlib, 'md5')`` is, and ``__import__('hashlib')``."""
        if not isinstance(node.func, ast.Name) or scope.find(node.func.id) or depth > _DEEPEST:
            return []
        if node.func.id == "getattr" and len(node.args) >= 2 and (name := self.constant(node.args[1], scope)):
            return [f"{head}.{name}" for head in self.names_of(node.args[0], scope, depth + 1)]
        if node.func.id == "__import__" and node.args and (name := self.constant(node.args[0], scope)):
            return [name]
        return []

    def _heads(self, node: ast.Name, scope: Scope, depth: int) -> list[str]:
        found = scope.find(node.id)
        if found is None:
            return [f"{module}.{node.id}" for one in scope.around() for module in one.stars]
        owner, bound = found
        if owner.outer is not None and _OTHER in bound:
            return []  # a parameter, or what a loop gives, is anything else as well
        place = (owner, node.id)
        if place in self._heads_of:
            return self._heads_of[place]
        self._heads_of[place] = []  # of a name that is bound to itself, by whatever way
        heads = [what for what in bound if isinstance(what, str)]
        if depth < _DEEPEST:
            for what in bound:
                if isinstance(what, ast.Attribute | ast.Name) or (isinstance(what, ast.Call) and len(bound) <= 2):
                    more = self.names_of(what, owner, depth + 1)
                    if more:
                        self.followed.add(what)
                    heads += more
        self._heads_of[place] = heads[:_MOST_BINDINGS]
        return self._heads_of[place]

    def constant(self, node: ast.AST, scope: Scope) -> str | None:
        """The text or number that an expression is, or a name that is bound once, to such a constant."""
        if isinstance(node, ast.Name):
            found = scope.find(node.id)
            if found is None or len(found[1]) != 1 or not isinstance(found[1][0], ast.Constant):
                return None
            node = found[1][0]
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str):
            return value[:_LONGEST]
        whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63
        return str(value) if whole else None
