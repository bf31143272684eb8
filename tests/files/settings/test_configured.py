"""What configurations choose: PAM, login.defs, OpenSSL, OpenSSH, GnuPG."""

from __future__ import annotations

import tomllib
from collections.abc import Callable

import pytest

from archscan.files.policies import pam
from archscan.files.settings import configured, gpg, login_defs, openssl, ssh
from archscan.model import Confidence, Directive, FileFacts
from corpus.recipes import ROOT
from tests.files.hostile import survives

Parser = Callable[[str, bytes], FileFacts]


def _uses(parser: Parser, path: str, text: str) -> list[tuple[int | None, str, str, str, str | None]]:
    found = parser(path, text.encode()).uses
    assert {one.evidence for one in found} <= {"config"}
    assert {one.confidence for one in found} <= {Confidence.CERTAIN}
    return [(one.line, one.algorithm, one.strength.value, one.role, one.argument) for one in found]


def test_strengths_are_those_of_the_catalogue() -> None:
    rows = tomllib.loads((ROOT.parent / "rules" / "algorithms.toml").read_text())["algorithm"]
    known = {row["name"]: row["strength"] for row in rows}
    assert {known[name] for name in configured.WEAK} == {"weak"}
    assert {known[name] for name in configured.OK} == {"ok"}
    texts = "".join(f"{word} " for word in (*openssl._VERSIONS.values(), *pam._SCHEMES.values()))
    assert set(texts.split()) <= configured.WEAK | configured.OK


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("password required pam_unix.so md5", [(1, "crypt-md5", "weak", "password", "md5")]),
        (
            "password [success=1 default=ignore] pam_unix.so obscure bigcrypt",
            [(1, "crypt-des", "weak", "password", "bigcrypt")],
        ),
        (
            "-password\tsufficient\t/lib/security/pam_unix.so sha512 rounds=65536",
            [(1, "crypt-sha512", "ok", "password", "sha512 rounds=65536")],
        ),
        ("password required pam_unix.so md5 yescrypt", [(1, "yescrypt", "ok", "password", "yescrypt")]),
        ("password required pam_unix.so obscure \\\n md5", [(1, "crypt-md5", "weak", "password", "md5")]),
        ("password required pam_unix.so obscure # md5", []),
        ("# password required pam_unix.so md5", []),
        ("auth required pam_unix.so md5", []),
        ("password required pam_cracklib.so md5", []),
        ("password required pam_unix.so", []),
    ],
)
def test_the_hash_of_new_passwords_in_pam(line: str, expected: list[object]) -> None:
    assert _uses(pam.pam, "etc/pam.d/x", line) == expected


def test_lines_of_pam() -> None:
    text = b"""@include common-auth
auth [success=ok new_authtok_reqd=ok \\
  ignore=ignore default=bad] pam_x.so a [b c]
-session optional pam_y.so
account include other
session required
"""
    assert pam.pam("etc/pam.d/x", text).directives == (
        Directive(1, "@include", "common-auth", ""),
        Directive(2, "auth", "pam_x.so", "[success=ok new_authtok_reqd=ok ignore=ignore default=bad] a [b c]"),
        Directive(4, "session", "pam_y.so", "optional"),
        Directive(5, "account", "other", "include"),
    )
    assert pam.pam("etc/pam.conf", b"login auth required pam_x.so\n").directives == (
        Directive(1, "auth", "pam_x.so", "required"),
    )


