"""The house keeps to its plan: who imports whom, how long things are, and that they say what they are."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "archscan"
PLAN = tomllib.loads((Path(__file__).with_name("architecture.toml")).read_text("utf-8"))
ROOMS: dict[str, list[str]] = PLAN["rooms"]
MODULES = sorted(PACKAGE.rglob("*.py"))

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _dotted(path: Path, package: Path = PACKAGE) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(dotted: str) -> str:
    """The room of ``archscan.<room>.…``; the package itself is the room ``__init__``."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imported(path: Path, package: Path = PACKAGE) -> Iterator[str]:
    """The dotted names of archscan that a module imports, wherever it does: inside functions, for types only."""
    here = _dotted(path, package).split(".")
    folder = here if path.name == "__init__.py" else here[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = folder[: len(folder) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == package.name)


def _known(name: str, package: Path = PACKAGE) -> str:
    """The module that an imported name lies in: the name itself, or what is left without its last parts."""
    parts = name.split(".")
    while len(parts) > 1:
        place = package.parent.joinpath(*parts)
        if place.with_suffix(".py").is_file() or place.is_dir():
            break
        parts.pop()
    return ".".join(parts)


def trespasses(package: Path = PACKAGE) -> list[str]:
    """What modules import that the plan does not allow, one sentence each."""
    found = []
    for path in sorted(package.rglob("*.py")):
        room = _room(_dotted(path, package))
        if room not in ROOMS:
            found.append(f"{path.relative_to(package.parent)}: the room {room!r} is not in architecture.toml")
            continue
        allowed = {room, *PLAN["shared"], *ROOMS[room]}
        found += [
            f"{path.relative_to(package.parent)}: imports {name}, but {room} may not use {_room(_known(name, package))}"
            for name in imported(path, package)
            if _room(_known(name, package)) not in allowed
        ]
    return found


def cycle(package: Path = PACKAGE) -> list[str]:
    """Modules that import each other in a circle, deferred imports included; empty where there is none."""
    graph: dict[str, set[str]] = {}
    for path in package.rglob("*.py"):
        here = _dotted(path, package)
        graph[here] = {_known(name, package) for name in imported(path, package)} - {here}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


def _definitions(tree: ast.Module) -> Iterator[Definition]:
    """Public functions and classes of a module, and the public methods of public classes."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    inner for inner in node.body if isinstance(inner, Definition) and not inner.name.startswith("_")
                )


def test_every_room_is_in_the_plan_and_stands_in_the_house() -> None:
    there = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir() if _is_room(path)}
    assert there == set(ROOMS)


def _is_room(path: Path) -> bool:
    return path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))


def test_nobody_imports_sideways() -> None:
    assert trespasses() == []


def test_nobody_imports_in_a_circle() -> None:
    assert cycle() == []


def test_the_rooms_of_the_plan_stand_above_each_other() -> None:
    TopologicalSorter(ROOMS).prepare()


@pytest.mark.parametrize("path", MODULES, ids=_dotted)
def test_no_module_and_no_function_is_too_long(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= PLAN["lines_of_module"], f"{path}: split it"
    long = [
        f"{path.name}:{node.lineno} {node.name}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > PLAN["lines_of_function"]
    ]
    assert long == []


@pytest.mark.parametrize("path", MODULES, ids=_dotted)
def test_a_module_is_named_for_what_it_holds(path: Path) -> None:
    assert not set(path.relative_to(PACKAGE).with_suffix("").parts) & set(PLAN["forbidden_names"])


@pytest.mark.parametrize("path", MODULES, ids=_dotted)
def test_everything_public_says_what_it_gives_back(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    mute = [f"{path.name}:{node.lineno} {node.name}" for node in _definitions(tree) if not ast.get_docstring(node)]
    assert ast.get_docstring(tree), f"{path}: no docstring"
    assert mute == []


# --- the test's own eyes: a small house with one fault each ---


def _house(folder: Path, files: dict[str, str]) -> Path:
    package = folder / "archscan"
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return package


@pytest.mark.parametrize(
    "text",
    [
        "from archscan import deb",
        "import archscan.deb",
        "from archscan.deb import members",
        "from ..deb import members",
        "def f() -> None:\n    from archscan.deb.members import Member",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from archscan.deb import Deb",
    ],
)
def test_a_sideways_import_is_seen_in_every_form(tmp_path: Path, text: str) -> None:
    house = _house(tmp_path, {"deb/__init__.py": "", "deb/members.py": "", "elf/reader.py": text, "__init__.py": ""})
    assert [line for line in trespasses(house) if "elf may not use deb" in line]


def test_an_unlisted_room_is_seen(tmp_path: Path) -> None:
    assert "'cellar'" in trespasses(_house(tmp_path, {"cellar.py": ""}))[0]


def test_a_circle_through_a_deferred_import_is_seen(tmp_path: Path) -> None:
    one, two = "def f() -> None:\n    from archscan.elf import two\n", "from archscan.elf.one import f\n"
    house = _house(tmp_path, {"__init__.py": "", "elf/__init__.py": "", "elf/one.py": one, "elf/two.py": two})
    assert {"archscan.elf.one", "archscan.elf.two"} <= set(cycle(house))
