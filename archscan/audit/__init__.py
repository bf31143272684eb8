"""What a reviewer must know of a package before it is let in: questions, answers with what they rest on, documents.

``subject`` says which packages, ``results`` asks the questions of ``reports/audit/items.toml`` and ``calls.toml``, and
``document`` words the answers as one of the forms that are written about a package; ``review`` leaves out what a stored
review has as it is. Nothing is called fine that was not
looked at: an answer is what was found, that nothing was found in so and so much, or that it cannot be decided here.
"""

from __future__ import annotations

from archscan.audit.answer import Answer, Document, Line, Result, Section, Table
from archscan.audit.data import TEMPLATES, Forms, load
from archscan.audit.document import document
from archscan.audit.results import results
from archscan.audit.review import Review, review, since
from archscan.audit.subject import Subject, chosen

__all__ = [
    "TEMPLATES",
    "Answer",
    "Document",
    "Forms",
    "Line",
    "Result",
    "Review",
    "Section",
    "Subject",
    "Table",
    "chosen",
    "document",
    "load",
    "results",
    "review",
    "since",
]
