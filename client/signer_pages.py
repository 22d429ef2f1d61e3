"""The two pages of the local signer as HTML. Everything that came from outside is escaped, and is text only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from client.proposal import Proposal
from protocol.crypto.encoding import encode_base64
from protocol.documents.strict import parse_object

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="signer.css">
<script src="signer.js" defer></script>
</head>
<body data-ask="{ask}">
<main>
<h1>{title}</h1>
{body}
<p><button id="go" type="button">{button}</button></p>
<p id="said" role="status" aria-live="polite">Nothing is signed yet. Close this page to leave it so.</p>
<noscript><p>A browser talks to a passkey through a script. Switch scripts on for this one page, or sign with a key in a
file: <code>safeconduct review approve</code>.</p></noscript>
</main>
</body>
</html>
"""


def signing_page(proposal: Proposal) -> str:
    """Return the page that shows one decision in full and asks for the passkey."""
    approval, algorithm = proposal.approval, proposal.algorithm
    outputs = [*(f"{one.name}: {one.in_words()}" for one in (*algorithm.outputs, *algorithm.statistics))]
    facts = {
        "You": f"{approval.member}, for {approval.committee}",
        "Decision": approval.decision,
        "Algorithm": f"{algorithm.name} {algorithm.version} by {algorithm.author}",
        "What it is for": algorithm.summary,
        "Project": f"{approval.project}, ordered by {', '.join(approval.persons)}",
        "Your reasons": approval.rationale or "none",
        **{
            name.replace("_", " "): _words(value) for name, value in approval.conditions.model_dump(mode="json").items()
        },
    }
    statement = json.dumps(parse_object(proposal.envelope.payload), indent=2, ensure_ascii=False)
    body = [
        "<p>Your own machine serves this page. The registry prepared what follows; your machine has checked it.</p>",
        f'<dl>{"".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())}</dl>',
        "<h2>What may leave each hospital</h2>", _list(outputs),
        "<h2>What your machine has checked</h2>", _list(proposal.checks),
        "<h2>The statement, in full</h2>",
        f'<p>Digest <code id="digest">{proposal.envelope.digest}</code></p>',
        f'<pre tabindex="0" aria-label="The statement">{escape(statement)}</pre>',
    ]  # fmt: skip
    ask = {"step": "signature", "challenge": encode_base64(proposal.challenge), "rp": "localhost"}
    return _page(f"Sign: {approval.decision} {algorithm.name} {algorithm.version}", body, "Sign with your passkey", ask)


def registration_page(subject: str, office: str) -> str:
    """Return the page on which a person makes a passkey for signing and proves that they hold it."""
    who, whom = f"<strong>{escape(subject)}</strong>", f"<strong>{escape(office)}</strong>"
    body = [
        f"<p>You make a passkey that signs decisions as {who}, and prove to {whom} that you hold it.</p>",
        "<p>Your browser asks twice: to make it, and to prove it.</p>",
        "<p>It is not the one you log in with: a stolen registry could ask for a vote in the guise of a login.</p>",
    ]
    ask = {"step": "key", "name": subject, "rp": "localhost"}
    return _page("Make your signing passkey", body, "Make the passkey", ask)


def _page(title: str, body: Iterable[str], button: str, ask: Mapping[str, Any]) -> str:
    return _PAGE.format(title=escape(title), ask=escape(json.dumps(ask)), body="\n".join(body), button=escape(button))


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _words(value: object) -> str:
    return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)
