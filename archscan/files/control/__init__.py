"""The control archive: maintainer scripts and questions."""
