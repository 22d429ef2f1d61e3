"""The conditions that a member chooses: never wider than what was asked, and changed only by whoever says so.

1. Narrower is: fewer nodes, datasets or purposes, fewer runs, less ρ, an earlier end. All else is the author's to ask.
2. An order that narrower conditions permit, the asked ones permit as well (`protocol.trust.conditions`).
3. A form always carries all conditions. Who changes one and says "as it was asked" is asked again, and so is who
   says "narrower" and changes nothing: no vote under other conditions than its member believed.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

from protocol.documents.amount import read_nano, write_nano
from protocol.documents.approval import Conditions
from protocol.documents.strict import build
from registry.errors import Malformed, Unbelievable

WORDS: Final = {
    "nodes": "nodes",
    "datasets": "datasets",
    "purposes": "purposes",
    "runs_per_node": "runs at each node",
    "rho_per_job_nano": "ρ for one job",
    "rho_total_per_node_nano": "ρ in total at each node",
    "expires": "until",
}
"""Each condition in the words of the page, in its order."""

SETS: Final = ("nodes", "datasets", "purposes")
_DIGITS: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedTerms:
    """Conditions as a form says them: names ticked, ρ as decimals, the last day in UTC as YYYY-MM-DD.

    `narrower` is what the member said of them: narrower than asked, or as it was asked.
    """

    narrower: bool
    nodes: tuple[str, ...]
    datasets: tuple[str, ...]
    purposes: tuple[str, ...]
    runs: str
    rho_job: str
    rho_node: str
    until: str


def read_terms(untrusted: UntrustedTerms, asked: Conditions) -> Conditions:
    """Return the conditions of a form, changed only if that was meant (rule 3); Malformed says which field is wrong.

    The day on which the asked conditions end means that very moment, any other day its last second.
    """
    for name in SETS:
        if not getattr(untrusted, name):
            raise Malformed("conditions-empty", f"Leave at least one of the {name} ticked, or reject the request.")
    fields = {
        **{name: sorted(set(getattr(untrusted, name))) for name in SETS},
        "runs_per_node": read_count(untrusted.runs),
        "rho_per_job_nano": read_rho(untrusted.rho_job),
        "rho_total_per_node_nano": read_rho(untrusted.rho_node),
        "expires": _end(untrusted.until, asked.expires),
    }
    chosen = build(Conditions, fields)
    _check_meant(chosen, asked, narrower=untrusted.narrower)
    return chosen


def check_not_wider(chosen: Conditions, asked: Conditions, now: datetime) -> None:
    """Raise Unbelievable (`conditions-wider`, `conditions-over`) unless rule 1 holds and time is left."""
    wider = [WORDS[name] for name in WORDS if _is_wider(name, chosen, asked)]
    if wider:
        sentence = (
            f"The conditions are wider than what was asked ({', '.join(wider)}). Only the author may ask for more."
        )
        raise Unbelievable("conditions-wider", sentence)
    if chosen.expires <= now:
        raise Unbelievable("conditions-over", "These conditions would have ended already. Choose a later day.")


def describe_changes(chosen: Conditions, asked: Conditions) -> tuple[str, ...]:
    """Say in words where signed conditions differ from the asked ones."""
    return tuple(
        f"{words}: {_written(name, chosen)} (asked: {_written(name, asked)})"
        for name, words in WORDS.items()
        if getattr(chosen, name) != getattr(asked, name)
    )


def _check_meant(chosen: Conditions, asked: Conditions, *, narrower: bool) -> None:
    if chosen != asked and not narrower:
        changed = ", ".join(WORDS[name] for name in WORDS if getattr(chosen, name) != getattr(asked, name))
        sentence = (
            f"You changed the conditions ({changed}) and chose as it was asked. Choose narrower conditions instead."
        )
        raise Malformed("conditions-changed", sentence)
    if chosen == asked and narrower:
        raise Malformed("conditions-unchanged", "You chose narrower conditions and changed none. Change at least one.")


def _is_wider(name: str, chosen: Conditions, asked: Conditions) -> bool:
    ours, theirs = getattr(chosen, name), getattr(asked, name)
    return not set(ours) <= set(theirs) if name in SETS else bool(ours > theirs)


def _written(name: str, conditions: Conditions) -> str:
    value = getattr(conditions, name)
    if name in SETS:
        return ", ".join(value)
    if name.endswith("_nano"):
        return write_nano(value)
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)


def read_count(untrusted: str) -> int:
    """Return a number of runs; Malformed unless it is a whole number above zero."""
    if not (untrusted.isascii() and untrusted.isdigit() and len(untrusted) <= _DIGITS and int(untrusted) > 0):
        raise Malformed("conditions-runs", "Write the runs at each node as a whole number above zero, such as 3.")
    return int(untrusted)


def read_rho(untrusted: str) -> int:
    """Return an amount of ρ in nano-units; Malformed for what is none."""
    try:
        if len(untrusted) > _DIGITS:
            raise ValueError("rho is written with too many digits.")
        return read_nano(untrusted)
    except ValueError as error:
        raise Malformed("conditions-rho", "Write ρ as a decimal above zero, such as 0.03125.") from error


def read_day(untrusted: str) -> datetime:
    """Return the last second of a day in UTC, written as YYYY-MM-DD; Malformed for what is none."""
    try:
        day = date.fromisoformat(untrusted)
    except ValueError as error:
        raise Malformed("conditions-until", "Write the last day as YYYY-MM-DD.") from error
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


def _end(untrusted: str, asked: datetime) -> datetime:
    end = read_day(untrusted)
    return asked if end.date() == asked.date() else end