def test_profiles_of_pam_auth_update() -> None:
    text = b"""Name: Old hashes
Default: yes
Priority: 256
Auth:
\t[success=end default=ignore]\tpam_x.so try_first_pass
Password-Type: Primary
Password-Initial:
\trequired\tpam_unix.so md5
"""
    facts = pam.pam_config("usr/share/pam-configs/x", text)
    assert facts.directives == (
        Directive(1, None, "Name", "Old hashes"),
        Directive(2, None, "Default", "yes"),
        Directive(3, None, "Priority", "256"),
        Directive(5, "auth", "pam_x.so", "[success=end default=ignore] try_first_pass"),
        Directive(6, None, "Password-Type", "Primary"),
        Directive(8, "password", "pam_unix.so", "required md5"),
    )
    assert [one.algorithm for one in facts.uses] == ["crypt-md5"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ENCRYPT_METHOD DES", [(1, "crypt-des", "weak", "password", "DES")]),
        ("ENCRYPT_METHOD\tMD5\n", [(1, "crypt-md5", "weak", "password", "MD5")]),
        ('ENCRYPT_METHOD "YESCRYPT"', [(1, "yescrypt", "ok", "password", "YESCRYPT")]),
        ("ENCRYPT_METHOD DES\nENCRYPT_METHOD SHA512", [(2, "crypt-sha512", "ok", "password", "SHA512")]),
        ("MD5_CRYPT_ENAB yes", [(1, "crypt-md5", "weak", "password", "yes")]),
        ("MD5_CRYPT_ENAB yes\nENCRYPT_METHOD SHA512", [(2, "crypt-sha512", "ok", "password", "SHA512")]),
        ("MD5_CRYPT_ENAB no", []),
        ("#ENCRYPT_METHOD DES", []),
        ("ENCRYPT_METHOD", []),
    ],
)
def test_the_hash_of_new_passwords_in_login_defs(text: str, expected: list[object]) -> None:
    assert _uses(login_defs.login_defs, "etc/login.defs", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("default_md = md5", [(1, "md5", "weak", "sign", "md5")]),
        ("[req]\ndefault_md=SHA1 # why", [(2, "sha1", "weak", "sign", "SHA1")]),
        ("default_md = default", []),
        ("# default_md = md5", []),
        ("[x]\nMinProtocol = TLSv1", [(2, "tls1.0", "weak", "tls", "TLSv1")]),
        ("MinProtocol = TLSv1.2", [(1, "tls1.2", "ok", "tls", "TLSv1.2")]),
        ("Protocol = ALL, -TLSv1.2, SSLv3", [(1, "ssl3", "weak", "tls", "ALL, -TLSv1.2, SSLv3")]),
        ("CipherString = DEFAULT:!RC4:-3DES:!MD5@SECLEVEL=1", []),
        ("CipherString = HIGH:RC4-SHA:!aNULL", [(1, "rc4", "weak", "cipher", "RC4-SHA")]),
        ("CipherString = HIGH:RC4-SHA:!RC4", []),
        ("CipherString = ALL:+RC4", []),
        ("CipherString = 'DES-CBC3-SHA:kRSA+3DES'", [(1, "3des", "weak", "cipher", "DES-CBC3-SHA")]),
        ("CipherString = kRSA+3DES", [(1, "3des", "weak", "cipher", "kRSA+3DES")]),
        ("CipherString = EXP:eNULL", [(1, "export", "weak", "cipher", "EXP"), (1, "null", "weak", "cipher", "eNULL")]),
        ("CipherString = ECDHE-ECDSA-AES128-GCM-SHA256", []),
    ],
)
def test_what_openssl_is_told(text: str, expected: list[object]) -> None:
    assert _uses(openssl.openssl, "etc/ssl/openssl.cnf", text) == expected


