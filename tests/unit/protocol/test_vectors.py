"""Every vector is judged as it says, and the vectors are what their generator writes."""

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from vectors.generate import write_all

from protocol.chain import OrderBundle, verify_order, verify_receipt
from protocol.chain.files import MODELS
from protocol.crypto.encoding import decode_base64
from protocol.crypto.hpke import unpad
from protocol.crypto.keys import PublicKey
from protocol.documents.envelope import read_claim, read_envelope
from protocol.documents.release import read_release
from protocol.errors import Refused
from protocol.trust import Memory, open_trust_root

FOLDER = Path(__file__).parents[2] / "vectors"
ACCEPT = sorted(FOLDER.glob("*/accept/*.json"))
REJECT = sorted(FOLDER.glob("*/reject/*.json"))


def _name(path: Path) -> str:
    return f"{path.parts[-3]}-{path.stem}"


def _judge(vector: dict[str, Any]) -> None:
    {
        "document": _judge_document,
        "trust-root": _judge_trust_root,
        "order": _judge_order,
        "receipt": _judge_receipt,
        "release": _judge_release,
    }[vector["check"]](vector, base64.b64decode(vector["bytes"]))


def _judge_document(vector: dict[str, Any], raw: bytes) -> None:
    keys = [PublicKey(key["scheme"], decode_base64(key["public"])) for key in vector["keys"]]
    read_claim(raw, MODELS[vector["kind"]]).checked(keys, vector["threshold"])


def _judge_trust_root(vector: dict[str, Any], raw: bytes) -> None:
    open_trust_root(raw, vector["fingerprint"])


def _judge_order(vector: dict[str, Any], raw: bytes) -> None:
    root = vector["trust_root"].encode()
    memory = vector.get("memory", {})
    verify_order(
        OrderBundle.from_json(raw),
        trust_root=open_trust_root(root, read_envelope(root).digest),
        node=vector["node"],
        datasets=frozenset(vector["datasets"]),
        now=datetime.fromisoformat(vector["now"]),
        memory=Memory(
            rosters={digest: datetime.fromisoformat(seen) for digest, seen in memory.get("rosters", {}).items()},
            accepted_rosters=frozenset(memory.get("accepted_rosters", ())),
            rejected_rosters=frozenset(memory.get("rejected_rosters", ())),
            roster_versions=memory.get("roster_versions", {}),
            status_versions=memory.get("status_versions", {}),
            clock=datetime.fromisoformat(memory["clock"]) if "clock" in memory else None,
        ),
    )


def _judge_receipt(vector: dict[str, Any], raw: bytes) -> None:
    root = vector["trust_root"].encode()
    verify_receipt(
        raw,
        accreditations=[text.encode() for text in vector["accreditations"]],
        statuses=[text.encode() for text in vector["statuses"]],
        live=vector.get("live", False),
        trust_root=open_trust_root(root, read_envelope(root).digest),
        now=datetime.fromisoformat(vector["now"]),
        order_id=vector["order"],
    )


def _judge_release(_vector: dict[str, Any], raw: bytes) -> None:
    read_release(unpad(raw))


@pytest.mark.parametrize("path", ACCEPT, ids=_name)
def test_vector_to_accept_is_accepted(path: Path) -> None:
    _judge(json.loads(path.read_text()))


@pytest.mark.parametrize("path", REJECT, ids=_name)
def test_vector_to_reject_is_refused_with_its_code(path: Path) -> None:
    vector = json.loads(path.read_text())

    with pytest.raises(Refused) as refusal:
        _judge(vector)

    assert refusal.value.code == vector["code"], refusal.value.sentence
    assert refusal.value.sentence.endswith(".")


def test_vectors_on_disk_are_what_the_generator_writes(tmp_path: Path) -> None:
    write_all(tmp_path)

    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.glob("*/*/*.json")}
    stored = {path.relative_to(FOLDER): path.read_bytes() for path in (*ACCEPT, *REJECT)}

    assert written.keys() == stored.keys()
    assert [path for path in written if written[path] != stored[path]] == []
