"""Capabilities as setcap(8) stores them and getcap(8) shows them."""

from __future__ import annotations

import struct

import pytest

from archscan.deb.capabilities import capability_text
from corpus.capabilities import encoded


@pytest.mark.parametrize(
    "text",
    ["cap_net_raw=ep", "cap_net_admin,cap_net_raw=eip", "cap_sys_nice=p", "cap_setuid=i", "cap_net_raw,cap_perfmon=ep"]
)  # fmt: skip
def test_what_is_stored_is_shown(text: str) -> None:
    assert capability_text(encoded(text)) == text


def test_the_first_revision_has_one_word_and_the_third_an_owner() -> None:
    assert capability_text(struct.pack("<3I", 0x01000001, 1 << 13, 0)) == "cap_net_raw=ep"
    assert capability_text(struct.pack("<6I", 0x03000000, 1 << 13, 0, 0, 0, 1000)) == "cap_net_raw=p"


def test_bits_without_a_name_keep_their_number() -> None:
    assert capability_text(struct.pack("<5I", 0x02000000, 0, 0, 1 << 31, 0)) == "63=p"


@pytest.mark.parametrize("attribute", [b"", b"x", bytes(13), bytes(400)])
def test_what_is_no_attribute_is_invalid(attribute: bytes) -> None:
    assert capability_text(attribute) == "invalid"
