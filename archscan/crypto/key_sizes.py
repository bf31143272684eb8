"""The size of a key as the call says it that makes one: `RSA_generate_key_ex(rsa, 1024, e, NULL)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archscan.elf.values.domain import Number

if TYPE_CHECKING:
    from archscan.crypto.book import Book
    from archscan.crypto.catalogue import Use
    from archscan.elf.call_sites import Site

_MOST_BITS = 1 << 16  # of a key; what GnuTLS calls bits may be the number of a curve, with the highest bit set
_MOST_SIZES = 4


def key_size(book: Book, site: Site, use: Use) -> str | None:
    """The sizes that a call may give a key, such as `2048 bits`; None where it gives none, or not all are known."""
    given = site.arguments
    if use.size is None or given is None or use.size >= len(given):
        return None
    found = book.sites.followed(site, given[use.size])
    sizes = {one.value for one in found if isinstance(one, Number) and 0 < one.value <= _MOST_BITS}
    if not sizes or len(sizes) < len(found) or len(sizes) > _MOST_SIZES:
        return None
    return " or ".join(map(str, sorted(sizes))) + " bits"
