"""Class files put together byte by byte (JVMS, chapter 4), and jars of them."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest

from archscan.files import scripts
from archscan.model import Confidence, CryptoUse

_RULES = Path(__file__).parents[2] / "rules"
_DIGEST = ("java/security/MessageDigest", "getInstance", "(Ljava/lang/String;)Ljava/security/MessageDigest;")
_CIPHER = ("javax/crypto/Cipher", "getInstance", "(Ljava/lang/String;)Ljavax/crypto/Cipher;")
_FACTORY = ("javax/crypto/SecretKeyFactory", "getInstance", "(Ljava/lang/String;)Ljavax/crypto/SecretKeyFactory;")
_SIGNATURE = (
    "java/security/Signature",
    "getInstance",
    "(Ljava/lang/String;Ljava/lang/String;)Ljava/security/Signature;",
)
_UTIL = ("org/apache/commons/codec/digest/DigestUtils", "md5Hex", "(Ljava/lang/String;)Ljava/lang/String;")


@pytest.fixture(scope="module")
def book() -> scripts.Book:
    found = scripts.load_book([_RULES])
    scripts.prepare(found)
    return found


class _Class:
    """A class with one method, whose code is given."""

    def __init__(self, name: str = "org/example/Login") -> None:
        self.constants: list[bytes] = []
        self.this = self.kind(name)

    def _add(self, data: bytes) -> int:
        self.constants.append(data)
        return len(self.constants)

    def utf8(self, text: str) -> int:
        return self._add(b"\x01" + struct.pack(">H", len(text)) + text.encode())

    def kind(self, name: str) -> int:
        return self._add(b"\x07" + struct.pack(">H", self.utf8(name)))

    def string(self, text: str) -> int:
        return self._add(b"\x08" + struct.pack(">H", self.utf8(text)))

    def method(self, owner: str, name: str, descriptor: str) -> int:
        pair = self._add(b"\x0c" + struct.pack(">HH", self.utf8(name), self.utf8(descriptor)))
        return self._add(b"\x0a" + struct.pack(">HH", self.kind(owner), pair))

    def data(self, code: bytes, method: str = "check", lines: tuple[tuple[int, int], ...] = ((0, 7),)) -> bytes:
        table = struct.pack(">H", len(lines)) + b"".join(struct.pack(">HH", *one) for one in lines)
        line_table = struct.pack(">HI", self.utf8("LineNumberTable"), len(table)) + table
        body = struct.pack(">HHI", 4, 4, len(code)) + code + struct.pack(">HH", 0, 1) + line_table
        attribute = struct.pack(">HI", self.utf8("Code"), len(body)) + body
        members = struct.pack(">HHHHH", 0, 1, 1, self.utf8(method), self.utf8("()V"))
        tail = struct.pack(">HHHH", 0x21, self.this, self.kind("java/lang/Object"), 0) + members
        head = struct.pack(">IHHH", 0xCAFEBABE, 0, 52, len(self.constants) + 1)
        return head + b"".join(self.constants) + tail + struct.pack(">H", 1) + attribute + struct.pack(">H", 0)


def _calling(what: tuple[str, str, str], *texts: str, owner: str = "org/example/Login") -> bytes:
    """A class that passes constants: ``ldc`` for each, then ``invokestatic``."""
    made = _Class(owner)
    code = b"".join(b"\x12" + bytes([made.string(text)]) for text in texts)
    return made.data(code + b"\xb8" + struct.pack(">H", made.method(*what)) + b"\x57\xb1")


def _uses(book: scripts.Book, data: bytes, path: str = "usr/share/java/x.class") -> tuple[CryptoUse, ...]:
    facts = scripts.facts(book, path, data)
    assert facts is not None
    assert facts.what == "java"
    return facts.uses


@pytest.mark.parametrize(
    ("data", "algorithm", "role"),
    [
        (_calling(_DIGEST, "MD5"), "md5", "hash"),
        (_calling(_DIGEST, "SHA-1"), "sha1", "hash"),
        (_calling(_CIPHER, "DES/ECB/PKCS5Padding"), "des", "cipher"),
        (_calling(_CIPHER, "PBEWithMD5AndDES"), "des", "cipher"),
        (_calling(_SIGNATURE, "MD5withRSA", "BC"), "md5", "sign"),
        (_calling(_UTIL, "text"), "md5", "hash"),
        # A factory of keys: what is done with them, a cipher says.
        (_calling(_FACTORY, "DESede"), "3des", "lookup"),
        (_calling(_FACTORY, "DES"), "des", "lookup"),
        (_calling(_FACTORY, "PBKDF2WithHmacSHA1"), "sha1", "kdf"),
    ],
)
def test_a_constant_that_is_passed_is_certain(book: scripts.Book, data: bytes, algorithm: str, role: str) -> None:
    (use,) = _uses(book, data)
    assert (use.algorithm, use.role, use.confidence) == (algorithm, role, Confidence.CERTAIN)
    assert (use.function, use.line) == ("org.example.Login.check", 7)


def test_what_is_only_named_is_no_use(book: scripts.Book) -> None:
    made = _Class()
    text = made.string("MD5")
    made.method(*_DIGEST)
    assert _uses(book, made.data(b"\x12" + bytes([text]) + b"\x57\xb1")) == ()


def test_a_name_that_comes_from_elsewhere_may_be_the_constant_of_the_class(book: scripts.Book) -> None:
    made = _Class()
    named, call = made.string("MD5"), made.method(*_DIGEST)
    code = b"\x12" + bytes([named]) + b"\x57\x2b\xb8" + struct.pack(">H", call) + b"\x57\xb1"  # aload_1: a parameter
    (use,) = _uses(book, made.data(code))
    assert (use.algorithm, use.confidence) == ("md5", Confidence.LIKELY)


def test_a_parameter_alone_says_nothing(book: scripts.Book) -> None:
    made = _Class()
    assert _uses(book, made.data(b"\x2b\xb8" + struct.pack(">H", made.method(*_DIGEST)) + b"\x57\xb1")) == ()


def test_a_variable_is_followed_and_two_ways_are_not(book: scripts.Book) -> None:
    made = _Class()
    one, call = made.string("MD5"), made.method(*_DIGEST)
    invoke = b"\xb8" + struct.pack(">H", call) + b"\x57\xb1"
    (use,) = _uses(book, made.data(b"\x12" + bytes([one]) + b"\x4c\x2b" + invoke))  # astore_1, aload_1
    assert use.confidence == Confidence.LIKELY
    made = _Class()
    one, two, call = made.string("MD5"), made.string("SHA-256"), made.method(*_DIGEST)
    invoke = b"\xb8" + struct.pack(">H", call) + b"\x57\xb1"
    # iload_1, ifeq +8, ldc, goto +5, ldc
    code = b"\x1b\x99\x00\x08\x12" + bytes([one]) + b"\xa7\x00\x05\x12" + bytes([two]) + invoke
    uses = _uses(book, made.data(code))
    assert {(use.algorithm, use.confidence.value) for use in uses} == {("md5", "possible"), ("sha256", "possible")}


def test_a_library_that_calls_itself_uses_nothing(book: scripts.Book) -> None:
    assert _uses(book, _calling(_UTIL, "x", owner="org/apache/commons/codec/Own")) == ()


def _jar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as jar:
        for name, data in members.items():
            jar.writestr(name, data)
    return out.getvalue()


def test_jars_and_jars_in_them_are_read(book: scripts.Book) -> None:
    inner = _jar({"b/B.class": _calling(_DIGEST, "SHA-1"), "deep.jar": _jar({"C.class": _calling(_DIGEST, "MD2")})})
    uses = _uses(book, _jar({"a/A.class": _calling(_DIGEST, "MD5"), "lib/in.jar": inner, "t.txt": b"MD5"}), "x.jar")
    assert [use.algorithm for use in uses] == ["md5", "sha1"]  # one level only


def test_bombs_and_damage_are_no_error(book: scripts.Book) -> None:
    whole = _jar({"a/A.class": _calling(_DIGEST, "MD5")})
    assert _uses(book, _jar({"bomb.class": _calling(_DIGEST, "MD5") + bytes(1 << 20)}), "x.jar") == ()
    chosen = random.Random(7)
    plain = _calling(_DIGEST, "MD5")
    for number in range(600):
        data = bytearray(whole if number % 2 else plain)
        for _ in range(chosen.randint(1, 5)):
            data[chosen.randrange(4, len(data))] = chosen.randrange(256)
        _uses(book, bytes(data[: chosen.randint(8, len(data))]), "x.jar" if number % 2 else "x.class")


@pytest.mark.full
def test_lines_are_those_that_javac_wrote(book: scripts.Book, tmp_path: Path) -> None:
    (tmp_path / "P.java").write_text(
        "import java.security.*;\npublic class P {\n  static final String A = \"MD5\";\n"
        "  Object a() throws Exception {\n    return MessageDigest.getInstance(A);\n  }\n"
        "  Object b(String n) throws Exception { return Signature.getInstance(\"SHA1withRSA\", n); }\n"
        "  String c() { return \"MD5 SHA-1\"; }\n}\n"
    )  # fmt: skip
    subprocess.run(["javac", "P.java"], cwd=tmp_path, check=True, capture_output=True)
    said = subprocess.run(["javap", "-v", "P"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    uses = _uses(book, (tmp_path / "P.class").read_bytes())
    assert [(use.algorithm, use.line, use.confidence.value) for use in uses] == [
        ("md5", 5, "certain"), ("sha1", 7, "certain")]  # fmt: skip
    assert all(f"line {use.line}: 0" in said for use in uses)
