"""Of which version this installation is: what two machines must have alike that work on one database."""

from __future__ import annotations

from archscan import __version__


def installed() -> dict[str, str]:
    """The versions of the code, of the facts that it finds, and of the catalogue that is installed with it."""
    from archscan.cli.data import rule_directories
    from archscan.crypto.catalogue import load_all
    from archscan.scan import EXTRACTOR

    catalogue = load_all(rule_directories(())).digest[:12]
    return {"archscan": __version__, "extractor": EXTRACTOR, "catalogue": catalogue}
