"""Protocols and forms of files that demand a weak algorithm are known by their words, and by no others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from archscan.rules.apply import apply
from archscan.rules.load import load
from tests.rules.facts import Object, Pack, database, put

SHIPPED = load([Path(__file__).parents[2] / "rules"])


def said(*, path: str = "usr/bin/app", texts: tuple[str, ...] = (), calls: tuple[str, ...] = (), **columns: Any) -> str:
    """Context and protocol of a use that has these texts and calls around it."""
    connection = database()
    evidence = {"texts": list(texts), "calls": list(calls)}
    call = {"symbol": "digest", **columns, "context_evidence": json.dumps(evidence)}
    put(connection, Pack(objects=(Object(path=path, calls=(call,)),)))
    apply(connection, SHIPPED, 1, changed_only=True)
    (found,) = connection.execute("SELECT context, coalesce(protocol, '') FROM crypto_context").fetchall()
    return " ".join(filter(None, found))


@pytest.mark.parametrize(
    ("algorithm", "text", "protocol"),
    [
        ("md5", "newcamd: login", "conditional access"),
        ("md5", "CCcam: node", "conditional access"),
        ("md5", "$1$abcdefgh$", "conditional access"),
        ("sha1", "src/libbdplus/bdsvm/trap.c", "Blu-ray protection"),
        ("sha1", "AACS: bad MKB", "Blu-ray protection"),
        ("sha1", "HDCP: V' mismatch", "HDCP"),
        ("sha1", "./libdigidoc/DigiDocLib.c", "DIGIDOC-XML"),
        ("md5", "!@#$%^&*()qwertyUIOPAzxcvbnmQQQQQQQQQQQQ)(*@&%", "Windows registry"),
        ("rc4", "no bootkey in the hive", "Windows registry"),
        ("md5", "DESX key too short", "EFS"),
        ("md5", "netlogon: bad credentials", "Netlogon"),
        ("sha1", "BCKUPKEY_PREFERRED", "BackupKey"),
        ("rc4", "RDP standard security", "RDP"),
        ("md5", "DHX2 login", "AFP login"),
        ("md5", "OSPF packet too short", "routing protocols"),
        ("md5", "L2TP tunnel", "L2TP"),
        ("sha1", "EAP-FAST: no PAC", "EAP"),
        ("md5", "OMAPI signature", "OMAPI"),
        ("sha1", "RAKP 2 message", "IPMI"),
        ("md5", "NDMP_AUTH_MD5", "NDMP"),
        ("md5", "AOL Instant Messenger (SM)", "messenger login"),
        ("md5", "&api_sig=", "signed web requests"),
        ("md5", "https://ws.audioscrobbler.com/2.0/", "signed web requests"),
        ("sha1", "temp_url_sig=%s", "signed web requests"),
        ("md5", "https://www.gravatar.com/avatar/%s", "Gravatar"),
        ("sha1", "router-signature", "Tor"),
        ("md4", "ed2k://|file|", "eDonkey"),
        ("sha1", "urn:sha1:%s", "Gnutella"),
        ("md5", "Microsoft Enhanced Cryptographic Provider v1.0", "Office encryption"),
        ("sha1", "manifest:checksum-type", "OpenDocument encryption"),
        ("sha1", "Mighty Aphrodite", "Java key store"),
        ("sha1", "Rar!", "RAR"),
        ("sha1", "WinZip AES", "WinZip encryption"),
        ("sha1", "VeraCrypt volume", "TrueCrypt"),
        ("sha1", "LUKS header", "LUKS"),
        ("md5", "GnomeKeyring", "GNOME keyring"),
        ("sha1", "global-salt", "NSS key store"),
        ("md5", "Apple-Challenge: %s", "AirPlay"),
        ("md5", "Client-DAAP-Validation: ", "DAAP"),
        ("sha1", "iTunesDB", "iPod database"),
        ("sha1", "BuildManifest", "Apple firmware"),
        ("sha1", "Root-CA00000001-XS00000003", "console formats"),
        ("md5", "IAX2 challenge", "IAX2 and AMI"),
        ("md5", "getchallenge", "game servers"),
        ("md5", "otp-md5 %d %s", "S/KEY"),
        ("md5", "AUTH_DES: no window", "secure RPC"),
        ("md5", "auth cram-md5 %s ssl=%d", "CRAM-MD5"),
        ("md5", "tls.ja3.hash", "JA3"),
        ("md5", "OBEX: nonce", "OBEX"),
        ("sha1", "MusicBrainz disc", "MusicBrainz"),
        ("sha1", "OP_RIPEMD160", "Bitcoin"),
        ("md5", "rxkad: ticket", "rxkad"),
        ("md5", "TDS 7.1 login", "TDS"),
        ("md5", "XSym", "SMB"),
        ("sha1", "DomainKey-Signature: ", "DomainKeys"),
        ("sha1", "/SubFilter /adbe.x509.rsa_sha1", "PDF signatures"),
        ("sha1", "Cr24", "Chrome extensions"),
        ("sha1", "MIDlet-Jar-RSA-SHA1: ", "MIDlets"),
        ("md5", "TI-83 Plus application", "TI calculators"),
        ("sha1", "NSEC3PARAM", "DNSSEC"),
        ("sha1", "boot_aggregate", "TPM 1.2"),
        ("sha1", "MDC packet with wrong size", "OpenPGP integrity"),
        ("sha1", "urn:xmpp:avatar:data", "XMPP"),
        ("md5", 'username="%s", nonce="%s"', "HTTP Digest"),
        ("md5", "DKEK share created", "SmartCard-HSM key shares"),
        ("sha1", "isns_dsasig_sign: signature buffer too small", "iSNS and SLP"),
        ("sha1", "Identity-Info: <%s>;alg=rsa-sha1", "SIP Identity"),
        ("ripemd160", "HBCI: no key", "HBCI"),
        ("sha1", "not an ePassport", "ePassports"),
        ("sha1", "GlobalPlatform: key diversification", "GlobalPlatform"),
        ("3des", "MIFARE DESFire", "MIFARE"),
        ("rc4", "RTMPE handshake", "RTMPE"),
        ("sha1", "/.android/adbkey", "ADB"),
        ("sha1", "DSA_SHA1", "I2P"),
        ("sha1", "PKINIT: bad checksum", "Kerberos"),
        ("sha1", "Spotify login", "Spotify"),
        ("sha1", "encrcdsa", "disk images of Apple"),
        ("sha1", "Error during CGA generation", "SEND"),
        ("sha1", "hash-v1:", "IMA"),
        ("sha1", "TPM_RSASignH: Message", "TPM 1.2"),
        ("md5", "shadowsocks-libev", "shadowsocks"),
        ("md5", "ntpkey_cert_%s", "NTP Autokey"),
        ("sha1", "policy Basic128Rsa15", "OPC UA"),
        ("sha1", "https://cloudfront.example/?Key-Pair-Id=", "CloudFront"),
        ("sha1", "http://ns.adobe.com/adept", "ADEPT"),
        ("sha1", "DUNDi: bad signature", "IAX2 and AMI"),
        ("sha1", "osptk", "OSP"),
        ("sha1", "DOCSIS modem", "DOCSIS"),
        ("sha1", "Widevine licence", "Widevine"),
        ("sha1", "Tachograph of the first generation", "tachographs"),
        ("sha1", "EMV: SDA failed", "EMV"),
        ("sha1", "HIP packet without a signature", "HIP"),
        ("sha1", "?OTR:%s", "OTR"),
        ("md5", "SCEP: GetCACaps failed", "SCEP"),
        ("sha1", "PBMParameter", "CMP"),
        ("md5", "SSH-1.5-%s", "SSH 1"),
        ("md5", "RPMSIGTAG_MD5", "RPM packages"),
        ("md5", "(ha->dwFlags & MPQ_FLAG_CHANGED) == 0", "MPQ"),
    ],
)
def test_words_of_a_protocol_tell_it(algorithm: str, text: str, protocol: str) -> None:
    assert said(algorithm=algorithm, texts=(text,)) == f"protocol-mandated {protocol}"


@pytest.mark.parametrize(
    ("algorithm", "text"),
    [
        ("md5", "renewcamdx"),
        ("sha1", "prodigidoc"),
        ("md5", "OSPREY"),
        ("sha1", "TCP_NODELAY"),
        ("md5", "BFD: no symbols"),
        ("sha1", "carp"),
        ("sha1", "LUKSO"),
        ("sha1", "ja3 of a server"),  # is MD5
        ("md5", "OAUTH"),
        ("md5", "therapist_sigma"),
        ("sha1", "vera crypt"),
        ("md5", "nonces"),
        ("sha1", "disns_error"),
        ("sha1", "NOTPM_RSASign"),
        ("sha1", "hip replacement"),
        ("md5", "SSH-2.0-%s"),
        ("sha1", "adept"),
    ],
)
def test_words_that_look_alike_tell_nothing(algorithm: str, text: str) -> None:
    assert said(algorithm=algorithm, texts=(text,)) == "unknown"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        # Most protocols with keys have a shared secret.
        ("usr/sbin/vpnd", "no shared secret for peer %s", "unknown"),
        ("usr/bin/gradient", "no shared secret", "unknown"),
        ("usr/sbin/radiusd", "no shared secret for %s", "protocol-mandated RADIUS"),
        ("usr/bin/radtest", "Shared secret is empty", "protocol-mandated RADIUS"),
        ("lib/security/pam_radius_auth.so", "no shared secret", "protocol-mandated RADIUS"),
        ("usr/sbin/vpnd", "Access-Request from %s", "protocol-mandated RADIUS"),
        # What is named after the protocol need say nothing.
        ("usr/lib/proftpd/mod_radius.so", "", "protocol-mandated RADIUS"),
        ("usr/lib/proftpd/mod_radius/x.so", "", "unknown"),
        ("usr/bin/tcpdump", "shared secret not supplied with -M, ", "protocol-mandated TCP-MD5"),
        ("usr/bin/tcpdump", "no secret", "unknown"),
        ("usr/sbin/bgpd", "RFC 2385 needs a key", "protocol-mandated TCP-MD5"),
    ],
)
def test_a_shared_secret_is_that_of_a_protocol_by_what_else_is_said(path: str, text: str, expected: str) -> None:
    assert said(path=path, texts=(text,)) == expected


@pytest.mark.parametrize("name", ["passkey_set", "claim_hash", "make_salted_hash", "license_check"])
def test_names_that_look_alike_tell_nothing(name: str) -> None:
    assert said(function=name) == "unknown"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("usr/libexec/installed-tests/app/sign", "non-security"),
        ("usr/lib/app/tests/sign", "non-security"),
        ("usr/bin/app-test", "non-security"),
        ("usr/bin/bench_sign", "non-security"),
        ("usr/bin/latest", "signature"),
        ("usr/bin/testify", "signature"),
        ("usr/bin/app-contest", "signature"),
        ("usr/share/protests/sign", "signature"),
    ],
)
def test_nobody_relies_on_tests(path: str, expected: str) -> None:
    assert said(path=path, algorithm="sha1", role="sign") == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("rsa-sha256",), "selectable"),
        (("SHA-512",), "selectable"),
        (("sha1", "rsa-sha1"), "signature"),
        (("sha2561",), "signature"),
    ],
)
def test_who_names_a_stronger_digest_beside_it_lets_choose(texts: tuple[str, ...], expected: str) -> None:
    assert said(algorithm="sha1", role="sign", texts=texts) == expected


@pytest.mark.parametrize(
    ("symbol", "evidence", "severity"),
    [
        ("EVP_BytesToKey", {"texts": ["Enter password:"]}, "medium"),
        ("EVP_BytesToKey", {"callers": [{"texts": ["no passphrase"]}]}, "medium"),
        ("EVP_BytesToKey", {"texts": ["key from /dev/urandom"]}, "low"),
        ("EVP_BytesToKey", {}, "low"),
        ("PEM_write_RSAPrivateKey", {}, "medium"),
    ],
)
def test_keys_made_by_md5_matter_where_passwords_do(symbol: str, evidence: Mapping[str, Any], severity: str) -> None:
    connection = database()
    call = {"symbol": symbol, "role": "kdf", "context_evidence": json.dumps(evidence)}
    put(connection, Pack(objects=(Object(calls=(call,)),)))
    apply(connection, SHIPPED, 1, changed_only=True)
    found = connection.execute("SELECT severity FROM occurrence WHERE rule_id = 'md5-key-derivation'").fetchall()
    assert found == [(severity,)]


@pytest.mark.parametrize(
    ("symbol", "sinks", "expected"),
    [
        ("EVP_sha1", ["X509_sign"], "certificate"),
        ("EVP_sha1", ["X509_REQ_sign"], "certificate"),
        # It goes into the number, or the identifier of the key, of what another digest is signed by.
        ("SHA1_Final", ["X509_sign"], "fingerprint"),
        ("EVP_DigestInit_ex", ["X509_REQ_sign"], "fingerprint"),
        ("EVP_DigestInit_ex", ["X509_set_version"], "unknown"),
    ],
)
def test_a_certificate_is_signed_by_an_algorithm_and_never_by_a_digest(
    symbol: str, sinks: list[str], expected: str
) -> None:
    connection = database()
    evidence = json.dumps({"sinks": [[name, "sign" if "sign" in name else None, 1] for name in sinks]})
    call = {"algorithm": "sha1", "symbol": symbol, "context_evidence": evidence}
    put(connection, Pack(objects=(Object(calls=(call,)),)))
    apply(connection, SHIPPED, 1, changed_only=True)
    assert connection.execute("SELECT context FROM crypto_context").fetchall() == [(expected,)]


@pytest.mark.parametrize(
    ("symbol", "severity"),
    [("EVP_SignFinal", "high"), ("DSA_sign", "high"), ("RSA_private_encrypt", "low"), ("gcry_pk_sign", "low")],
)
def test_who_signs_a_bare_number_has_a_form_of_its_own(symbol: str, severity: str) -> None:
    connection = database()
    evidence = json.dumps({"sinks": [[symbol, "sign", 1]]})
    put(connection, Pack(objects=(Object(calls=({"algorithm": "sha1", "context_evidence": evidence},)),)))
    apply(connection, SHIPPED, 1, changed_only=True)
    found = connection.execute("SELECT severity FROM occurrence WHERE rule_id = 'sha1-signature'").fetchall()
    assert found == [(severity,)]


@pytest.mark.parametrize(
    ("confidence", "function", "severity"),
    [("possible", "f", "low"), ("certain", "f", "high"), ("possible", "g", "high")],
)
def test_what_is_looked_up_is_as_sure_as_what_signs_by_it(confidence: str, function: str, severity: str) -> None:
    connection = database()
    evidence = json.dumps({"sinks": [["EVP_SignFinal", "sign", 1]]})
    looked_up = {"algorithm": "sha1", "symbol": "EVP_sha1", "role": "lookup", "function": "f"}
    signs = {"algorithm": "sha1", "symbol": "EVP_SignFinal", "role": "sign", "function": function}
    calls = ({**looked_up, "context_evidence": evidence}, {**signs, "confidence": confidence})
    put(connection, Pack(objects=(Object(calls=calls),)))
    apply(connection, SHIPPED, 1, changed_only=True)
    found = connection.execute("SELECT severity FROM occurrence WHERE rule_id = 'sha1-signature'").fetchall()
    assert found == [(severity,)]


@pytest.mark.parametrize(("alternatives", "severity"), [(1, "medium"), (6, "low")])
def test_suites_that_another_function_offers_were_chosen(alternatives: int, severity: str) -> None:
    connection = database()
    asks = {
        "algorithm": "null",
        "symbol": "SSL_CipherPrefSet",
        "role": "tls",
        "library": "libssl3.so",
        "address": "0x1",
    }
    offers = {**asks, "function": "options", "address": "0x2", "confidence": "possible"}
    calls = (asks, {**offers, "context_evidence": json.dumps({"alternatives": alternatives})})
    put(connection, Pack(objects=(Object(calls=calls),)))
    apply(connection, SHIPPED, 1, changed_only=True)
    found = connection.execute("SELECT severity FROM occurrence WHERE rule_id = 'weak-tls-cipher'").fetchall()
    assert found == [(severity,)]
