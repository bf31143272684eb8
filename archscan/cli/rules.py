"""``archscan rules``: the rule book."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archscan.cli import options, reviewed

if TYPE_CHECKING:
    from archscan.rules.load import RuleBook


@click.group(
    epilog="\b\nExamples:\n  archscan rules list\n  archscan rules check --rules ./mine\n  archscan rules apply"
)
def rules() -> None:
    """List, show, check and apply the rules."""


def _book(own: tuple[Path, ...]) -> RuleBook:
    from archscan.cli.data import rule_directories
    from archscan.rules.load import load

    return load(rule_directories(own))


@rules.command("list")
@options.rules
def list_rules(own_rules: tuple[Path, ...]) -> None:
    """List the rules with their severity and confidence."""
    from archscan.cli.table import printed

    printed(
        [
            {"rule": rule.id, "severity": str(rule.severity), "confidence": str(rule.confidence), "title": rule.title}
            for rule in _book(own_rules).rules
        ]
    )


@rules.command()
@click.argument("rule_id", metavar="RULE")
@options.rules
def show(rule_id: str, own_rules: tuple[Path, ...]) -> None:
    """Show one rule: what it claims, why it matters, how to mend it, and its query."""
    from archscan.errors import NoTargetError

    rule = next((rule for rule in _book(own_rules).rules if rule.id == rule_id), None)
    if rule is None:
        raise NoTargetError(f"there is no rule {rule_id}; `archscan rules list` names them")
    click.echo(f"{rule.id}: {rule.title}")
    click.echo(f"{rule.category}, severity {rule.severity}, confidence {rule.confidence}, scope {rule.scope}")
    if rule.supersedes:
        click.echo(f"supersedes {', '.join(rule.supersedes)}")
    if rule.lintian:
        click.echo(f"overridden with lintian's {', '.join(dict.fromkeys(hint.tag for hint in rule.lintian))}")
    fixes = ((f"Fix ({where})", text) for where, text in rule.fix_for.items())
    for heading, text in (("Why", rule.why), ("Fix", rule.fix), *fixes, ("Query", rule.query)):
        click.echo(f"\n{heading}\n{text.strip()}")
    click.echo("\nReferences\n" + "\n".join(rule.references))


@rules.command()
@options.rules
def check(own_rules: tuple[Path, ...]) -> None:
    """Check that every rule is well formed and its query runs."""
    from archscan.errors import RuleError
    from archscan.rules.check import check as checked
    from archscan.rules.check import lint

    book = _book(own_rules)
    checked(book)
    complaints = lint(book)
    if complaints:
        raise RuleError("; ".join(complaints))
    click.echo(f"{len(book.rules)} rules are well formed")


@rules.command()
@options.database
@options.rules
@options.release
@reviewed.rules
def apply(db: Path, own_rules: tuple[Path, ...], release: str | None) -> None:
    """Judge every package of the database again, without opening one.

    With --release, every package of that distribution is from then on taken for one of that release.
    """
    from archscan.rules.apply import apply as applied
    from archscan.rules.check import check as checked
    from archscan.rules.releases import named
    from archscan.scan import judgement

    book = _book(own_rules)
    checked(book)
    given = named(book.distributions, release) if release else None
    with judgement(db, book, "archscan rules apply") as (connection, scan_id):
        result = applied(connection, book, scan_id, changed_only=False, release=given)
    click.echo(
        f"{len(book.rules)} rules applied: {result.new} findings new, {result.reopened} reopened, "
        f"{result.fixed} fixed, {result.removed} removed, {result.withdrawn} withdrawn, {result.unchecked} unchecked"
    )


@rules.command()
@options.rules
@click.option("--by", "who", required=True, envvar="ARCHSCAN_AUTHORITY", show_envvar=True, help="Who has reviewed.")
@click.option("-o", "--output", "manifest", required=True, type=click.Path(path_type=Path), metavar="MANIFEST",
              help="The list; what it has of other files stays.")  # fmt: skip
def review(own_rules: tuple[Path, ...], who: str, manifest: Path) -> None:
    """Put all files of the rules into a list of reviewed files, as they are and as of today, for --require-reviewed."""
    from archscan.rules.check import check as checked

    checked(_book(own_rules))
    number = reviewed.write(manifest, own_rules, (), who)
    click.echo(f"{number:,} files reviewed by {who.strip()!r}")
