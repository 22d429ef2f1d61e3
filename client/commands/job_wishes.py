"""What was said on the command line about an order, as wishes: one for each node."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client import documents
from client.client import Client
from client.commands.common import read_json
from client.errors import UsageProblem
from protocol.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was said on the command line about one order for several nodes."""

    project: str
    purpose: str
    node: list[str]
    rho: str | None
    share: list[str] | None
    interval: list[str] | None
    blocks: int
    approval: list[str] | None


def wishes_of(me: Client, algorithm: str, asked: Asked, parameters: dict[str, Any]) -> list[documents.Wish]:
    """One wish for each node; refused without any approval."""
    digest, document = me.find_algorithm(algorithm)
    approvals = tuple(asked.approval or me.approvals_of(digest, asked.project))
    if not approvals:
        sentence = f"The registry has no approval of {algorithm} for {asked.project}; ask the committee for one."
        raise Refused("approval-missing", sentence)
    return [
        documents.Wish(
            algorithm=document,
            algorithm_digest=digest,
            approvals=approvals,
            project=asked.project,
            purpose=asked.purpose,
            node=place,
            dataset=dataset,
            parameters=parameters,
            blocks=asked.blocks,
            rho=_rho(asked.rho, asked.share),
            intervals=_shares(asked.interval),
        )
        for place, dataset in _places(me, asked.node)
    ]


def parameters_of(param: list[str] | None, params: Path | None) -> dict[str, Any]:
    """The parameters of a file, and those said one by one, which win."""
    return {**(read_json(params) if params else {}), **dict(_parameter(one) for one in param or [])}


def _places(me: Client, named: list[str]) -> list[tuple[str, str]]:
    pairs_ = [one.partition("=") for one in named]
    offered = me.registry.listing("datasets") if any(not sep for _, sep, _ in pairs_) else []
    return [(node, dataset or _only_dataset(node, offered)) for node, _, dataset in pairs_]


def _only_dataset(node: str, offered: list[dict[str, Any]]) -> str:
    found = [one["dataset"] for one in offered if one["node"] == node]
    if len(found) != 1:
        sentence = f"{node} offers {', '.join(found) or 'nothing yet'}; say which with --node {node}=DATASET."
        raise UsageProblem("dataset-unclear", sentence)
    return str(found[0])


def _rho(total: str | None, shares: list[str] | None) -> int | dict[str, int]:
    if (total is None) == (not shares):
        raise UsageProblem("rho-needed", "Say how much privacy to spend: --rho TOTAL, or --share OUTPUT=RHO for each.")
    if total is not None:
        return documents.nano(total)
    return _shares(shares)


def _shares(named: list[str] | None) -> dict[str, int]:
    parts = [one.rpartition("=") for one in named or []]
    return {name: documents.nano(amount) for name, _, amount in parts}


def _parameter(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        raise UsageProblem("param-malformed", f"{text!r} is not NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
