"""Path keys: the same for the next upload, never for another thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.deb.path_key import path_key


@pytest.mark.parametrize(
    ("path", "version", "expected"),
    [
        ("usr/lib/x86_64-linux-gnu/libfoo.so.1.2", "", "usr/lib/*/libfoo.so"),
        ("usr/lib/debug/lib/libc.so.6.debug", "", "usr/lib/debug/lib/libc.so.debug"),
        ("lib/modules/6.1.0-18-amd64/kernel/fs/ext4.ko", "6.1.76-1", "lib/modules/*/kernel/fs/ext4.ko"),
        ("boot/vmlinux-6.1.0-18-amd64", "6.1.76-1", "boot/vmlinux-*-amd64"),
        ("usr/lib/llvm-14/bin/opt", "1:14.0.6-12", "usr/lib/llvm-*/bin/opt"),
        ("usr/lib/aarch64-linux-gnu/libLLVM-14.so.1", "1:14.0.6-12", "usr/lib/*/libLLVM-*.so"),
        ("usr/lib/postgresql/15/bin/postgres", "15.5-0", "usr/lib/postgresql/*/bin/postgres"),
        ("usr/lib/php/20220829/x.so", "", "usr/lib/php/*/x.so"),
        ("usr/lib/x/_y.cpython-311-x86_64-linux-gnu.so", "1", "usr/lib/x/_y.cpython-*.so"),
        ("usr/lib/python3.11/lib-dynload/z.so", "", "usr/lib/python*/lib-dynload/z.so"),
        ("usr/lib/libHSa-b-0.5-2O5wnPn4jTrG0OqKLVtBOZ-ghc9.0.2.so", "0.5-1", "usr/lib/libHSa-b.so"),
        ("usr/lib/libstd-0a1b2c3d4e5f6071.so", "1.63", "usr/lib/libstd-*.so"),
        ("usr/lib/debug/.build-id/3f/00ab.debug", "", "usr/lib/debug/.build-id/*/*.debug"),
        ("usr/lib/i386-linux-gnu/liba.a(b.o)", "1.0", "usr/lib/*/liba.a(b.o)"),
        ("usr/bin/arm-linux-gnueabihf-gcc-12", "12.2.0-14", "usr/bin/*-gcc-*"),
        ("usr/bin/mp3gain", "3.1", "usr/bin/mp3gain"),
        ("opt/alarm-gnu/x", "", "opt/alarm-gnu/x"),
    ],
)
def test_keys_of_known_paths(path: str, version: str, expected: str) -> None:
    assert path_key(path, version) == expected


@pytest.mark.parametrize(
    ("one", "other", "version"),
    [
        ("usr/lib/x/gtk-3.0/3.0.0/im.so", "usr/lib/x/gtk-4.0/4.0.0/im.so", "1.5.27-5"),
        ("usr/lib/libwebkit2gtk-4.0.so.37", "usr/lib/libwebkit2gtk-4.1.so.0", "2.40.5-1"),
        ("usr/lib/libbfd-2.40-system.so", "usr/lib/libbfd-2.40-multiarch.so", "2.40-2"),
        ("usr/lib/app/32/x", "usr/lib/app/64/x", "1"),
        ("usr/lib/glibc-hwcaps/x86-64-v2/l.so", "usr/lib/glibc-hwcaps/x86-64-v3/l.so", "2.36-9"),
        ("usr/lib/qt5/p.so", "usr/lib/qt6/p.so", "1.0"),
        ("usr/lib/l.a(one.o)", "usr/lib/l.a(two.o)", "1.0"),
        ("usr/share/2dmodels/x", "usr/share/3dmodels/x", ""),
    ],
)
def test_what_differs_stays_apart(one: str, other: str, version: str) -> None:
    assert path_key(one, version) != path_key(other, version)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("usr/lib/libx.so.1", "1.0-1"), ("usr/lib/libx.so.2", "2.0-1")),
        (("usr/lib/libdb-5.3.so", "5.3.28-1"), ("usr/lib/libdb-5.4.so", "5.4.0-1")),
        (("usr/lib/x86_64-linux-gnu/perl5/5.36/a.so", "1"), ("usr/lib/x86_64-linux-gnu/perl5/5.38/a.so", "2")),
        (("usr/lib/gcc/x86_64-linux-gnu/12/cc1", "12.2.0-14"), ("usr/lib/gcc/aarch64-linux-gnu/16/cc1", "16.1.0-1")),
    ],
)
def test_an_upload_keeps_its_keys(before: tuple[str, str], after: tuple[str, str]) -> None:
    assert path_key(*before) == path_key(*after)


PIECES = st.sampled_from(
    ["usr", "lib", "/", "/", "x86_64-linux-gnu", "arm-linux-gnueabihf", ".so", ".1", "2.0", "-", "_", "12", "64",
     "python3.11", "libHS", "cpython-311", "(", ")", ".debug", ".build-id/", "ab", "*", "v3", "é", "\\xff",
     "ghc-9.0", "."]
)  # fmt: skip


@given(pieces=st.lists(PIECES, max_size=12), version=st.sampled_from(["", "12.2.0-14", "2:2.0~rc1-1", "64", "1", "x"]))
def test_a_key_is_its_own_key(pieces: list[str], version: str) -> None:
    key = path_key("".join(pieces), version)
    assert path_key(key, version) == key


@given(path=st.text(max_size=60), version=st.text(max_size=20))
def test_any_text_has_a_key(path: str, version: str) -> None:
    assert path_key(path, version).count("/") == path.count("/")
