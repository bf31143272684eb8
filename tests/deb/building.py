"""Packages written for one test, read by the code that children run."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from archscan.crypto.catalogue import load_all
from archscan.deb.candidates import Candidates
from archscan.deb.members import Member, members
from archscan.deb.streams import Unpacked
from archscan.model import File, Job, Limits, Message, Problem, escape
from archscan.scan.package import read_package
from corpus.debs import Entry, ar, deb, tar
from corpus.recipes import ROOT

CONTROL = b"Package: thing\nVersion: 1\nArchitecture: amd64\n"
CATALOGUE = load_all([ROOT.parent / "rules"])
LIMITS = Limits()
EVERY_PATH = Candidates()


def package(*entries: Entry, postinst: bytes = b"") -> bytes:
    """A .deb with these members and, if given, a script."""
    scripts = [Entry(name=b"./postinst", data=postinst, mode=0o755)] if postinst else []
    return deb([Entry(name=b"./control", data=CONTROL), *scripts], entries, data_compression="zst")


def raw(data_name: str, data: bytes) -> bytes:
    """A .deb whose data archive is these bytes."""
    control = tar([Entry(name=b"./control", data=CONTROL)])
    return ar([("debian-binary", b"2.0\n"), ("control.tar", control), (data_name, data)])


def said(content: bytes, folder: Path, limits: Limits = LIMITS, candidates: Candidates = EVERY_PATH) -> list[Message]:
    """Everything that is said of a .deb."""
    path = folder / "x.deb"
    path.write_bytes(content)
    messages: list[Message] = []
    job = Job(path=escape(bytes(path)), target="x")
    with path.open("rb") as file:
        read_package(job, file, limits, messages.append, catalogue=CATALOGUE, exports="", candidates=candidates)
    return messages


def problems(messages: list[Message]) -> list[tuple[str, str, str | None]]:
    """Stage, kind and path of each problem."""
    return [(one.stage.value, one.kind.value, one.path) for one in messages if isinstance(one, Problem)]


def files(messages: list[Message]) -> dict[str, File]:
    """The files by path; none may be said twice."""
    found = [one for one in messages if isinstance(one, File)]
    assert len({one.path for one in found}) == len(found)
    return {one.path: one for one in found}


def stream(data: bytes, name: str = "data.tar", limits: Limits = LIMITS) -> Unpacked:
    """The unpacked stream of some bytes."""
    return Unpacked(name, BytesIO(data), 0, len(data), limits)


def listed(data: bytes, name: str = "data.tar", limits: Limits = LIMITS) -> list[Member]:
    """The members of a tar archive."""
    return list(members(stream(data, name, limits), limits))
