"""Archives as apt knows them, made by the programs that make real ones: apt-ftparchive, dpkg-source and gpg.

``mirror(folder, debs)`` is all that most tests need; it may be called again for another suite of the same folder.
``changed`` rewrites a Release file of a suite, and signs it anew.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import zstandard

from corpus.debs import Entry, deb

Compression = Literal["", "xz", "gz", "zst"]
_NAMED = re.compile(r"[^_]+_[^_]+_[^_]+\.deb")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key in a home of its own. ``public`` and ``armored`` are keyrings for gpgv and apt; ``when`` is its time."""

    home: Path
    fingerprint: str
    public: Path
    armored: Path
    when: str = ""


class Mirror(msgspec.Struct, frozen=True, kw_only=True):
    """An archive below ``folder``, and one suite of it. ``packages`` are its Packages files without compression."""

    folder: Path
    suite: str
    dists: Path
    packages: tuple[Path, ...]


@contextlib.contextmanager
def signing_key(
    name: str = "archive@example.org", *, expires: str = "0", algorithm: str = "ed25519", when: str = ""
) -> Iterator[Key]:
    """A key that signs until the context is left; ``expires`` is gpg's (``0`` never, ``1d`` after a day).

    It is made, and signs, ``when`` that is said (``20200101T000000``), else now.
    """
    # Not below a test's folder: the name of the agent's socket may not be long.
    home = Path(tempfile.mkdtemp(prefix="archscan-gpg-"))
    try:
        _gpg(home, "--passphrase", "", "--quick-generate-key", name, algorithm, "sign", expires, when=when)
        listed = _gpg(home, "--with-colons", "--list-keys").decode()
        fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        public, armored = home / "public.gpg", home / "public.asc"
        public.write_bytes(_gpg(home, "--export"))
        armored.write_bytes(_gpg(home, "--armor", "--export"))
        yield Key(home=home, fingerprint=fingerprint, public=public, armored=armored, when=when)
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


def small_deb(folder: Path, name: str, version: str = "1.0", architecture: str = "amd64", **fields: str) -> Path:
    """A package of a few hundred bytes with one text file; ``fields`` go into its control file (``_`` for ``-``)."""
    stated = {"Package": name, "Version": version, "Architecture": architecture, "Section": "misc",
              "Priority": "optional", "Maintainer": "Nobody <nobody@example.org>", "Description": f"package {name}",
              **{key.replace("_", "-"): value for key, value in fields.items()}}  # fmt: skip
    control = "".join(f"{field}: {value}\n" for field, value in stated.items()).encode()
    data = Entry(name=b"./usr/share/doc/" + name.encode() + b"/note", data=f"{name} {version}\n".encode())
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"
    file.write_bytes(deb([Entry(name=b"./control", data=control)], [data]))
    return file


def source_package(folder: Path, name: str, version: str = "1.0", **fields: str) -> Path:
    """The .dsc of a native source package in ``folder``; ``fields`` go into its debian/control (``_`` for ``-``)."""
    tree = folder / f"{name}-{version}"
    (tree / "debian/source").mkdir(parents=True)
    stated = {"Source": name, "Maintainer": "Nobody <nobody@example.org>", "Standards-Version": "4.6.2",
              **{key.replace("_", "-"): value for key, value in fields.items()}}  # fmt: skip
    control = "".join(f"{field}: {value}\n" for field, value in stated.items())
    (tree / "debian/control").write_text(f"{control}\nPackage: {name}\nArchitecture: any\nDescription: {name}\n")
    (tree / "debian/changelog").write_text(
        f"{name} ({version}) unstable; urgency=low\n\n  * First.\n\n"
        " -- Nobody <nobody@example.org>  Tue, 14 Nov 2023 22:13:20 +0000\n"
    )
    (tree / "debian/source/format").write_text("3.0 (native)\n")
    subprocess.run(["dpkg-source", "-b", tree.name], cwd=folder, check=True, capture_output=True)
    return folder / f"{name}_{version}.dsc"


def mirror(
    folder: Path, debs: Iterable[Path], *, suite: str = "bookworm", component: str = "main",
    architectures: Sequence[str] = ("amd64",), sign: Key | Sequence[Key] = (), sources: Iterable[Path] = (),
    compressions: Sequence[Compression] = ("", "xz", "gz"), by_hash: bool = False,
    fields: Mapping[str, str | None] | None = None,
) -> Mirror:  # fmt: skip
    """A suite with one component below ``folder``: ``pool/``, ``dists/SUITE/``, its Release signed by ``sign``.

    ``fields`` replace what Release says, None leaves a field out. An architecture ``all`` gets an index of its own
    (binary-all). ``compressions`` are the forms of each index on disk; Release lists those and, as real ones do, the
    form without compression. Packages are linked into ``pool/``, not copied, where that is possible.
    """
    dists = folder / "dists" / suite
    pool = Path("pool") / component
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="pool-") as staging:
        for file in debs:
            for root in (folder, Path(staging)):
                _linked(file, root / pool / _pool_name(file))
        for dsc in sources:
            for file in (dsc, *dsc.parent.glob(f"{dsc.stem}.tar.*")):
                for root in (folder, Path(staging)):
                    _linked(file, root / pool / file.name)
        made = [_index(Path(staging), pool, dists / component / f"binary-{one}", one) for one in architectures]
        if list(Path(staging, pool).glob("*.dsc")):
            place = dists / component / "source" / "Sources"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_ftparchive(Path(staging), "sources", str(pool)))
    present = sorted({path.name.removeprefix("binary-") for path in dists.glob("*/binary-*")})
    stated = {"Origin": "Test", "Label": "Test", "Suite": suite, "Codename": suite, "Architectures": " ".join(present),
              "Components": " ".join(sorted(path.name for path in dists.iterdir() if path.is_dir()))}  # fmt: skip
    indices = [*dists.glob("*/binary-*/Packages"), *dists.glob("*/source/Sources")]
    for index in indices:
        _compressed(index, compressions)
    release(dists, {**stated, **({"Acquire-By-Hash": "yes"} if by_hash else {}), **(fields or {})})
    for index in indices:
        if by_hash:
            _by_hash(index.parent)
        if "" not in compressions:
            index.unlink()
    signed(dists, sign)
    return Mirror(folder=folder, suite=suite, dists=dists, packages=tuple(made))


