"""What of packages was not unpacked, as SQL."""

from __future__ import annotations

UNREAD = """
-- Why the package, where it is 'skipped', or else its rest was not unpacked: a code of docs/reasons.md. NULL: all was.
ALTER TABLE package ADD COLUMN unread TEXT;
"""
