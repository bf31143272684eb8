"""Files of a package that are no ELF objects: configuration, services and scripts in, facts out."""

from __future__ import annotations
