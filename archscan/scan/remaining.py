"""What of a package is still to come that can matter, by its own list of files."""

from __future__ import annotations

from archscan.deb.listing import Listing
from archscan.deb.members import Member
from archscan.model import File, FileKind, Message

_FILES = ("regular", "hardlink", "sparse", "other")  # what a list has; folders and symbolic links stand in none


class Remaining:
    """The candidates of a package that were not met yet, as long as its list can be relied on.

    A file that it does not list shows that it cannot. And where an ELF object or a privilege was met, everything that
    follows matters: symbolic links to the object, which dpkg-deb puts at the end, and what the maintainer says of it.
    """

    def __init__(self, listing: Listing | None, *, whole: bool = False) -> None:
        """``whole``: where anything of the package matters, everything does."""
        self._listing = None if listing and listing.candidates and whole else listing
        self._left = set(self._listing.candidates) if self._listing else set()

    def none(self) -> bool:
        """Whether nothing of what is still to come can matter."""
        return self._listing is not None and not self._left

    def met(self, member: Member) -> None:
        """Take note of a member that was looked at."""
        if self._listing is None:
            return
        self._left.discard(member.name)
        if member.type in _FILES and member.name not in self._listing.names:
            self._listing = None

    def said(self, message: Message) -> None:
        """Take note of what was said of a member."""
        if not isinstance(message, File) or (message.kind == FileKind.ARCHIVE and not message.privilege):
            return
        self._listing = None
