"""Cryptography in Perl, PHP, Ruby and shell: calls are uses, what looks like one in a comment or string is none."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from archscan.errors import RuleError
from archscan.files import scripts
from archscan.model import CryptoUse

_RULES = Path(__file__).parents[2] / "rules"
_Expected = list[tuple[int, str, str]]


@pytest.fixture(scope="module")
def book() -> scripts.Book:
    found = scripts.load_book([_RULES])
    scripts.prepare(found)
    return found


def _uses(book: scripts.Book, path: str, text: str) -> tuple[CryptoUse, ...]:
    facts = scripts.facts(book, path, text.encode())
    assert facts is not None
    return facts.uses


_PERL = "use Digest::MD5 qw(md5_hex);\nuse Digest::SHA;\n"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("x.pl", _PERL + "md5_hex($x);", [(3, "md5", "hash")]),
        ("x.pl", _PERL + "my $d = md5_hex $x;", [(3, "md5", "hash")]),
        ("x.pl", _PERL + "Digest::MD5->new->add($x)->hexdigest;", [(3, "md5", "hash")]),
        ("x.pl", _PERL + "new Digest::MD5;", [(3, "md5", "hash")]),
        ("x.pl", "require Digest;\nDigest->new('MD5');", [(2, "md5", "hash")]),
        ("x.pl", _PERL + "Digest::SHA->new(1);", [(3, "sha1", "hash")]),
        ("x.pl", _PERL + "Digest::SHA->new(256);", [(3, "sha256", "hash")]),
        ("x.pl", _PERL + "my $n = 'sha1'; Digest::SHA->new($n);", [(3, "sha1", "hash")]),
        ("x.pl", "crypt($p, '$1$abc$');", [(1, "crypt-md5", "password")]),
        ("x.pl", "use Crypt::CBC;\nCrypt::CBC->new(-key => $k, -cipher => 'DES');", [(2, "des", "cipher")]),
        ("x.pl", _PERL + "{ s => md5_hex($x) }", [(3, "md5", "hash")]),
        ("x.pl", _PERL + "if (-s \"/x\") { }\nmd5_hex($x);", [(4, "md5", "hash")]),
        ("x.pl", _PERL + "# md5_hex(1)\nmy $x = 'md5_hex(1)'; my $y = q{md5_hex(1)}; my %h = (md5_hex => 1);", []),
        ("x.pl", _PERL + "$o->md5_hex(1); sub md5_hex2 { }", []),
        ("x.pl", _PERL + "=pod\n\nmd5_hex(1)\n\n=cut\n", []),
        ("x.pl", _PERL + "print <<\"E\";\nmd5_hex(1)\nE\n1;\n__END__\nmd5_hex(2)", []),
        ("x.pl", _PERL + "$x =~ s/md5_hex(1)/md5_hex(2)/; $x =~ m{md5_hex(3)}; $y = qw(md5_hex);", []),
        ("x.pl", "sub md5_hex { 1 }\nmd5_hex(1);\n# Digest::MD5", []),
        ("x.php", "<?php\nmd5($x);", [(2, "md5", "hash")]),
        ("x.php", "<?php\n\\MD5($x);", [(2, "md5", "hash")]),
        ("x.php", "<?php\nhash('md5', $x); hash($a, $x);\nhash('sha256', $x);",
         [(2, "md5", "hash"), (3, "sha256", "hash")]),
        ("x.php", "<?php\n$a = 'sha1';\nhash_hmac($a, $x, $k);", [(3, "sha1", "hmac")]),
        ("x.php", "<?php\nopenssl_sign($d, $s, $k);", [(2, "sha1", "sign")]),
        ("x.php", "<?php\nopenssl_sign($d, $s, $k, OPENSSL_ALGO_SHA256);", [(2, "sha256", "sign")]),
        ("x.php", "<?php\nopenssl_encrypt($d, 'des-ede3-cbc', $k);", [(2, "3des", "cipher")]),
        ("x.php", "<?php\nmcrypt_encrypt(MCRYPT_DES, $k, $d);", [(2, "des", "cipher")]),
        ("x.php", "md5(1)\n<?php /* md5(1) */ // md5(2)\n# md5(3)\n$x = 'md5(4)'; ?>\nmd5(5)", []),
        ("x.php", "<?php $o->md5(1); X::md5(1); function md5($x) {} new md5(); Foo\\md5(1);", []),
        ("x.php", "<?php $x = <<<E\nmd5(1)\nE;\n", []),
        ("x.rb", "require 'digest'\nDigest::MD5.hexdigest(x)", [(2, "md5", "hash")]),
        ("x.rb", "::Digest::SHA1.new", [(1, "sha1", "hash")]),
        ("x.rb", 'y = "a#{Digest::MD5.hexdigest(x)}"', [(1, "md5", "hash")]),
        ("x.rb", "OpenSSL::Digest.new('MD5')", [(1, "md5", "hash")]),
        ("x.rb", "OpenSSL::HMAC.digest(OpenSSL::Digest.new('sha1'), k, d)", [(1, "sha1", "hmac")]),
        ("x.rb", "OpenSSL::Cipher.new 'des-cbc'", [(1, "des", "cipher")]),
        ("x.rb", "# Digest::MD5.new\ny = 'Digest::MD5.new'\n=begin\nDigest::MD5.new\n=end\n", []),
        ("x.rb", "y = <<~E\n  Digest::MD5.new\nE\nMy::Digest::MD5.new\n__END__\nDigest::MD5.new", []),
        ("x.sh", "md5sum x", [(1, "md5", "hash")]),
        ("x.sh", "\nX=$(sha1sum \"$f\" | cut -c1)", [(2, "sha1", "hash")]),
        ("x.sh", "if [ \"`md5sum < $f`\" = \"$y\" ]; then :; fi", [(1, "md5", "hash")]),
        ("x.sh", "find . -exec md5sum {} \\;\nls | xargs -0 sha1sum", [(1, "md5", "hash"), (2, "sha1", "hash")]),
        ("x.sh", "openssl dgst -sha256 -md5 x", [(1, "md5", "hash"), (1, "sha256", "hash")]),
        ("x.sh", "openssl enc -des3 -md md5", [(1, "3des", "cipher"), (1, "md5", "kdf")]),
        ("x.sh", "openssl passwd -1 x\nopenssl passwd -6 x",
         [(1, "crypt-md5", "password"), (2, "crypt-sha512", "password")]),
        ("x.sh", "openssl req -new -sha1 -key k", [(1, "sha1", "sign")]),
        ("x.sh", "gpg --digest-algo SHA1 -s x", [(1, "sha1", "sign")]),
        ("x.sh", "mkpasswd -m md5 x", [(1, "crypt-md5", "password")]),
        ("x.sh", "\na=1 \\\n  md5sum x", [(2, "md5", "hash")]),
        ("x.sh", "# md5sum\necho md5sum; echo 'md5sum x' \"md5sum y\"; command -v md5sum; md5sum=1\n", []),
        ("x.sh", "cat <<E\nmd5sum x\nE\ncase $x in\nmd5sum) : ;;\nesac", []),
    ],
)  # fmt: skip
def test_uses(book: scripts.Book, path: str, text: str, expected: _Expected) -> None:
    assert [(one.line, one.algorithm, one.role) for one in _uses(book, path, text)] == expected


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("x.pl", _PERL + "sub check_password { my $c = Digest::MD5->new; $c->add($password); $h = $c->hexdigest; }"),
        ("x.php", "<?php function check_password($password) { $h = md5($password); }"),
        ("x.rb", "def check_password(password)\n  h = Digest::MD5.hexdigest(password)\nend"),
        ("x.sh", 'check_password() {\n  h=$(echo "$password" | md5sum)\n}'),
    ],
)
def test_what_surrounds_a_use(book: scripts.Book, path: str, text: str) -> None:
    (use,) = _uses(book, path, text)
    assert use.function == "check_password"
    told = json.loads(use.context_evidence or "")
    assert {"in check_password", "of password", "as h"} <= set(told["texts"][: told["near"]])


@pytest.mark.parametrize(
    ("path", "head", "program", "language"),
    [
        ("usr/bin/x", b"#!/usr/bin/env -S python3 -u\n", "python3", "python"),
        ("usr/bin/x", b"#! /usr/bin/perl -w\n", "perl", "perl"),
        ("usr/bin/x", b"#!/usr/bin/env A=1 ruby3.1\n", "ruby3.1", "ruby"),
        ("usr/bin/x", b"#!/bin/dash\n", "dash", "shell"),
        ("usr/bin/x", b"#!/usr/bin/php8.2\n", "php8.2", "php"),
        ("usr/bin/x", b"#!/usr/bin/awk -f\n", "awk", None),
        ("usr/bin/x", b"#!\n", None, None),
        ("usr/lib/x.py", b"import os\n", None, "python"),
        ("usr/lib/.py", b"", None, None),
        ("usr/share/x.inc", b"<?php\n", None, "php"),
    ],
)
def test_interpreter_and_language(path: str, head: bytes, program: str | None, language: str | None) -> None:
    assert scripts.interpreter(head) == program
    assert scripts.language(path, head) == language


@pytest.mark.parametrize("path", ["x.pl", "x.php", "x.rb", "x.sh"])
@pytest.mark.parametrize(
    "part", ["(", "{", '"', "'", "`", "$(", "<<A\n", "/[", "q(", '"#{', "md5(", "\\", "\0", "=pod\n\n"]
)
def test_hostile_text_is_no_error(book: scripts.Book, path: str, part: str) -> None:
    begin = "<?php md5(1); Digest::MD5 md5sum x\n"
    started = time.process_time()
    _uses(book, path, begin + part * (10_000 // len(part)))
    assert time.process_time() - started < 10


_BAD = {
    "language = 'perl'\nwords = 'MD5'": "language: expected the name of the file",
    "language = 'ruby'\nwords = ''": "words: expected words",
    "language = 'ruby'\nwords = 'MD5'\nother = 1": "other",
    "language = 'ruby'\nwords = 'MD5'\n[[direct]]\nalgorithm = 'md6'\nrole = 'hash'\nnames = 'MD5'": "got 'md6'",
    "language = 'ruby'\nwords = 'MD5'\n[[direct]]\nalgorithm = 'md5'\nrole = 'hush'\nnames = 'MD5'": "role: exp",
    "language = 'ruby'\nwords = 'MD5'\n[[direct]]\nalgorithm = 'md5'\nrole = 'hash'\nnames = 'SHA'": "words in 'SHA'",
    "language = 'ruby'\nwords = 'MD5'\n[[chosen]]\nrole = 'hash'\nselector = 'x'\nargument = 0\nnames = 'MD5'": "sele",
    "language = 'ruby'\nwords = 'MD5'\n[[chosen]]\nrole = 'hash'\nselector = 'x'\nnames = 'MD5'": "expected argument",
    "language": "expected TOML",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), _BAD.items())
def test_what_is_wrong_in_the_data_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "algorithms.toml").write_text("[[algorithm]]\nname = 'md5'\nfamily = 'md5'\nstrength = 'weak'\n")
    path = tmp_path / "scripts" / "ruby.toml"
    path.write_text(text)
    with pytest.raises(RuleError) as error:
        scripts.load_book([tmp_path])
    assert str(path) in str(error.value)
    assert said in str(error.value)


def test_a_directory_of_ones_own_adds_names(tmp_path: Path, book: scripts.Book) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "ruby.toml").write_text(
        "language = 'ruby'\nwords = 'Own'\n[[direct]]\nalgorithm = 'md5'\nrole = 'hash'\nnames = 'Own::Sum'\n"
    )
    more = scripts.load_book([_RULES, tmp_path])
    assert more.digest != book.digest
    assert [one.algorithm for one in _uses(more, "x.rb", "Own::Sum.new\nDigest::SHA1.new")] == ["md5", "sha1"]
