"""Uses of cryptography, and the calls that they are."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from archscan.model.text import Size, Text
from archscan.model.words import Confidence, Outcome, Strength


class CryptoUse(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a cryptographic algorithm by an ELF object, a script or a configuration file."""

    algorithm: Text
    strength: Strength
    role: Text
    direction: Text | None = None
    library: Text | None = None
    symbol: Text | None = None
    evidence: Text
    confidence: Confidence
    function: Text | None = None
    address: Text | None = None  # of the code or data, in an ELF object
    line: Size | None = None  # in a script or configuration file, from 1
    argument: Text | None = None
    context_evidence: Text | None = None


class CallSite(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a catalogued function: what the selecting argument is, and the algorithms that it selects."""

    address: Text
    function: Text | None
    library: Text
    symbol: Text
    outcome: Outcome
    value: Text | None
    reason: Text | None
    uses: Annotated[tuple[CryptoUse, ...], Meta(max_length=1024)] = ()
