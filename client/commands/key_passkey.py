"""`safeconduct key passkey`: make a passkey that signs decisions, on a page of this machine, and prove it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from client.commands.review_sign import Browser, Seconds, passkey_signature, serve
from client.console import JsonFlag, emit, pairs
from client.errors import UsageProblem
from client.home import HomeOption, read_profile
from client.issued import read_page
from client.signer import SECONDS, Answer, SignerPage
from client.signer_pages import registration_page
from protocol.crypto.encoding import decode_base64, encode_base64
from protocol.crypto.keys import PublicKey
from protocol.documents.key import Key
from protocol.documents.key_proof import KeyRequest, proof_bytes, read_request
from protocol.documents.passkey import PasskeyOrigin, vote_challenge


def passkey(
    subject: Annotated[str, typer.Option(help="Your identifier, as the office is to know you.")],
    office: Annotated[str, typer.Option(help="Identifier of the accreditation office.")],
    page: Annotated[str, typer.Option(help="Where the passkey signs; trust roots must name it.")] = (
        "http://localhost:8765"
    ),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File; without it, in keys/ of your profile.")] = None,
    browser: Browser = True,
    seconds: Seconds = SECONDS,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a passkey for signing, prove that you hold it, and write the request that an office needs."""
    path = out or read_profile(home).keys / f"{subject}.passkey.json"
    if path.exists():
        raise UsageProblem("file-exists", f"{path} is already there and is kept. Name another file with --out.")
    making = Making(subject, office, read_page(page))
    served = SignerPage(making.page, registration_page(subject, office), {"key": making.key, "proof": making.proof})
    serve(served, seconds, browser=browser)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(json.dumps(making.request().model_dump(mode="json", exclude_none=True), indent=2) + "\n")
    written = {"request": str(path), "subject": subject, "office": office, "keyid": making.keyid}
    emit(written, as_json=as_json, show=pairs(written))


class Making:
    """A passkey between its making and its proof."""

    def __init__(self, subject: str, office: str, page: PasskeyOrigin) -> None:
        """Begin: for whom, to be proved to which office, on which page."""
        self.subject, self.office, self.page = subject, office, page
        self._key: Key | None = None
        self._raw = b""

    @property
    def keyid(self) -> str:
        """The key's id, once it is made."""
        if self._key is None:
            raise UsageProblem("passkey-unmade", "The passkey is not made yet; begin again on the page.")
        return self._key.keyid

    def key(self, untrusted: Answer) -> dict[str, str]:
        """Take the public key, and ask for its proof."""
        public = untrusted.get("public")
        self._key = Key.of(PublicKey("webauthn", decode_base64(public if isinstance(public, str) else "")))
        return {"challenge": encode_base64(vote_challenge(proof_bytes(self.keyid, self.subject, self.office)))}

    def proof(self, untrusted: Answer) -> dict[str, str]:
        """Take the proof; refused unless it is this key's."""
        proof = passkey_signature(self.keyid, untrusted).to_entry().model_dump(exclude_none=True)
        keys = [self._key.model_dump()] if self._key else []
        fields = {"subject": self.subject, "office": self.office, "keys": keys, "proofs": [proof]}
        raw = json.dumps(fields).encode()
        read_request(raw, [self.page])
        self._raw = raw
        return {"done": "made", "words": "Made and proved. Send the request to your office; you may close this page."}

    def request(self) -> KeyRequest:
        """Return the request, as an office reads it."""
        return read_request(self._raw, [self.page])
