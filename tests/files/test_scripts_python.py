"""Cryptography in Python: what is a use, what is none, and lines held against what really ran."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from archscan.files import scripts
from archscan.model import Confidence, CryptoUse, Strength

_RULES = Path(__file__).parents[2] / "rules"


@pytest.fixture(scope="module")
def book() -> scripts.Book:
    found = scripts.load_book([_RULES])
    scripts.prepare(found)
    return found


def _uses(book: scripts.Book, text: str, path: str = "usr/bin/x.py") -> tuple[CryptoUse, ...]:
    facts = scripts.facts(book, path, textwrap.dedent(text).encode())
    assert facts is not None
    assert facts.what == "python"
    return facts.uses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import hashlib\nhashlib.md5(b'')", ("md5", "hash", "hashlib.md5")),
        ("import hashlib as h\nh.sha1()", ("sha1", "hash", "hashlib.sha1")),
        ("from hashlib import md5 as m\nm()", ("md5", "hash", "hashlib.md5")),
        ("from hashlib import *\nmd5()", ("md5", "hash", "hashlib.md5")),
        ("import hashlib\nhashlib.new('MD5')", ("md5", "hash", "hashlib.new")),
        ("import hashlib\nhashlib.new(name='sha1')", ("sha1", "hash", "hashlib.new")),
        ("import hashlib\nA = 'md5'\ndef f():\n    hashlib.new(A)", ("md5", "hash", "hashlib.new")),
        ("import hashlib\ngetattr(hashlib, 'md5')()", ("md5", "hash", "hashlib.md5")),
        ("__import__('hashlib').md5()", ("md5", "hash", "hashlib.md5")),
        ("import hmac, hashlib\nhmac.new(k, m, hashlib.sha1)", ("sha1", "hmac", "hmac.new")),
        ("import hmac\nhmac.new(k, m, digestmod='md5')", ("md5", "hmac", "hmac.new")),
        ("import hmac\nhmac.new(k, m)", ("md5", "hmac", "hmac.new")),
        ("import hashlib\nhashlib.pbkdf2_hmac('sha1', p, s, 1)", ("sha1", "kdf", "hashlib.pbkdf2_hmac")),
        ("from Crypto.Cipher import DES\nDES.new(k)", ("des", "cipher", "Crypto.Cipher.DES")),
        ("from Cryptodome.Cipher import ARC4 as R\nR.new(k)", ("rc4", "cipher", "Cryptodome.Cipher.ARC4")),
        ("from Crypto.Hash import HMAC, MD5\nHMAC.new(k, m, MD5)", ("md5", "hmac", "Crypto.Hash.HMAC.new")),
        ("import ssl\nssl.SSLContext(ssl.PROTOCOL_TLSv1)", ("tls1.0", "tls", "ssl.PROTOCOL_TLSv1")),
        ("import ssl\nc.minimum_version = ssl.TLSVersion.TLSv1", ("tls1.0", "tls", "ssl.TLSVersion.TLSv1")),
        ("import crypt\ncrypt.crypt(p, '$1$abc$')", ("crypt-md5", "password", "crypt.crypt")),
        ("from passlib.hash import md5_crypt\nmd5_crypt.hash(p)", ("crypt-md5", "password", "passlib.hash.md5_crypt")),
        ("import uuid\nuuid.uuid3(n, 'x')", ("md5", "lookup", "uuid.uuid3")),
        ("from OpenSSL import crypto\ncert.sign(key, 'md5')", ("md5", "sign", ".sign")),
        ("from cryptography.hazmat.primitives import hashes\nb.sign(k, hashes.SHA1())", ("sha1", "sign", ".sign")),
        ("try:\n import hashlib\n m = hashlib.md5\nexcept ImportError:\n import md5\n m = md5.new\nm(x)",
         ("md5", "hash", "hashlib.md5")),
        ("print 'x'\nimport md5\nmd5.new(x)", ("md5", "hash", "md5.new")),
        ("from hashlib import sha1\nprint sha1(x)", ("sha1", "hash", "hashlib.sha1")),
    ],
)  # fmt: skip
def test_a_use(book: scripts.Book, text: str, expected: tuple[str, str, str]) -> None:
    uses = _uses(book, text)
    assert [(one.algorithm, one.role, one.symbol) for one in uses] == [expected]
    assert all(one.strength == Strength.WEAK and one.evidence == "script" for one in uses)


@pytest.mark.parametrize(
    "text",
    [
        '"""hashlib.md5(x)"""\nimport hashlib',
        "import hashlib\n# hashlib.md5(x)",
        "import hashlib\nx = 'hashlib.md5(x)'",
        "import hashlib\ndef md5(x): pass\nmd5(1)",
        "import hashlib\nself.md5(1)\nother.hashlib.md5(1)",
        "import hashlib\ndef f(md5): md5()",
        "from hashlib import md5\ndef f(md5): return md5()",
        "import hashlib\ndef f(name): return hashlib.new(name)",
        "import hashlib\nx = 'md5'\nx = 'sha256'\nhashlib.new(x)",
        "import hashlib\nhashlib.md5.digest_size",
        "from .hashlib import md5\nmd5()",
        "import hashlib\nprint 'hashlib.md5(x)'\n# hashlib.md5(x)",
        "from cryptography.hazmat.primitives import hashes\nisinstance(x, hashes.MD5)",
        "key.sign(data, 'md5')\nimport hashlib",
        "import hmac\nhmac.new(*a)\nhmac.new(k, m, **k)",
        "import ssl\nc.options |= ssl.OP_NO_TLSv1",
    ],
)
def test_no_use(book: scripts.Book, text: str) -> None:
    assert _uses(book, text) == ()


def test_sound_algorithms_are_uses_as_well(book: scripts.Book) -> None:
    (use,) = _uses(book, "import hashlib\nhashlib.sha256()")
    assert (use.algorithm, use.strength) == ("sha256", Strength.OK)


def test_what_surrounds_a_use(book: scripts.Book) -> None:
    text = """
        import hashlib
        class Accounts:
            def check_password(self, user, password):
                digest = hashlib.md5(usedforsecurity=False)
                digest.update(password.encode())
                stored = digest.hexdigest()
                return self.same(stored)
        """
    (use,) = _uses(book, text)
    assert (use.function, use.line) == ("Accounts.check_password", 5)
    told = json.loads(use.context_evidence or "")
    near = told["texts"][: told["near"]]
    assert {"in check_password", "usedforsecurity=False", "of password", "as stored"} <= set(near)
    assert "hexdigest" in told["calls"]


def test_where_python_2_is_read_by_tokens_it_is_only_likely(book: scripts.Book) -> None:
    (use,) = _uses(book, "import md5\nprint md5.new(x)")
    assert (use.confidence, use.line) == (Confidence.LIKELY, 2)


def test_algorithms_side_by_side_are_counted(book: scripts.Book) -> None:
    uses = _uses(book, "import hashlib\nT = {'a': hashlib.md5, 'b': hashlib.sha1, 'c': hashlib.sha256}")
    assert [one.role for one in uses] == ["lookup"] * 3
    assert all(json.loads(one.context_evidence or "")["alternatives"] == 3 for one in uses)


_SNIPPET = """\
import hashlib
from hashlib import sha1 as s
import hmac
def md5(x):
    return x
