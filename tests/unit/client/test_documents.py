"""What people sign: shares of rho in whole nanos, orders that a node can read, signatures that add up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from client import documents
from client.algorithm_folder import init, read_spec
from client.errors import Conflict, UsageProblem
from protocol.crypto.hpke import RecipientKey
from protocol.crypto.keys import PrivateKey
from protocol.documents.algorithm import Algorithm
from protocol.documents.amount import write_nano
from protocol.documents.envelope import read_claim, read_envelope
from protocol.documents.job_order import JobOrder
from protocol.documents.key import Key
from protocol.documents.strict import build
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEY = PrivateKey.generate_ed25519()
RECIPIENT = RecipientKey.generate()
IMAGE = {
    "config_digest": f"sha256:{'1' * 64}",
    "layers": [f"sha256:{'2' * 64}"],
    "archive_digest": "3" * 64,
    "uncompressed_bytes": 4,
    "manifest_digest": None,
}
FREQUENCIES = Path(__file__).parents[3] / "algorithms" / "allele_frequency"


@pytest.fixture(scope="module")
def algorithm() -> Algorithm:
    spec = read_spec(FREQUENCIES)
    return build(Algorithm, {**spec, "author": "ada", "image": IMAGE, "source_commit": "0" * 40})


def wish(algorithm: Algorithm, **changes: Any) -> documents.Wish:
    fields: dict[str, Any] = {
        "algorithm": algorithm,
        "algorithm_digest": "a" * 64,
        "approvals": ("b" * 64,),
        "project": "p",
        "purpose": "DUO:0000006",
        "node": "node-fi",
        "dataset": "fi",
        "parameters": {"variants": ["rs1", "rs2", "rs3"]},
        "blocks": 0,
        "rho": 100,
    }
    return documents.Wish(**{**fields, **changes})


def signed(one: documents.Wish) -> JobOrder:
    raw = documents.order(
        one,
        researcher="ada",
        recipient=RECIPIENT.public_bytes,
        key=KEY,
        now=NOW,
        lifetime=timedelta(hours=1),
    )
    return read_claim(raw, JobOrder).checked([KEY.public])


def test_order_splits_rho_equally_and_leaves_the_rest_unspent(algorithm: Algorithm) -> None:
    found = signed(wish(algorithm))

    assert [(share.output, share.nano) for share in found.rho] == [("rs1", 33), ("rs2", 33), ("rs3", 33)]
    assert found.rho_nano <= 100


def test_order_buys_the_intervals_that_are_named(algorithm: Algorithm) -> None:
    found = signed(wish(algorithm, intervals={"rs2": 7}))

    assert [share.interval_nano for share in found.rho] == [0, 7, 0]
    assert found.rho_nano == 99 + 7


def test_interval_of_an_output_that_is_not_asked_for_is_refused(algorithm: Algorithm) -> None:
    with pytest.raises(UsageProblem) as refused:
        signed(wish(algorithm, intervals={"rs4": 7}))

    assert refused.value.code == "rho-shares"


def test_order_takes_explicit_shares_in_the_order_of_the_outputs(algorithm: Algorithm) -> None:
    found = signed(wish(algorithm, rho={"rs3": 1, "rs1": 5, "rs2": 3}))

    assert [(share.output, share.nano) for share in found.rho] == [("rs1", 5), ("rs2", 3), ("rs3", 1)]


@pytest.mark.parametrize(
    ("rho", "code"),
    [(2, "rho-too-small"), ({"rs1": 1, "rs2": 1}, "rho-shares"), ({"rs1": 1, "rs2": 1, "rs4": 1}, "rho-shares")],
)
def test_shares_that_do_not_fit_are_refused(algorithm: Algorithm, rho: Any, code: str) -> None:
    with pytest.raises(UsageProblem) as refused:
        signed(wish(algorithm, rho=rho))

    assert refused.value.code == code


def test_order_with_parameters_outside_the_schema_is_not_signed(algorithm: Algorithm) -> None:
    with pytest.raises(Refused) as refused:
        signed(wish(algorithm, parameters={"variants": ["rs1"], "more": 1}))

    assert refused.value.code == "order-parameters"


def test_two_orders_never_share_a_nonce(algorithm: Algorithm) -> None:
    assert signed(wish(algorithm)).nonce != signed(wish(algorithm)).nonce


@pytest.mark.parametrize(
    ("text", "amount"), [("0.03125", 31_250_000), ("1", 10**9), ("0.000000001", 1), ("20", 20 * 10**9)]
)
def test_nano_reads_decimals_exactly_and_writes_them_back(text: str, amount: int) -> None:
    assert documents.nano(text) == amount
    assert write_nano(amount) == text


@pytest.mark.parametrize("text", ["0", "-1", "0.0000000001", "nan", "inf", "1e", "", "0,5"])
def test_nano_refuses_what_is_no_whole_positive_number_of_nanos(text: str) -> None:
    with pytest.raises(UsageProblem):
        documents.nano(text)


def root_fields(keys: list[PrivateKey]) -> dict[str, Any]:
    listed = [Key.of(key.public).model_dump() for key in keys]
    return {
        "holder": "h",
        "version": 1,
        "expires": NOW,
        "root_keys": listed,
        "root_threshold": len(keys),
        "offices": [{"office": "o", "keys": [Key.of(PrivateKey.generate_ed25519().public).model_dump()]}],
        "datasets": [],
        "roster_delay_hours": 0,
    }


def test_second_signature_leaves_the_payload_as_it_was() -> None:
    first, second = PrivateKey.generate_ed25519(), PrivateKey.generate_ed25519()
    one = documents.sign(TrustRoot, root_fields([first, second]), [first])

    both = documents.add_signature(one, [second])

    assert read_envelope(both).payload == read_envelope(one).payload
    read_claim(both, TrustRoot).checked([first.public, second.public], threshold=2)


def test_signing_twice_with_one_key_is_refused() -> None:
    one = documents.sign(TrustRoot, root_fields([KEY]), [KEY])

    with pytest.raises(UsageProblem) as refused:
        documents.add_signature(one, [KEY])

    assert refused.value.code == "already-signed"


def test_template_is_an_algorithm_that_nodes_accept(tmp_path: Path) -> None:
    init(tmp_path / "mine", "mine")

    spec = read_spec(tmp_path / "mine")

    found = build(Algorithm, {**spec, "author": "ada", "image": IMAGE, "source_commit": "0" * 40})
    assert (found.name, found.mode) == ("mine", "block")


def test_init_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("mine")

    with pytest.raises(Conflict):
        init(tmp_path, "mine")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["program.py"]


def test_template_program_computes_what_it_promises(tmp_path: Path) -> None:
    import runpy

    init(tmp_path, "mine")
    program = runpy.run_path(str(tmp_path / "program.py"))
    (tmp_path / "in" / "data").mkdir(parents=True)
    (tmp_path / "in" / "data" / "subjects.csv").write_text("person,age\na,30\nb,\nc,50\n")
    result = tmp_path / "result.json"
    program["main"].__globals__.update(INPUT=tmp_path / "in", RESULT=result)

    program["main"]()

    assert json.loads(result.read_text()) == {"mean_age": 40.0}


@pytest.mark.parametrize("broken", ["name = ", "\x00", "a = 1\na = 2"])
def test_broken_toml_is_one_sentence(tmp_path: Path, broken: str) -> None:
    (tmp_path / "algorithm.toml").write_text(broken)

    with pytest.raises(UsageProblem) as refused:
        read_spec(tmp_path)

    assert refused.value.code == "toml-malformed"
