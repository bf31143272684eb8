"""Who signed a Release: real keys, real signatures, real gpgv."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from archscan.errors import ArchscanError, SourceError, UsageError
from archscan.sources.archive.keys import Keys, is_fingerprint, key_block, keys
from archscan.sources.archive.signature import detached, inline
from tests.sources.archive.reading import Files, names, only, wanted, why
from tests.sources.mirrors import Key, Mirror, mirror, signed, signing_key

EVIL = b"Origin: evil\nSuite: bookworm\nSHA256:\n"


@pytest.fixture
def made(tmp_path: Path, debs: list[Path], key: Key) -> Mirror:
    return mirror(tmp_path / "m", debs, sign=key)


def test_a_good_signature_names_its_key(made: Mirror, key: Key, other_key: Key) -> None:
    keybox = key.home / "pubring.kbx"
    for rings in ((key.public,), (key.armored,), (keybox,), (other_key.armored, key.public)):
        suite = only(made.folder, wanted(keyrings=rings))
        assert names(suite) == ["one", "one-doc", "two"]
        assert (suite.signed_by, suite.notes) == (key.fingerprint, ())
        assert suite.indices[0].index.signed_by == key.fingerprint


def test_keys_of_one_armored_file_all_count(made: Mirror, key: Key, other_key: Key, tmp_path: Path) -> None:
    both = tmp_path / "both.asc"
    both.write_bytes(b"A comment.\n" + other_key.armored.read_bytes() + b"\n" + key.armored.read_bytes())
    assert only(made.folder, wanted(keyrings=(both,))).signed_by == key.fingerprint


def test_a_signature_apart_from_release_counts_as_well(made: Mirror, key: Key) -> None:
    (made.dists / "InRelease").unlink()
    suite = only(made.folder, wanted(keyrings=(key.public,)))
    assert (len(names(suite)), suite.signed_by) == (3, key.fingerprint)


def test_without_a_keyring_it_is_said_that_nobody_looked(made: Mirror, caplog: pytest.LogCaptureFixture) -> None:
    suite = only(made.folder, wanted())
    assert len(names(suite)) == 3
    assert suite.signed_by is None
    assert len(suite.notes) == 1
    assert "--keyring" in suite.notes[0]
    assert len(caplog.records) == 1
    (made.dists / "InRelease").unlink()
    assert len(names(only(made.folder, wanted()))) == 3


@pytest.mark.parametrize("apart", [False, True])
def test_an_unknown_key_is_refused(made: Mirror, other_key: Key, apart: bool) -> None:
    if apart:
        (made.dists / "InRelease").unlink()
    kind, message = why(only(made.folder, wanted(keyrings=(other_key.public,))))
    assert kind == "mismatch"
    assert "unknown key" in message


def test_what_is_not_signed_is_refused(made: Mirror, key: Key) -> None:
    signed(made.dists)
    assert "not signed" in why(only(made.folder, wanted(keyrings=(key.public,))))[1]
    (made.dists / "InRelease").write_bytes((made.dists / "Release").read_bytes())
    assert why(only(made.folder, wanted(keyrings=(key.public,))))[0] == "mismatch"


@pytest.mark.parametrize("apart", [False, True])
def test_a_changed_text_is_refused(made: Mirror, key: Key, apart: bool) -> None:
    if apart:
        (made.dists / "InRelease").unlink()
    place = made.dists / ("Release" if apart else "InRelease")
    place.write_bytes(place.read_bytes().replace(b"Origin: Test", b"Origin: Toast"))
    kind, message = why(only(made.folder, wanted(keyrings=(key.public,))))
    assert kind == "mismatch"
    assert "BADSIG" in message


def _before(message: bytes) -> bytes:
    return EVIL + b"\n" + message


def _empty_line_before(message: bytes) -> bytes:
    return b"\n" + message


def _among_headers(message: bytes) -> bytes:
    return message.replace(b"\n\n", b"\n" + EVIL + b"\n", 1)


def _twice(message: bytes) -> bytes:
    return message + message


def _own_in_front(message: bytes) -> bytes:
    begin, _, rest = message.partition(b"\n\n")
    return begin + b"\n\n" + EVIL + message[: message.index(b"\n")] + b"\nHash: SHA256\n\n" + rest


def _cut(message: bytes) -> bytes:
    return message[: message.index(b"-----BEGIN PGP SIGNATURE")]


def _no_signature_inside(message: bytes) -> bytes:
    begin = message.index(b"-----BEGIN PGP SIGNATURE")
    return message[:begin] + b"-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n"


@pytest.mark.parametrize(
    "change",
    [_before, _empty_line_before, _among_headers, _twice, _own_in_front, _cut, _no_signature_inside],
)  # fmt: skip
def test_an_inrelease_that_is_more_than_one_signed_text_is_refused(
    made: Mirror, key: Key, change: Callable[[bytes], bytes]
) -> None:
    place = made.dists / "InRelease"
    place.write_bytes(change(place.read_bytes()))
    assert why(only(made.folder, wanted(keyrings=(key.public,))))[0] in ("mismatch", "truncated")


def test_what_stands_behind_the_signature_is_not_read(made: Mirror, key: Key) -> None:
    place = made.dists / "InRelease"
    message = place.read_bytes() + b"\n" + EVIL
    text = inline(message, keys([key.public])).text
    assert b"evil" not in text
    assert text.splitlines() == (made.dists / "Release").read_bytes().splitlines()


def test_a_text_that_is_not_the_one_shown_is_refused(tmp_path: Path, key: Key) -> None:
    """To gpgv a blank ends the headers too: it says that more was signed than who looks for an empty line would see."""
    (tmp_path / "Release").write_bytes(b"Origin: x\n\nSuite: y\n")
    signed(tmp_path, key)
    message = (tmp_path / "InRelease").read_bytes()
    assert inline(message, keys([key.public])).text == b"Origin: x\n\nSuite: y\n"
    with pytest.raises(SourceError, match="shows another text"):
        inline(message.replace(b"\n\n", b"\n \n", 1), keys([key.public]))


def test_lines_that_begin_with_dashes_or_end_with_blanks_are_those_that_were_signed(tmp_path: Path, key: Key) -> None:
    (tmp_path / "Release").write_bytes(b"Origin: x  \n- dash\n--- dashes\t\nSuite: y\r\nend")
    signed(tmp_path, key)
    message = (tmp_path / "InRelease").read_bytes()
    found = inline(message, keys([key.public]))
    assert [line.rstrip() for line in found.text.splitlines()] == [
        b"Origin: x", b"- dash", b"--- dashes", b"Suite: y", b"end"
    ]  # fmt: skip
    again = inline(message.replace(b"\n", b"\r\n"), keys([key.public]))
    assert again.text.splitlines() == found.text.splitlines()


def test_a_signed_message_is_no_signature_of_another_text(made: Mirror, key: Key) -> None:
    """Its signature is good, but of the text inside (CVE-2016-1252 and its like)."""
    opaque = subprocess.run(
        ["gpg", "--homedir", key.home, "--batch", "--sign"], input=b"Origin: Test\n", check=True, capture_output=True
    ).stdout
    armored = subprocess.run(
        ["gpg", "--homedir", key.home, "--batch", "--armor", "--sign"],
        input=b"Origin: Test\n", check=True, capture_output=True,
    ).stdout  # fmt: skip
    disguised = armored.replace(b"PGP MESSAGE", b"PGP SIGNATURE")
    for mark in (opaque, armored, disguised, (made.dists / "InRelease").read_bytes()):
        with pytest.raises(SourceError):
            detached(EVIL, mark, keys([key.public]))
    for message in (opaque, armored, disguised):
        with pytest.raises(SourceError):
            inline(message, keys([key.public]))


def test_a_signature_armor_with_a_message_in_it_changes_nothing_that_is_read(made: Mirror, key: Key) -> None:
    """A clear text of the attacker's, and behind it a whole signed message of another text."""
    armored = subprocess.run(
        ["gpg", "--homedir", key.home, "--batch", "--armor", "--sign"],
        input=b"Origin: Test\n", check=True, capture_output=True,
    ).stdout.replace(b"PGP MESSAGE", b"PGP SIGNATURE")  # fmt: skip
    message = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + EVIL + armored
    with pytest.raises(SourceError):
        inline(message, keys([key.public]))


