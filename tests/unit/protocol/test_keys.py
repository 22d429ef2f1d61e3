"""Signing keys: what they sign, what they refuse, how they rest."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from factory import private_key

from protocol.crypto import pkcs8
from protocol.crypto.ed25519 import FIELD, SMALL_ORDER_Y, check_point
from protocol.crypto.keys import PrivateKey, PublicKey, load_private
from protocol.errors import Refused

DATA = os.environ.get("SAFECONDUCT_TEST_DATA", Path(__file__).parents[3].parent / "shared" / "data")
VECTORS = Path(DATA) / "vectors" / "ed25519_test.json"
MAKERS = [PrivateKey.generate_ed25519, PrivateKey.generate_p256]


@pytest.fixture(params=MAKERS, ids=["ed25519", "p256"])
def key(request: pytest.FixtureRequest) -> PrivateKey:
    made: PrivateKey = request.param()
    return made


def _code(refusal: pytest.ExceptionInfo[Refused]) -> str:
    return refusal.value.code


def test_key_verifies_what_it_signed(key: PrivateKey) -> None:
    key.public.verify(key.sign(b"message"), b"message")


def test_key_refuses_another_message(key: PrivateKey) -> None:
    with pytest.raises(Refused) as refusal:
        key.public.verify(key.sign(b"message"), b"massage")

    assert _code(refusal) == "signature-invalid"


def test_key_id_is_the_digest_of_the_spki(key: PrivateKey) -> None:
    assert key.public.keyid == hashlib.sha256(key.public.spki).hexdigest()


def test_key_does_not_show_itself(key: PrivateKey) -> None:
    assert key.to_pem(None).decode().split("\n")[1][:20] not in repr(key)
    assert "object at" in repr(key)


def test_key_at_rest_opens_with_its_passphrase_only(key: PrivateKey) -> None:
    pem = key.to_pem(b"correct horse")

    assert load_private(pem, b"correct horse").public == key.public
    for wrong in (b"wrong horse", None, b""):
        with pytest.raises(Refused) as refusal:
            load_private(pem, wrong)
        assert _code(refusal) == "key-passphrase"


def test_key_without_passphrase_opens_with_any(key: PrivateKey) -> None:
    pem = key.to_pem(None)

    assert load_private(pem, None).public == load_private(pem, b"needless").public == key.public


def test_key_refuses_an_empty_passphrase(key: PrivateKey) -> None:
    with pytest.raises(Refused) as refusal:
        key.to_pem(b"")

    assert _code(refusal) == "key-passphrase"


def test_key_at_rest_is_under_scrypt_and_openssl_reads_it(key: PrivateKey, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(key.to_pem(b"secret"))

    structure = subprocess.run(["openssl", "asn1parse", "-in", path], check=True, capture_output=True, text=True)
    opened = subprocess.run(
        ["openssl", "pkey", "-in", path, "-passin", "pass:secret", "-pubout"], check=True, capture_output=True
    )

    assert ":1.3.6.1.4.1.11591.4.11" in structure.stdout or ":scrypt" in structure.stdout
    assert "PBKDF2" not in structure.stdout
    assert opened.stdout == key.public.to_pem()


def test_load_refuses_what_is_no_key() -> None:
    for pem in (b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(Refused) as refusal:
            load_private(pem, None)
        assert _code(refusal) == "key-malformed"


@pytest.mark.parametrize(
    "options", [["-algorithm", "ED448"], ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]]
)
def test_load_refuses_other_schemes(options: list[str]) -> None:
    pem = subprocess.run(["openssl", "genpkey", *options], check=True, capture_output=True).stdout

    with pytest.raises(Refused) as refusal:
        load_private(pem, None)

    assert _code(refusal) == "key-malformed"


def test_public_key_of_unknown_scheme_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        PublicKey("rsa", b"")  # type: ignore[arg-type]  # what a careless caller could pass

    assert _code(refusal) == "key-malformed"


def test_small_order_points_are_those_of_the_curve() -> None:
    """Every listed y is of a point whose order divides eight, by doubling it; the count of such y is five."""
    d = -121665 * pow(121666, -1, FIELD) % FIELD
    assert len(SMALL_ORDER_Y) == 5
    for y in SMALL_ORDER_Y - {0, 1, FIELD - 1}:
        assert (d * y**4 + 2 * y**2 - 1) % FIELD == 0


@pytest.mark.parametrize("y", sorted(SMALL_ORDER_Y))
@pytest.mark.parametrize("sign", [0, 1])
def test_small_order_point_is_refused_with_either_sign(y: int, sign: int) -> None:
    with pytest.raises(Refused) as refusal:
        check_point((y | sign << 255).to_bytes(32, "little"))

    assert _code(refusal) == "key-weak"


def test_every_fresh_key_is_a_point() -> None:
    for number in range(50):
        check_point(private_key(str(number)).public.raw)


def test_long_lengths_are_written_in_der() -> None:
    """A PKCS#8 of more than 127 bytes needs the long form; openssl parsed one above, this pins the short one."""
    assert pkcs8._octets(b"x" * 127)[:2] == b"\x04\x7f"
    assert pkcs8._octets(b"x" * 300)[:4] == b"\x04\x82\x01\x2c"


def _wycheproof() -> list[tuple[str, dict[str, str], dict[str, str]]]:
    if not VECTORS.exists():
        return []
    groups = json.loads(VECTORS.read_text())["testGroups"]
    return [(f"{test['tcId']}", group["publicKey"], test) for group in groups for test in group["tests"]]


def test_wycheproof_ed25519() -> None:
    """Project Wycheproof's vectors, through our own verify: valid ones hold, every other is refused."""
    cases = _wycheproof()
    if not cases:
        pytest.skip(f"no Wycheproof vectors at {VECTORS}; set SAFECONDUCT_TEST_DATA to their folder")
    wrong = []
    for name, public, test in cases:
        try:
            key = PublicKey("ed25519", bytes.fromhex("302a300506032b6570032100" + public["pk"]))
            key.verify(bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"]))
            verdict = "valid"
        except Refused:
            verdict = "invalid"
        if verdict != test["result"]:
            wrong.append((name, test["comment"], verdict))

    assert wrong == []
    assert len(cases) > 100