def test_settings_of_openssl_by_section() -> None:
    text = b'a = 1\n[ first part ]\nb = "x # y" # z\n.include /etc/more\n1.c = long\\\nline\nnonsense\n'
    assert openssl.openssl("etc/ssl/openssl.cnf", text).directives == (
        Directive(1, "default", "a", "1"),
        Directive(3, "first part", "b", "x # y"),
        Directive(4, "first part", ".include", "/etc/more"),
        Directive(5, "first part", "1.c", "long line"),
    )


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "sshd_config",
            "Ciphers aes256-ctr,3des-cbc",
            [(1, "aes", "ok", "cipher", "aes256-ctr"), (1, "3des", "weak", "cipher", "3des-cbc")],
        ),
        ("sshd_config", "ciphers=+arcfour256", [(1, "rc4", "weak", "cipher", "arcfour256")]),
        ("sshd_config", "Ciphers -3des-cbc,arcfour", []),
        ("sshd_config", "Ciphers ^3des-cbc", [(1, "3des", "weak", "cipher", "3des-cbc")]),
        ("sshd_config", "#Ciphers 3des-cbc", []),
        ("sshd_config", "Ciphers aes128-ctr # not 3des-cbc", [(1, "aes", "ok", "cipher", "aes128-ctr")]),
        (
            "sshd_config",
            "MACs hmac-md5-96-etm@openssh.com",
            [(1, "md5", "weak", "hmac", "hmac-md5-96-etm@openssh.com")],
        ),
        (
            "sshd_config",
            "KexAlgorithms diffie-hellman-group1-sha1",
            [(1, "weak-dh", "weak", "kdf", "diffie-hellman-group1-sha1")],
        ),
        ("sshd_config", "KexAlgorithms curve25519-sha256", []),
        ("sshd_config", "HostKeyAlgorithms +ssh-rsa", [(1, "sha1", "weak", "sign", "ssh-rsa")]),
        ("sshd_config", "PubkeyAcceptedKeyTypes +ssh-dss", [(1, "sha1", "weak", "verify", "ssh-dss")]),
        ("ssh_config", "HostKeyAlgorithms +ssh-rsa", [(1, "sha1", "weak", "verify", "ssh-rsa")]),
        ("ssh_config", "PubkeyAcceptedAlgorithms ssh-rsa", [(1, "sha1", "weak", "sign", "ssh-rsa")]),
        ("ssh_config", "CASignatureAlgorithms ssh-rsa", [(1, "sha1", "weak", "verify", "ssh-rsa")]),
        ("ssh_config", 'Host "old"\n  Ciphers "3des-cbc"', [(2, "3des", "weak", "cipher", "3des-cbc")]),
        ("ssh_config", "PubkeyAcceptedAlgorithms rsa-sha2-512", [(1, "sha512", "ok", "sign", "rsa-sha2-512")]),
        ("ssh_config", "FingerprintHash md5", [(1, "md5", "weak", "certificate-fingerprint", "md5")]),
    ],
)
def test_algorithms_of_ssh(path: str, text: str, expected: list[object]) -> None:
    assert _uses(ssh.ssh, f"etc/ssh/{path}", text) == expected


def test_settings_of_ssh_stand_in_blocks() -> None:
    text = b"PermitRootLogin yes\nMatch  User a\n\tX11Forwarding no\nAcceptEnv LANG LC_*\n"
    assert ssh.ssh("etc/ssh/sshd_config", text).directives == (
        Directive(1, None, "PermitRootLogin", "yes"),
        Directive(3, "Match User a", "X11Forwarding", "no"),
        Directive(4, "Match User a", "AcceptEnv", "LANG LC_*"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("digest-algo SHA1", [(1, "sha1", "weak", "sign", "sha1")]),
        ("--cert-digest-algo=MD5", [(1, "md5", "weak", "sign", "md5")]),
        (
            "personal-digest-preferences SHA512 H3",
            [(1, "sha512", "ok", "sign", "sha512"), (1, "ripemd160", "weak", "sign", "h3")],
        ),
        ("cipher-algo 3DES", [(1, "3des", "weak", "cipher", "3des")]),
        ("default-preference-list S9 H10 Z2", [(1, "aes", "ok", "cipher", "s9"), (1, "sha512", "ok", "sign", "h10")]),
        ("weak-digest SHA1", []),
        ("s2k-digest-algo SHA1", [(1, "sha1", "weak", "kdf", "sha1")]),
        ("s2k-mode 0", [(1, "s2k-simple", "weak", "kdf", "0")]),
        ("s2k-mode 3", []),
        ("# digest-algo MD5", []),
        ("no-greeting", []),
    ],
)
def test_algorithms_of_gnupg(text: str, expected: list[object]) -> None:
    found = _uses(gpg.gpg, "etc/gnupg/gpg.conf", text)
    assert sorted(found, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("etc/pam.d/login", pam),
        ("usr/lib/pam.d/x", pam),
        ("usr/share/pam-configs/unix", pam),
        ("etc/login.defs", login_defs),
        ("etc/ssl/openssl.cnf", openssl),
        ("usr/lib/ssl/openssl-old.cnf", openssl),
        ("etc/ssh/ssh_config", ssh),
        ("etc/ssh/sshd_config.d/a.conf", ssh),
        ("usr/share/openssh/sshd_config", ssh),
        ("etc/skel/.gnupg/gpg.conf", gpg),
    ],
)
def test_places(path: str, module: object) -> None:
    assert any(pattern.fullmatch(path) for pattern, _ in module.PLACES)  # type: ignore[attr-defined]


def test_hostile_bytes() -> None:
    for parser in (pam.pam, pam.pam_config, login_defs.login_defs, openssl.openssl, ssh.ssh, gpg.gpg):
        survives(parser, "etc/ssh/sshd_config")
