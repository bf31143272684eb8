"""What judges: rules as SQL, loaded from files, checked, and applied to the facts.

``load`` reads the rule book, ``check`` proves it against the schema, ``apply`` turns it into findings,
``sandbox`` keeps other people's SQL to reading, and to its time.
"""

from archscan.rules.apply import Applied, apply
from archscan.rules.check import check, lint
from archscan.rules.load import Rule, RuleBook, load
from archscan.rules.sandbox import guarded

__all__ = ["Applied", "Rule", "RuleBook", "apply", "check", "guarded", "lint", "load"]