md5(b'1')
hashlib.md5(b'2')
x = 'hashlib.md5(3)'
for _ in range(2):
    s(
        b'4')
name = 'md5'
hashlib.new(name, b'5')
hmac.new(b'k', b'6', hashlib.md5)
class A:
    def sha1(self):
        return hashlib.sha1(b'7')
A().sha1()
"""
_RECORDER = """\
import hashlib, hmac, sys
seen = set()
def recorded(module, name, plain, algorithm):
    def call(*given, **named):
        frame = sys._getframe(1)
        if frame.f_code.co_filename == sys.argv[1]:
            seen.add((frame.f_lineno, algorithm or (given[-1] if isinstance(given[-1], str) else given[0])))
        return plain(*given, **named)
    return call
plain_md5, plain_new, plain_hmac = hashlib.md5, hashlib.new, hmac.new
hashlib.sha1 = recorded(hashlib, 'sha1', hashlib.sha1, 'sha1')
hashlib.new = recorded(hashlib, 'new', plain_new, None)
hashlib.md5 = recorded(hashlib, 'md5', plain_md5, 'md5')
hmac.new = lambda *given: (seen.add((sys._getframe(1).f_lineno, 'md5')), plain_hmac(given[0], given[1], plain_md5))[1]
exec(compile(open(sys.argv[1]).read(), sys.argv[1], 'exec'), {})
print(sorted(seen))
"""


def test_lines_are_those_that_really_ran(book: scripts.Book, tmp_path: Path) -> None:
    script = tmp_path / "x.py"
    script.write_text(_SNIPPET)
    ran = subprocess.run([sys.executable, "-c", _RECORDER, str(script)], capture_output=True, text=True, check=True)
    ours = sorted({(one.line, one.algorithm) for one in _uses(book, _SNIPPET)})
    assert str(ours) == ran.stdout.strip()


@pytest.mark.parametrize(
    "text",
    ["(" * 20_000, "-" * 20_000, "a." * 20_000 + "b", "1+" * 20_000 + "1", "not " * 10_000, "f(" * 10_000,
     "[" * 199 + "]" * 199, "lambda:" * 5_000, "x = 0x" + "f" * 9_000, "\0", "'" * 9_999,
     "# -*- coding: nonsense -*-\n"],
)  # fmt: skip
def test_hostile_text_is_no_error(book: scripts.Book, text: str) -> None:
    _uses(book, "import hashlib\n" + text)
    _uses(book, "# hashlib\n" + text + "\nimport hashlib\n")


TABLE = """
import ssl
import OpenSSL.SSL
known = {ssl.PROTOCOL_TLSv1: OpenSSL.SSL.TLSv1_METHOD}
if hasattr(ssl, "PROTOCOL_SSLv3"):
    known[ssl.PROTOCOL_SSLv3] = OpenSSL.SSL.SSLv3_METHOD
