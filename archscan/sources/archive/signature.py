"""What was signed of a Release, and by whom: gpgv says it, and nothing else is read."""

from __future__ import annotations

import contextlib
import re
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec

from archscan.errors import ArchscanError, SourceError
from archscan.model import escape
from archscan.sources.archive.keys import Keys

_SECONDS = 60
_LARGEST = 64 << 20  # bytes that gpgv may write: a signed message can be a bomb
_BEGIN, _SIGNATURE = b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----BEGIN PGP SIGNATURE-----"
# RFC 4880, 9.4: MD5, SHA-1 and RIPEMD-160, by which what was signed can be another text
_FORGEABLE = frozenset({"1", "2", "3"})
_FINGERPRINT = re.compile(r"[0-9A-F]{40}(?:[0-9A-F]{24})?")
# Statuses after which nothing counts: a signature that is wrong, or a message that is more than one signed text.
_FATAL = frozenset({"BADSIG", "UNEXPECTED", "NODATA", "BADARMOR"})


class Signed(msgspec.Struct, frozen=True):
    """A text whose signature was verified, and the fingerprint of the (primary) key."""

    text: bytes
    fingerprint: str


def inline(message: bytes, keys: Keys) -> Signed:
    """What gpgv says was signed of an InRelease. Raises SourceError (``mismatch``) where no good signature is there."""
    shown = clear_text(message)
    with tempfile.TemporaryDirectory(prefix="archscan-gpgv-") as home:
        folder = Path(home)
        (folder / "message").write_bytes(message)
        fingerprint = _verified(folder, keys, ["--output", str(folder / "text"), str(folder / "message")])
        text = (folder / "text").read_bytes()
    if _lines(text) != _lines(shown):
        raise SourceError("mismatch", "InRelease shows another text than the one that is signed")
    return Signed(text, fingerprint)


def detached(text: bytes, signature: bytes, keys: Keys) -> Signed:
    """``text``, of which ``signature`` is one. Raises SourceError (``mismatch``) where gpgv does not say so."""
    # A message that brings its own text would be verified instead of the Release beside it; RFC 4880, 4.3: tag 2.
    if not signature.lstrip().startswith(_SIGNATURE) and signature[:1] not in (b"\x88", b"\x89", b"\x8a", b"\xc2"):
        raise SourceError("mismatch", "Release.gpg is no signature")
    with tempfile.TemporaryDirectory(prefix="archscan-gpgv-") as home:
        folder = Path(home)
        (folder / "signature").write_bytes(signature)
        (folder / "text").write_bytes(text)
        fingerprint = _verified(folder, keys, [str(folder / "signature"), str(folder / "text")])
    return Signed(text, fingerprint)


def clear_text(message: bytes) -> bytes:
    """The text of a clear-signed message (RFC 4880, 7), not verified. Raises SourceError where it is none.

    Nothing may stand before it, and there may be only one.
    """
    lines = message.replace(b"\r\n", b"\n").split(b"\n")
    if lines[0].rstrip() != _BEGIN:
        raise SourceError("mismatch", "InRelease does not begin with a signed message")
    if sum(line.startswith(_BEGIN) for line in lines) > 1:
        raise SourceError("mismatch", "InRelease has more than one signed message")
    try:
        begin = lines.index(b"") + 1
        end = next(number for number, line in enumerate(lines[begin:], begin) if line.startswith(_SIGNATURE))
    except (ValueError, StopIteration):
        raise SourceError("truncated", "InRelease ends before its signature") from None
    return b"\n".join(line.removeprefix(b"- ") for line in lines[begin:end])


def _lines(text: bytes) -> list[bytes]:
    # Blanks at the end of a line are not signed (RFC 4880, 7.1).
    return [line.rstrip(b" \t\r") for line in text.strip(b"\r\n").split(b"\n")]


def _verified(folder: Path, keys: Keys, arguments: list[str]) -> str:
    rings: list[str] = []
    for number, ring in enumerate(keys.rings):
        (folder / f"{number}.gpg").write_bytes(ring)
        rings += ["--keyring", str(folder / f"{number}.gpg")]
    gpgv = shutil.which("gpgv")
    if not gpgv:
        raise ArchscanError("signatures are checked with gpgv, which this machine does not have")
    command = [gpgv, "--homedir", str(folder), "--status-fd", "1", "--weak-digest", "SHA1", *rings, *arguments]
    with subprocess.Popen(  # noqa: S603  # no shell; the files are ours
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        with contextlib.suppress(ProcessLookupError):  # where it has ended already
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (_LARGEST, _LARGEST))
            resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))
        try:
            output, _ = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise SourceError("mismatch", f"gpgv took more than {_SECONDS} seconds for the signature") from None
    if process.returncode not in (0, 1, 2):
        raise SourceError("mismatch", f"gpgv ended with {process.returncode} on the signature")
    return _signer(output.decode("ascii", "replace"), keys)


def _signer(statuses: str, keys: Keys) -> str:
    """The fingerprint of a key whose signature is good, by gpgv's status lines (GnuPG's doc/DETAILS)."""
    good = False
    signer = None
    others: list[str] = []
    for line in statuses.splitlines():
        words = line.removeprefix("[GNUPG:] ").split(" ")
        match words:
            case [fatal, *_] if fatal in _FATAL:
                raise SourceError("mismatch", f"the signature of Release is bad ({escape(' '.join(words)[:120])})")
            case ["ERROR", place, *_] if place.startswith("proc_pkt"):
                raise SourceError("mismatch", f"the signature of Release is damaged ({escape(' '.join(words)[:120])})")
            case ["NEWSIG", *_]:
                good = False
            case ["GOODSIG", *_]:
                good = True
            case ["EXPSIG" | "EXPKEYSIG" | "REVKEYSIG" as word, key, *_]:
                others.append(f"{_WHY[word]} {escape(key)[:40]}")
            case ["NO_PUBKEY", key, *_]:
                others.append(f"unknown key {escape(key)[:40]}")
            case ["VALIDSIG", *values] if good and (allowed := _allowed(values, keys, others)):
                signer = signer or allowed
    if not signer:
        said = "; ".join(others[:8]) or "gpgv finds no signature"
        raise SourceError("mismatch", f"Release has no good signature of a key of the keyring: {said}")
    return signer


_WHY = {"EXPSIG": "expired signature of", "EXPKEYSIG": "expired key", "REVKEYSIG": "revoked key"}


def _allowed(values: list[str], keys: Keys, others: list[str]) -> str | None:
    """The primary key of a valid signature, if it counts. The first value is a fingerprint, the eighth a digest."""
    if len(values) < 9 or not _FINGERPRINT.fullmatch(values[0]):
        return None
    primary = values[9] if len(values) > 9 and _FINGERPRINT.fullmatch(values[9]) else values[0]
    if values[7] in _FORGEABLE:
        others.append(f"digest that can be forged, by {primary}")
        return None
    if keys.fingerprints and not keys.fingerprints & {primary, values[0]}:
        others.append(f"key {primary}, which is not the one of Signed-By")
        return None
    return primary
