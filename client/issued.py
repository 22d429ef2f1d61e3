"""What an accreditation office remembers: which keys it has vouched for, and for whom.

One key never stands for two: whoever signs with it could be either. The register is a file in the office's profile;
the registry refuses the same for all offices together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from client.errors import Conflict, UsageProblem
from protocol.crypto.keys import PrivateKey
from protocol.documents.key_proof import KeyRequest, read_request
from protocol.documents.passkey import PasskeyOrigin
from protocol.documents.strict import build

REGISTER: Final = "keys-issued.json"


def read_requests(
    paths: Iterable[Path], subject: str, office: str, pages: Sequence[PasskeyOrigin] = ()
) -> list[KeyRequest]:
    """Read requests of `safeconduct key prove` or `node init`; each key is proved for this person and this office."""
    found = []
    for path in paths:
        try:
            request = read_request(path.read_bytes(), pages)
        except FileNotFoundError as missing:
            raise UsageProblem("file-missing", f"There is no request {path}. Check the path.") from missing
        if (request.subject, request.office) != (subject, office):
            sentence = (
                f"{path} asks {request.office} for {request.subject}, not {office} for {subject}. Ask for another."
            )
            raise UsageProblem("request-other", sentence)
        found.append(request)
    return found


def check_unused(home: Path, issued: Iterable[tuple[str, str]], office_keys: Iterable[PrivateKey]) -> dict[str, str]:
    """Refuse (`key-taken`) a key, given with its subject, that stands for somebody else; return the new register."""
    register = _read(home / REGISTER)
    ours = {key.public.keyid for key in office_keys}
    for keyid, subject in issued:
        if keyid in ours or register.setdefault(keyid, subject) != subject:
            raise Conflict(
                "key-taken", f"The key {keyid[:16]}… of {subject} stands for somebody else. Ask for a new key."
            )
    return register


def keep(home: Path, register: dict[str, str]) -> None:
    """Write the register, whole or not at all."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = home / f".{REGISTER}.part"
    part.write_text(json.dumps(register, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(home / REGISTER)


def read_page(text: str) -> PasskeyOrigin:
    """Read `ORIGIN[,RP_ID]`; without one the RP id is the origin's host."""
    origin, _, rp_id = text.partition(",")
    return build(PasskeyOrigin, {"origin": origin, "rp_id": rp_id or origin.partition("://")[2].partition(":")[0]})


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        return {str(keyid): str(subject) for keyid, subject in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError) as problem:
        raise UsageProblem(
            "register-malformed", f"{path} is no register of keys. Put it right from a backup."
        ) from problem