def flat(folder: Path, debs: Iterable[Path], **fields: str | None) -> Path:
    """A repository without dists/: packages, Packages and Release in one folder; ``fields`` as of ``mirror``."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in debs:
        _linked(file, folder / file.name)
    (folder / "Packages").write_bytes(_ftparchive(folder, "packages", "."))
    release(folder, fields)
    return folder


def release(dists: Path, fields: Mapping[str, str | None]) -> None:
    """Write ``dists/Release``: the date, sizes and hashes are apt-ftparchive's, the other fields are ``fields``."""
    for stale in ("Release", "InRelease", "Release.gpg"):
        (dists / stale).unlink(missing_ok=True)
    text = _ftparchive(dists, "release", ".").decode()
    (dists / "Release").write_text(_with(text, fields))


def changed(made: Mirror, fields: Mapping[str, str | None], *, sign: Key | Sequence[Key] = ()) -> None:
    """Give a suite's Release other fields (None: none), leave the rest, and sign it anew."""
    place = made.dists / "Release"
    place.write_text(_with(place.read_text(), fields))
    signed(made.dists, sign)


def signed(dists: Path, sign: Key | Sequence[Key] = ()) -> None:
    """Sign ``dists/Release``: InRelease and Release.gpg. Without keys there are none afterwards."""
    keys = [sign] if isinstance(sign, Key) else list(sign)
    text, inline, detached = (dists / name for name in ("Release", "InRelease", "Release.gpg"))
    for stale in (inline, detached):
        stale.unlink(missing_ok=True)
    if not keys:
        return
    with tempfile.TemporaryDirectory(prefix="archscan-gpg-") as home:
        for key in keys:  # one home with all of them: gpg signs by several keys of one home at once
            secret = _gpg(key.home, "--passphrase", "", "--pinentry-mode", "loopback", "--export-secret-keys")
            _gpg(Path(home), "--import", given=secret)
        users = [option for key in keys for option in ("--local-user", key.fingerprint)]
        when = keys[0].when
        _gpg(Path(home), *users, "--output", str(inline), "--clear-sign", str(text), when=when)
        _gpg(Path(home), *users, "--armor", "--output", str(detached), "--detach-sign", str(text), when=when)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)


def _with(release_text: str, fields: Mapping[str, str | None]) -> str:
    lines = release_text.splitlines(keepends=True)
    for name, value in fields.items():
        lines = [line for line in lines if not line.startswith(f"{name}:")]
        if value is not None:
            lines.insert(0, f"{name}: {value}\n")
    return "".join(lines)


def _gpg(home: Path, *arguments: str, given: bytes = b"", when: str = "") -> bytes:
    clock = ["--faked-system-time", f"{when}!"] if when else []
    command = ["gpg", "--homedir", str(home), "--batch", "--yes", "--quiet", "--no-tty", *clock, *arguments]
    return subprocess.run(command, check=True, capture_output=True, input=given).stdout


def _ftparchive(folder: Path, *arguments: str) -> bytes:
    # Of hashes real archives have only these; a cache would outlive the test.
    options = ["-qq", "-o", "APT::FTPArchive::SHA1=false", "-o", "APT::FTPArchive::SHA512=false"]
    command = ["apt-ftparchive", *options, *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"}
    ).stdout


def _index(staging: Path, pool: Path, place: Path, architecture: str) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    # With --arch, apt-ftparchive takes the packages for all too; those of an index of their own have none else.
    (staging / pool).mkdir(parents=True, exist_ok=True)
    file = place / "Packages"
    file.write_bytes(_ftparchive(staging, "--arch", architecture, "packages", str(pool)))
    return file


def _pool_name(file: Path) -> str:
    if _NAMED.fullmatch(file.name):
        return file.name
    shown = ["dpkg-deb", "--show", "--showformat", "${Package}_${Version}_${Architecture}.deb", str(file)]
    name = subprocess.run(shown, check=True, capture_output=True).stdout.decode()
    return name.replace(":", "%3a")


def _linked(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.unlink()
    try:
        os.link(file.resolve(), place)
    except OSError:
        shutil.copyfile(file, place)


def _compressed(index: Path, compressions: Sequence[Compression]) -> None:
    data = index.read_bytes()
    for compression in compressions:
        match compression:
            case "xz":
                index.with_suffix(".xz").write_bytes(lzma.compress(data, preset=1))
            case "gz":
                index.with_suffix(".gz").write_bytes(gzip.compress(data, mtime=0))
            case "zst":
                index.with_suffix(".zst").write_bytes(zstandard.compress(data))
            case "":
                pass


def _by_hash(folder: Path) -> None:
    place = folder / "by-hash" / "SHA256"
    place.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.is_file():
            shutil.copyfile(file, place / hashlib.sha256(file.read_bytes()).hexdigest())
