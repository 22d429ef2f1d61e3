"""`safeconduct review`: what is proposed, what it would cost, and your signed decision."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from client.algorithm_folder import read_toml
from client.client import Client
from client.commands.common import KeyOption, PassphraseFile, RegistryOption, now, person
from client.commands.review_sign import sign
from client.console import JsonFlag, emit, err, pairs
from client.errors import UsageProblem
from client.home import HomeOption
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import read_envelope
from protocol.documents.passkey import ON_REGISTRY_PAGE

app = typer.Typer(help="Read what is proposed, and sign your decision.", no_args_is_help=True, rich_markup_mode=None)
app.command("sign")(sign)

Which = Annotated[str, typer.Argument(help="Digest of the algorithm, or NAME@VERSION.")]
Roster = Annotated[str, typer.Option(help="Digest of your committee's roster.")]
Terms = Annotated[Path | None, typer.Option(help="TOML file: project, persons and [conditions].")]
SameAs = Annotated[str | None, typer.Option(help="Take project, persons and conditions from this approval's digest.")]
Rationale = Annotated[str, typer.Option(help="Why, for the record.")]
Conflict = Annotated[bool, typer.Option("--conflict", help="Declare a conflict of interest; you are then recused.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before signing.")]


@app.command("list")
def list_(
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List algorithm versions and where their reviews stand."""
    with person(home, key, passphrase_file, registry) as me:
        reviews = me.registry.listing("reviews")
    emit(reviews, as_json=as_json, show=lambda console: console.print(_listed(reviews)))


@app.command()
def show(
    algorithm: Which,
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what an algorithm may see and say, and who has decided what."""
    with person(home, key, passphrase_file, registry) as me:
        digest, document = me.find_algorithm(algorithm)
        votes = [one for one in me.registry.listing("reviews") if one["digest"] == digest]
    review = votes[0] if votes else None
    data = {"digest": digest, "algorithm": document.model_dump(mode="json"), "review": review}
    emit(data, as_json=as_json, show=lambda console: _show(console, digest, document, review))


@app.command()
def approve(
    algorithm: Which,
    roster: Roster,
    terms: Terms = None,
    same_as: SameAs = None,
    rationale: Rationale = "",
    conflict: Conflict = False,
    yes: Yes = False,
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Sign an approval of exactly this algorithm under exactly these conditions."""
    with person(home, key, passphrase_file, registry) as me:
        _decide(me, algorithm, roster, "approve", _terms(me, terms, same_as), rationale, conflict, yes, as_json)


@app.command()
def reject(
    algorithm: Which,
    roster: Roster,
    rationale: Annotated[str, typer.Option(help="Why; a rejection needs a reason.")],
    terms: Terms = None,
    same_as: SameAs = None,
    conflict: Conflict = False,
    yes: Yes = False,
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Sign a rejection, with its reason."""
    with person(home, key, passphrase_file, registry) as me:
        _decide(me, algorithm, roster, "reject", _terms(me, terms, same_as), rationale, conflict, yes, as_json)


def _decide(
    me: Client,
    named: str,
    roster: str,
    decision: str,
    terms: dict[str, Any],
    rationale: str,
    conflict: bool,
    yes: bool,
    as_json: bool,
) -> None:
    digest, document = me.find_algorithm(named)
    _show_terms(err(), decision, digest, document, terms)
    _confirm(yes)
    envelope = me.decide(digest, roster, decision, terms, rationale=rationale, conflict=conflict)
    data = {"approval": me.registry.publish("approvals", envelope), "decision": decision, "algorithm": digest}
    emit(data, as_json=as_json, show=pairs(data))


def _terms(me: Client, file: Path | None, same_as: str | None) -> dict[str, Any]:
    if (file is None) == (same_as is None):
        raise UsageProblem("terms-needed", "Say what you decide about: either --terms FILE or --same-as APPROVAL.")
    if file is not None:
        return terms_from(read_toml(file))
    other = read_envelope(me.registry.document(str(same_as))).untrusted(Approval)
    found = other.model_dump(mode="json")
    return {name: found[name] for name in ("project", "persons", "conditions")}


def terms_from(found: dict[str, Any]) -> dict[str, Any]:
    """Complete the terms of a file: an expiry may be written as a number of days."""
    conditions = dict(found.get("conditions", {}))
    days = conditions.pop("days", None)
    if isinstance(days, int):
        conditions["expires"] = now() + timedelta(days=days)
    return {**found, "conditions": conditions}


def _confirm(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageProblem("confirm-needed", "Nobody is at a terminal to confirm. Read the conditions, then say --yes.")
    typer.confirm("Sign this?", abort=True, err=True)


def _show_terms(console: Console, decision: str, digest: str, document: Algorithm, terms: dict[str, Any]) -> None:
    console.print(f"You are about to {decision} {document.name} {document.version} by {document.author}", markup=False)
    console.print(f"  {document.summary}", markup=False)
    console.print(f"  algorithm {digest}", markup=False)
    image = document.image.archive_digest if document.image else "none: the node's own code computes it"
    console.print(f"  image     {image}", markup=False)
    console.print(
        f"  project   {terms.get('project', '-')}, ordered by {', '.join(terms.get('persons', []))}", markup=False
    )
    for name, value in terms.get("conditions", {}).items():
        shown = ", ".join(value) if isinstance(value, list | tuple) else value
        console.print(f"  {name.replace('_', ' ')}: {shown}", markup=False)


def _listed(reviews: list[dict[str, Any]]) -> Table:
    table = Table("algorithm", "author", "state", "quorum", "digest", box=None)
    for one in reviews:
        quorum = ", ".join(f"{t['committee']} {t['approvals']}/{t['required']}" for t in one["quorum"])
        table.add_row(f"{one['name']} {one['version']}", one["author"], one["state"], quorum or "-", one["digest"][:16])
    return table


def _show(console: Console, digest: str, document: Algorithm, review: dict[str, Any] | None) -> None:
    console.print(f"{document.name} {document.version} by {document.author}  {digest}", markup=False)
    console.print(document.summary, markup=False)
    sees = [*(["genotypes"] if document.inputs.variants else []), *document.inputs.columns]
    console.print(f"sees: {', '.join(sees)}; mode {document.mode}, unit {document.unit}", markup=False)
    for output in document.outputs:
        each = f" for each of {output.each}" if output.each else ""
        console.print(f"says: {output.name}{each}: {output.in_words()}", markup=False)
    for statistic in document.statistics:
        console.print(f"says: {statistic.name}: {statistic.in_words()}", markup=False)
    for vote in (review or {}).get("approvals", []):
        console.print(vote_line(vote), markup=False)


def vote_line(vote: Mapping[str, Any]) -> str:
    """Return one vote of a review for people, labelled if it was signed on the registry's page."""
    label = f", {ON_REGISTRY_PAGE}" if vote["on_registry_page"] else ""
    return f"{vote['decision']} by {vote['member']} for {vote['project']}{label}  {vote['digest']}"
