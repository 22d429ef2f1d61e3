"""Strangers' tools check our signatures: the openssl recipe of the documentation, run as it stands there."""

import json
import subprocess
from pathlib import Path

import pytest
from factory import World
from vectors.forge import P256Key

from protocol.crypto.keys import PrivateKey
from protocol.documents.envelope import sign_statement

#: Reads envelope.json and key.pem in the working folder; needs only openssl, jq and a shell.
RECIPE = r"""
set -eu
jq -j .payload envelope.json | openssl base64 -d -A > payload.bin
jq -j '.signatures[0].sig' envelope.json | openssl base64 -d -A > signature.bin
type=$(jq -j .payloadType envelope.json)
{ printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(wc -c < payload.bin)"; cat payload.bin; } > signed.bin
"""
VERIFY = {
    "ed25519": "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in signed.bin -sigfile signature.bin",
    "ecdsa-p256": "openssl dgst -sha256 -verify key.pem -signature signature.bin signed.bin",
}


def _jq_free(recipe: str, folder: Path) -> str:
    """The recipe with jq's three answers written out where jq is not installed."""
    envelope = json.loads((folder / "envelope.json").read_text())
    for query, answer in (
        ("jq -j .payload envelope.json", envelope["payload"]),
        ("jq -j '.signatures[0].sig' envelope.json", envelope["signatures"][0]["sig"]),
        ("jq -j .payloadType envelope.json", envelope["payloadType"]),
    ):
        recipe = recipe.replace(query, f"printf '%s' '{answer}'")
    return recipe


@pytest.mark.parametrize("key", [PrivateKey.generate_ed25519(), P256Key(secret=11)], ids=["ed25519", "ecdsa-p256"])
@pytest.mark.parametrize("tampered", [False, True])
def test_openssl_verifies_an_envelope(key: PrivateKey, tampered: bool, tmp_path: Path) -> None:
    (tmp_path / "envelope.json").write_bytes(sign_statement(World().accreditation(), [key]))
    (tmp_path / "key.pem").write_bytes(key.public.to_pem())
    subprocess.run(["sh", "-c", _jq_free(RECIPE, tmp_path)], cwd=tmp_path, check=True)
    if tampered:
        signed = (tmp_path / "signed.bin").read_bytes()
        (tmp_path / "signed.bin").write_bytes(signed.replace(b'"FI"', b'"SE"'))

    verdict = subprocess.run(["sh", "-c", VERIFY[key.public.scheme]], cwd=tmp_path, check=False, capture_output=True)

    assert (verdict.returncode == 0) is not tampered
