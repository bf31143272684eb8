"""The key of a version sorts as python-debian and dpkg compare."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from debian.debian_support import Version
from hypothesis import given
from hypothesis import strategies as st

from archscan.model.version import version_key

UPSTREAM = st.from_regex(r"\A[0-9][0-9a-zA-Z.+~]{0,12}\Z")
WITH_DASHES = st.from_regex(r"\A[0-9][0-9a-zA-Z.+~-]{0,8}\Z")
REVISION = st.from_regex(r"\A[0-9a-zA-Z.+~]{1,8}\Z")
EPOCH = st.sampled_from(["", "0:", "1:", "01:", "10:", "9:"])
VERSIONS = st.one_of(
    st.builds(lambda epoch, upstream: epoch + upstream, EPOCH, UPSTREAM),
    st.builds(lambda epoch, upstream, revision: f"{epoch}{upstream}-{revision}", EPOCH, WITH_DASHES, REVISION),
)
# Rows of dpkg's order, and forms that archives are full of.
KNOWN = """1.0~~ 1.0~~a 1.0~ 1.0~rc1 1.0 1.0a 1.0+b1 1.0-0.1 1.0-1~bpo12+1 1.0-1 1.0-1+b1 1.0-1+deb12u1 1.0-1ubuntu1
    1.0.1 1.1 1.9 1.10 1.100 2023.10.10 20230101 1:0.1 2:0""".split()


def sign(difference: int) -> int:
    return (difference > 0) - (difference < 0)


def order(one: str, other: str) -> int:
    return (version_key(one) > version_key(other)) - (version_key(one) < version_key(other))


@given(one=VERSIONS, other=VERSIONS)
def test_keys_sort_as_python_debian_compares(one: str, other: str) -> None:
    assert order(one, other) == sign(Version(one)._compare(Version(other)))


@given(version=VERSIONS, tail=st.sampled_from(["~", "+", "0", "a", ".0", "~~", "-1", "-0", "a0"]))
def test_near_neighbours_sort_as_python_debian_compares(version: str, tail: str) -> None:
    assert order(version, version + tail) == sign(Version(version)._compare(Version(version + tail)))


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="no dpkg")
def test_keys_sort_as_dpkg_compares() -> None:
    for position, one in enumerate(KNOWN):
        for other in KNOWN[position:]:
            relation = {-1: "lt", 0: "eq", 1: "gt"}[order(one, other)]
            assert subprocess.run(["dpkg", "--compare-versions", one, relation, other], check=False).returncode == 0


@given(text=st.text(max_size=30))
def test_any_text_has_a_key(text: str) -> None:
    version_key(text).encode("utf-8", "surrogatepass")
