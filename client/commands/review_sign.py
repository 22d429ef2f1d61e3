"""`safeconduct review sign`: sign, on this machine, what you prepared on the registry's page."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client.commands.common import KeyOption, PassphraseFile, RegistryOption, now, person
from client.console import JsonFlag, emit, err, pairs
from client.errors import UsageProblem
from client.home import HomeOption
from client.proposal import Proposal, check_proposal, text, unsigned
from client.revocation import Revocation, check_revocation
from client.signer import SECONDS, Answer, SignerPage, own_page
from client.signer_pages import signing_page
from protocol.crypto.encoding import decode_base64
from protocol.documents.passkey import PasskeyAssertion, PasskeyOrigin
from protocol.documents.signature import Signature
from protocol.documents.status import Status

if TYPE_CHECKING:
    from client.client import Client

Code = Annotated[str, typer.Argument(help="The code that the review's page shows once you have prepared a decision.")]
Browser = Annotated[bool, typer.Option(help="Open the page in your browser; else only its address is printed.")]
Seconds = Annotated[float, typer.Option(help="Close the page after so many seconds.", min=1)]
Yes = Annotated[bool, typer.Option("--yes", help="With a key in a file: do not ask before signing.")]


def sign(
    code: Code,
    browser: Browser = True,
    seconds: Seconds = SECONDS,
    yes: Yes = False,
    key: KeyOption = None,
    passphrase_file: PassphraseFile = None,
    registry: RegistryOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Check what you are asked to sign, against the trust root that you pinned, then sign it on a page of this machine.

    The registry prepared the statement, so it is not asked whether it is right: algorithm, author, roster and
    revocations are checked here. A stolen registry can show you one thing and have another signed only on its own page.
    """
    with person(home, key, passphrase_file, registry) as me:
        handed = me.anonymous.prepared(code)
        if unsigned(decode_base64(text(handed, "statement"))).untrusted_kind == Status.KIND:
            data = _revoke(me, check_revocation(handed, me.trust_root, me.profile.need("person"), now()), yes=yes)
        else:
            data = _decide(me, handed, seconds, browser=browser, yes=yes)
    emit(data, as_json=as_json, show=pairs(data))


def _decide(me: Client, handed: dict[str, Any], seconds: float, *, browser: bool, yes: bool) -> dict[str, Any]:
    found = check_proposal(handed, me.trust_root, me.profile.need("person"), now())
    if found.key.scheme == "webauthn":
        envelope = _on_a_page(found, own_page(me.trust_root.passkey_origins), seconds, browser=browser)
    else:
        envelope = _with_a_file(me, found, yes=yes)
    return {
        "approval": me.anonymous.publish("approvals", envelope),
        "decision": found.approval.decision,
        "algorithm": found.approval.algorithm,
    }


def _revoke(me: Client, found: Revocation, *, yes: bool) -> dict[str, Any]:
    for line in (f"statement {found.envelope.digest}", *found.checks):
        err().print(line, markup=False, soft_wrap=True)
    if me.key.public.keyid not in {key.keyid for key in found.keys}:
        raise UsageProblem("key-other", "This key is not your office's in the trust root; name it with --key.")
    if not yes:
        typer.confirm("Revoke it?", abort=True, err=True)
    envelope = found.signed(Signature(keyid=me.key.public.keyid, sig=me.key.sign(found.envelope.signed_bytes)))
    return {"status": me.anonymous.publish("statuses", envelope), "version": found.status.version}


def _on_a_page(found: Proposal, page: PasskeyOrigin, seconds: float, *, browser: bool) -> bytes:
    signed: list[bytes] = []

    def take(untrusted: Answer) -> dict[str, str]:
        signed.append(found.signed(passkey_signature(found.key.keyid, untrusted), (page,)))
        return {"done": "signed", "words": "Signed. Your machine sends it to the registry; you may close this page."}

    served = SignerPage(page, signing_page(found), {"signature": take})
    serve(served, seconds, browser=browser)
    return signed[0]


def serve(served: SignerPage, seconds: float, *, browser: bool) -> None:
    """Serve a page until it has what it is for, and tell where it is."""
    served.start()
    err().print(f"Open this page in your browser: {served.url}", markup=False, soft_wrap=True)
    if browser:
        webbrowser.open(served.url)
    served.wait(seconds)


def passkey_signature(keyid: str, untrusted: Answer) -> Signature:
    """Return what a page said as a signature; nothing in it is checked."""
    words = {name: untrusted.get(name) for name in ("authenticatorData", "clientDataJSON", "signature")}
    data = {name: decode_base64(value if isinstance(value, str) else "") for name, value in words.items()}
    assertion = PasskeyAssertion(
        authenticator_data=data["authenticatorData"], client_data=data["clientDataJSON"], signature=data["signature"]
    )
    return Signature(keyid=keyid, sig=assertion.signature, passkey=assertion)


def _with_a_file(me: Client, found: Proposal, *, yes: bool) -> bytes:
    for line in (*_told(found), *found.checks):
        err().print(line, markup=False, soft_wrap=True)
    if me.key.public.keyid != found.key.keyid:
        sentence = "The roster lets you sign with another key than this one; name it with --key."
        raise UsageProblem("key-other", sentence)
    if not yes:
        typer.confirm("Sign this?", abort=True, err=True)
    return found.signed(Signature(keyid=me.key.public.keyid, sig=me.key.sign(found.envelope.signed_bytes)))


def _told(found: Proposal) -> list[str]:
    said: dict[str, Any] = found.approval.model_dump(mode="json")
    named = ("decision", "project", "persons", "rationale")
    return [
        f"statement {found.envelope.digest}",
        *(f"{name}: {said[name]}" for name in named),
        *(f"{name.replace('_', ' ')}: {value}" for name, value in said["conditions"].items()),
    ]
