"""What expressions of Python mention: the names, texts and targets in them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_STRINGS = 400
"""Texts that are looked at in one function."""
STATEMENTS = (ast.stmt, ast.ExceptHandler)
"""Nodes that are no expressions."""


def below(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one, each before those in it, in the order of the source."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        stack += reversed(list(ast.iter_child_nodes(one)))


def expressions(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement without those of statements in it."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, STATEMENTS):
            yield from below(child)


def strings(nodes: Iterator[ast.AST] | Sequence[ast.AST]) -> list[str]:
    """The texts among the nodes, at most 400, each of at most 400 characters."""
    found: list[str] = []
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
            found.append(node.value[:400])
            if len(found) >= MOST_STRINGS:
                break
    return found


def inputs(call: ast.Call) -> list[str]:
    """The names in the arguments of a call, and its named arguments that are constants."""
    found: list[str] = []
    for argument in call.args[:8]:
        found += [f"of {name}" for name in words(argument)]
    for keyword in call.keywords[:16]:
        if isinstance(keyword.value, ast.Constant) and keyword.arg:
            found += (
                [f"{keyword.arg}={keyword.value.value}"[:200]] if isinstance(keyword.value.value, str | bool) else []
            )
        else:
            found += [f"of {name}" for name in words(keyword.value)]
    return found


def words(node: ast.AST) -> Iterator[str]:
    """The names in an expression, and keys such as those of dictionaries, at most 24."""
    left = 24
    for one in below(node):
        name = one.id if isinstance(one, ast.Name) else one.attr if isinstance(one, ast.Attribute) else None
        if isinstance(one, ast.Subscript) and isinstance(one.slice, ast.Constant) and isinstance(one.slice.value, str):
            name = one.slice.value
        if name:
            left -= 1
            yield name
        if not left:
            return


def targets(statement: ast.AST | None, near: list[str]) -> list[str]:
    """The plain names that a statement assigns to; all of its targets go into ``near``."""
    if isinstance(statement, ast.Assign):
        assigned = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        assigned = [statement.target]
    else:
        return []
    near += [f"as {name}" for target in assigned for name in words(target)]
    return [target.id for target in assigned if isinstance(target, ast.Name)]


def last_name(node: ast.AST) -> str:
    """The last part of a name; empty of what is none."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
