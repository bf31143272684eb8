"""What `archscan explain` asks of the code of an object, and what it is told."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from archscan.model.text import Sha256, Size, Text


class AskedSite(msgspec.Struct, frozen=True, kw_only=True):
    """A place of an object's code that somebody wants to see; of a call, the function and what was found of it."""

    address: Text
    symbol: Text | None = None
    library: Text | None = None
    role: Text | None = None
    algorithm: Text | None = None


class AskedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object of a package, by its path and that of the member that holds it, and the places of interest in it."""

    path: Text
    file_path: Text
    sha256: Sha256
    sites: tuple[AskedSite, ...]


class Instruction(msgspec.Struct, frozen=True):
    """An instruction as the disassembler writes it.

    ``note`` is what stands behind an address in it, ``mark`` why it is shown: it is the place (`here`), or where the
    selecting argument comes from (`argument`).
    """

    address: Text
    behind: Text
    text: Text
    note: Text = ""
    mark: Text = ""


class PathStep(msgspec.Struct, frozen=True):
    """One instruction on the way of a value to a call: what it defines, and what that is then, as far as known.

    ``text`` is empty where a function is entered. ``ends``: nothing behind it is followed.
    """

    address: Text
    function: Text
    text: Text
    into: Text
    value: Text = ""
    said: Text = ""
    ends: bool = False


class ArgumentPath(msgspec.Struct, frozen=True, kw_only=True):
    """How an argument of a call got its value: the steps from what defines that down to the call.

    ``problem``: why that cannot be said. ``cut``: there are more steps.
    """

    argument: Size
    steps: Annotated[tuple[PathStep, ...], Meta(max_length=128)] = ()
    cut: bool = False
    problem: Text = ""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A text that the code around a place, or a step of a path, points to: where it stands, and in which section."""

    address: Text
    text: Text
    section: Text


class Explained(msgspec.Struct, frozen=True, kw_only=True, tag="explained"):
    """The code around one place of an object, and where the arguments that matter there come from.

    ``member`` is the name of the file as the archive of the package has it.
    ``target`` is the imported function that is called. ``guessed``: no table says where the function around begins, so
    the first instructions may be wrong. ``shift``: of an object without sections, which objdump takes for raw bytes,
    how far addresses there are above offsets.
    ``problem``: why there are no instructions; where ``data`` stands at the place, what that is, and the instructions
    are those around the first that names it.
    """

    path: Text
    address: Text
    member: Text = ""
    function: Text | None = None
    target: Text | None = None
    instructions: Annotated[tuple[Instruction, ...], Meta(max_length=64)] = ()
    guessed: bool = False
    shift: Text = ""
    data: bool = False
    paths: Annotated[tuple[ArgumentPath, ...], Meta(max_length=4)] = ()
    passages: Annotated[tuple[Passage, ...], Meta(max_length=64)] = ()
    problem: Text = ""