chosen = ssl.PROTOCOL_TLSv1_1
"""


def test_what_a_table_is_looked_up_by_is_no_use_and_its_entries_are_several(book: scripts.Book) -> None:
    facts = scripts.facts(book, "x.py", TABLE.encode())
    assert facts is not None
    found = [(one.line, one.symbol, '"alternatives": 3' in (one.context_evidence or "")) for one in facts.uses]
    assert found == [(4, "OpenSSL.SSL.TLSv1_METHOD", True), (6, "OpenSSL.SSL.SSLv3_METHOD", True),
                     (7, "ssl.PROTOCOL_TLSv1_1", False)]  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "is_thrown_away"),
    [
        ("crypt.crypt(b'x', 'xx')", True),
        ("hashlib.new('md4')", True),
        ("hashlib.md5(x).hexdigest()", True),
        ("y = hashlib.md5(x)", False),
        ("return hashlib.md5(x)", False),
        ("other.update(hashlib.md5(x).digest())", False),
        ("print(hashlib.md5(x).hexdigest())", False),
        ("keep(key=hashlib.md5(x))", False),
        ("hashlib.md5(x) == y or fail()", False),
    ],
)
def test_what_is_thrown_away_is_said(book: scripts.Book, statement: str, is_thrown_away: bool) -> None:
    uses = _uses(book, f"import crypt, hashlib\ndef f(x, y):\n    {statement}\n")
    assert len(uses) == 1
    assert ("as _" in json.loads(uses[0].context_evidence or "{}").get("texts", [])) == is_thrown_away