def test_a_bomb_in_the_place_of_a_signature_is_stopped(key: Key, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    with bomb.open("wb") as file:
        file.truncate(70 << 20)
    command = ["gpg", "--homedir", str(key.home), "--batch", "--armor", "--compress-algo", "zip", "--output", "-"]
    armored = subprocess.run([*command, "--sign", str(bomb)], check=True, capture_output=True).stdout
    assert len(armored) < 1 << 20
    disguised = armored.replace(b"PGP MESSAGE", b"PGP SIGNATURE")
    message = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + EVIL + disguised
    with pytest.raises(SourceError) as caught:
        inline(message, keys([key.public]))
    assert caught.value.kind == "mismatch"
    with pytest.raises(SourceError) as caught:
        detached(EVIL, disguised, keys([key.public]))
    assert caught.value.kind == "mismatch"


def test_one_good_signature_of_several_is_enough(made: Mirror, key: Key, other_key: Key) -> None:
    signed(made.dists, [other_key, key])
    for apart in (False, True):
        if apart:
            (made.dists / "InRelease").unlink()
        assert only(made.folder, wanted(keyrings=(key.public,))).signed_by == key.fingerprint
        assert only(made.folder, wanted(keyrings=(other_key.public,))).signed_by == other_key.fingerprint


def test_an_expired_key_counts_for_nothing(made: Mirror) -> None:
    then = "20200101T000000"
    with (
        signing_key("late@example.org", expires="1d", when=then) as late,
        signing_key("lasting@example.org", when=then) as lasting,
    ):
        signed(made.dists, late)
        alone = (made.dists / "InRelease").read_bytes()
        signed(made.dists, [late, lasting])
        both = (made.dists / "InRelease").read_bytes()
        with pytest.raises(SourceError, match="expired key"):
            inline(alone, keys([late.public]))
        assert inline(both, keys([late.public, lasting.public])).fingerprint == lasting.fingerprint


def test_a_digest_that_can_be_forged_counts_for_nothing(made: Mirror) -> None:
    with signing_key("old@example.org", algorithm="rsa2048") as old:
        message = subprocess.run(
            ["gpg", "--homedir", old.home, "--batch", "--digest-algo", "SHA1", "--clear-sign"],
            input=(made.dists / "Release").read_bytes(), check=True, capture_output=True,
        ).stdout  # fmt: skip
        assert b"Hash: SHA1" in message
        with pytest.raises(SourceError):
            inline(message, keys([old.public]))
        signed(made.dists, old)
        assert only(made.folder, wanted(keyrings=(old.public,))).signed_by == old.fingerprint


def test_of_a_keyring_only_some_keys_may_count(made: Mirror, key: Key, other_key: Key) -> None:
    message = (made.dists / "InRelease").read_bytes()
    ring = key.public.read_bytes()
    assert inline(message, Keys((ring,), frozenset({key.fingerprint}))).fingerprint == key.fingerprint
    with pytest.raises(SourceError, match="Signed-By"):
        inline(message, Keys((ring,), frozenset({other_key.fingerprint})))


def test_a_subkey_signs_for_its_primary_key(made: Mirror) -> None:
    with signing_key("sub@example.org") as whole:
        add = ["--batch", "--passphrase", "", "--quick-add-key", whole.fingerprint, "ed25519", "sign", "0"]
        subprocess.run(["gpg", "--homedir", str(whole.home), *add], check=True, capture_output=True)
        export = ["gpg", "--homedir", str(whole.home), "--batch", "--export"]
        ring = subprocess.run(export, check=True, capture_output=True).stdout
        message = subprocess.run(
            ["gpg", "--homedir", whole.home, "--batch", "--clear-sign"],
            input=(made.dists / "Release").read_bytes(), check=True, capture_output=True,
        ).stdout  # fmt: skip
        assert inline(message, Keys((ring,))).fingerprint == whole.fingerprint
        with pytest.raises(SourceError, match="unknown key"):
            inline(message, keys([whole.public]))  # exported before the subkey was there


def test_a_machine_without_gpgv_says_so(made: Mirror, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(made.folder))
    with pytest.raises(ArchscanError, match="gpgv"):
        only(made.folder, wanted(keyrings=(key.public,), architectures=("amd64",)), Files())


def test_a_keyring_is_what_it_says(key: Key, tmp_path: Path) -> None:
    assert key_block(key.armored.read_text()).rings == (key.public.read_bytes(),)
    secret = tmp_path / "secret.asc"
    command = ["gpg", "--homedir", str(key.home), "--batch", "--armor", "--export-secret-keys"]
    secret.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    damaged = tmp_path / "damaged.asc"
    damaged.write_bytes(key.armored.read_bytes().replace(b"\n\n", b"\n\n!!!"))
    folder = tmp_path / "folder.gpg"
    folder.mkdir()
    for file in (secret, damaged, folder):
        with pytest.raises(UsageError, match=file.name):
            keys([file])
    assert is_fingerprint(key.fingerprint)
    assert not is_fingerprint(key.fingerprint[:16])
