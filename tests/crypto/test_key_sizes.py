"""The sizes of keys that calls give, in shared libraries that gcc makes of a few lines."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from archscan.crypto.catalogue import load, show
from archscan.elf import Place
from archscan.scan.objects import object_facts
from corpus.catalogue import stubs_of
from corpus.stubs import build
from corpus.target import target

RULES = Path(__file__).parents[2] / "rules"
BOOK = load(RULES)
DECLARED = """
int RSA_generate_key_ex(void *, int, void *, void *), DH_generate_parameters_ex(void *, int, int, void *);
int gnutls_privkey_generate(void *, int, unsigned, unsigned);
int nettle_rsa_generate_keypair(void *, void *, void *, void *, void *, void *, unsigned, unsigned);
"""
COMPILERS = ["gcc", *(pytest.param(name, marks=pytest.mark.full) for name in
                      ("aarch64-linux-gnu-gcc", "i686-linux-gnu-gcc", "s390x-linux-gnu-gcc"))]  # fmt: skip


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_size_of_a_key_is_told_where_the_call_gives_it(tmp_path: Path, compiler: str) -> None:
    chosen, stubs = target(compiler), stubs_of(RULES)
    needed = [str(build(stubs[name], chosen, tmp_path)) for name in ("openssl-crypto", "gnutls", "hogweed")]
    calls = {
        "RSA_generate_key_ex(p, 1024, p, p)": ("rsa", "1024 bits"),
        "DH_generate_parameters_ex(p, n > 1 ? 512 : 2048, 2, p)": ("dh", "512 or 2048 bits"),
        "gnutls_privkey_generate(p, 1, 3072, 0)": ("rsa", "GNUTLS_PK_RSA, 3072 bits"),
        "nettle_rsa_generate_keypair(p, p, p, p, p, p, 4096, 0)": ("rsa", "4096 bits"),
        # The number of a curve is no size, and what the caller passes is not known.
        "gnutls_privkey_generate(p, 4, 0x80000002, 0)": ("ecdsa", "GNUTLS_PK_EC"),
        "RSA_generate_key_ex(p, n, p, p)": ("rsa", None),
    }
    for code, (algorithm, said) in calls.items():
        (source := tmp_path / "x.c").write_text(DECLARED + f"int f(void *p, int n) {{ return {code} + 1; }}")
        command = [compiler, "-w", "-O2", "-shared", "-fPIC", "-o", str(tmp_path / "x"), str(source), *needed]
        subprocess.run(command, check=True, capture_output=True)
        data = (tmp_path / "x").read_bytes()
        (call,) = object_facts(data, Place("x", "x", "x", chosen.architecture), BOOK).calls
        (use,) = call.uses
        assert (use.argument, call.value) == (said, said), code
        assert use.algorithm == algorithm, code


def test_the_catalogue_shows_which_argument_it_is() -> None:
    assert {line["size"] for line in show(BOOK, "RSA_generate_key_ex") if line["library"] == "openssl-crypto"} == {
        "argument 1"
    }
    assert {line["size"] for line in show(BOOK, "EVP_md5")} == {None}
