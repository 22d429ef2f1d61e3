"""Orders to nodes, receipts and releases back, and who may see which of them."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from factory import AUTHOR, NODE, OFFICE, RESEARCHER, digest_of, fake_digest

from protocol.chain import OrderBundle, verify_order
from protocol.documents.envelope import read_envelope
from protocol.documents.job_order import JobOrder

CIPHERTEXT = b"sealed bytes"
OTHER_NODE = "node-es"


@pytest.fixture
def ordered(settled: Any) -> Any:
    """A registry with one approved algorithm and one queued order for it."""
    algorithm = settled.submit()
    settled.votes = [settled.vote(algorithm, member).json()["digest"] for member in ("meri", "mikko")]
    settled.algorithm = algorithm
    settled.order_raw = settled.order(algorithm, approvals=settled.votes)
    settled.order_id = settled.publish("orders", settled.order_raw)
    return settled


def queue(hub: Any, node: str = NODE) -> dict[str, Any]:
    answer = hub.request("GET", f"/nodes/{node}/orders", node)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def state(hub: Any) -> str:
    return str(hub.request("GET", f"/orders/{hub.order_id}", RESEARCHER).json()["state"])


def released(hub: Any, **changes: Any) -> bytes:
    digest = hashlib.sha256(CIPHERTEXT).hexdigest()
    decided = {"decision": "released", "code": "released", "release_digest": digest, "rho_charged_nano": 1}
    return bytes(hub.refusal(hub.order_raw, **(decided | changes)))


def send_receipt(hub: Any, raw: bytes, node: str = NODE) -> Any:
    return hub.post(f"/nodes/{node}/receipts", raw, node)


def send_release(hub: Any, content: bytes = CIPHERTEXT, node: str = NODE) -> Any:
    return hub.request("PUT", f"/nodes/{node}/releases/{hub.order_id}", node, content=content)


def test_the_bundle_is_all_a_node_needs_to_believe(ordered: Any) -> None:
    (handed,) = queue(ordered)["orders"]
    bundle = OrderBundle.from_json(as_json(handed))

    verified = verify_order(
        bundle,
        trust_root=ordered.world.open_root(),
        node=NODE,
        datasets=frozenset({ordered.world.dataset}),
        now=ordered.now,
    )

    assert bundle.order == ordered.order_raw
    assert verified.order_id == ordered.order_id == queue(ordered)["ids"][0]


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_an_order_whose_approvals_are_not_here_is_carried_all_the_same(settled: Any) -> None:
    raw = settled.order(settled.submit(), approvals=[fake_digest("none"), settled.roster])
    settled.publish("orders", raw)

    (handed,) = queue(settled)["orders"]
    assert handed["approvals"] == []


def test_an_order_stays_queued_until_acknowledged(ordered: Any) -> None:
    assert queue(ordered)["ids"] == queue(ordered)["ids"] == [ordered.order_id]

    ordered.post(f"/nodes/{NODE}/progress", progress(ordered.order_id, "received"), NODE)

    assert queue(ordered)["ids"] == []
    assert state(ordered) == "received"


def progress(order_id: str, word: str) -> bytes:
    return f'{{"order": "{order_id}", "state": "{word}"}}'.encode()


def test_a_receipt_takes_the_order_out_of_the_queue_and_ends_it(ordered: Any) -> None:
    raw = ordered.refusal(ordered.order_raw)

    assert send_receipt(ordered, raw).status_code == 201
    assert queue(ordered)["ids"] == []
    assert state(ordered) == "refused"
    assert ordered.request("GET", f"/orders/{ordered.order_id}/receipt", RESEARCHER).content == raw


def test_the_poll_carries_the_newest_statuses(ordered: Any) -> None:
    newest = ordered.world.sign(ordered.world.status(version=2), OFFICE)
    ordered.publish("statuses", newest)

    assert queue(ordered)["statuses"] == [newest.decode()]
    assert queue(ordered)["orders"][0]["statuses"] == [newest.decode()]
    assert ordered.request("GET", "/statuses").json() == {"statuses": [newest.decode()]}


def test_receipt_first_then_release(ordered: Any) -> None:
    assert send_release(ordered).json()["code"] == "receipt-first"
    assert send_receipt(ordered, released(ordered)).status_code == 201
    assert state(ordered) == "sealed"
    assert send_release(ordered, b"other bytes").json()["code"] == "release-digest"
    assert send_release(ordered).status_code == 201
    assert send_release(ordered).status_code == 200
    assert state(ordered) == "released"
    assert ordered.request("GET", f"/orders/{ordered.order_id}/release", RESEARCHER).content == CIPHERTEXT


def test_a_refusal_binds_no_release(ordered: Any) -> None:
    send_receipt(ordered, ordered.refusal(ordered.order_raw))

    assert send_release(ordered).json()["code"] == "receipt-first"


def test_the_same_receipt_again_is_no_error_and_another_one_is(ordered: Any) -> None:
    raw = ordered.refusal(ordered.order_raw)

    assert [send_receipt(ordered, raw).status_code for _ in range(2)] == [201, 200]
    assert send_receipt(ordered, released(ordered)).json()["code"] == "receipt-taken"


def second_node(hub: Any) -> None:
    hub.publish("accreditations", hub.world.sign(hub.world.accreditation(OTHER_NODE), OFFICE))


BAD_RECEIPTS: dict[str, tuple[int, str, Callable[[Any], Any]]] = {
    "signed by a stranger": (
        422,
        "key-unknown",
        lambda hub: send_receipt(hub, hub.world.sign(receipt(hub), "eve")),
    ),
    "about another researcher": (
        422,
        "receipt-other-order",
        lambda hub: send_receipt(hub, hub.refusal(hub.order_raw, researcher=AUTHOR)),
    ),
    "for an order that is not here": (
        404,
        "order-unknown",
        lambda hub: send_receipt(
            hub, hub.world.sign(receipt(hub).model_copy(update={"order": fake_digest("none")}), NODE)
        ),
    ),
    "for another node's order": (
        404,
        "order-unknown",
        lambda hub: send_receipt(hub, hub.world.sign(receipt(hub), OTHER_NODE), OTHER_NODE),
    ),
    "at another node's door": (
        403,
        "node-only",
        lambda hub: hub.post(f"/nodes/{NODE}/receipts", hub.refusal(hub.order_raw), OTHER_NODE),
    ),
    "by a person": (
        403,
        "node-only",
        lambda hub: hub.post(f"/nodes/{NODE}/receipts", hub.refusal(hub.order_raw), RESEARCHER),
    ),
}


def receipt(hub: Any) -> Any:
    order = read_envelope(hub.order_raw).untrusted(JobOrder)
    return hub.world.receipt(order, digest_of(hub.order_raw))


@pytest.mark.parametrize("name", BAD_RECEIPTS)
def test_bad_receipts_are_refused(ordered: Any, name: str) -> None:
    second_node(ordered)
    status, code, case = BAD_RECEIPTS[name]

    answer = case(ordered)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert state(ordered) == "queued"


def test_only_parties_see_an_order_and_only_its_researcher_the_release(ordered: Any) -> None:
    second_node(ordered)
    send_receipt(ordered, released(ordered))
    send_release(ordered)
    order_id = ordered.order_id
    receipt_digest = digest_of(released(ordered))
    expected = {
        f"/orders/{order_id}": {RESEARCHER: 200, NODE: 200},
        f"/orders/{order_id}/receipt": {RESEARCHER: 200, NODE: 200},
        f"/orders/{order_id}/release": {RESEARCHER: 200},
        f"/documents/{order_id}": {RESEARCHER: 200, NODE: 200},
        f"/documents/{receipt_digest}": {RESEARCHER: 200, NODE: 200},
    }

    for path, allowed in expected.items():
        for who in (RESEARCHER, NODE, AUTHOR, "meri", OTHER_NODE, OFFICE):
            answer = ordered.request("GET", path, who)
            assert answer.status_code == allowed.get(who, 404), (path, who)
        assert ordered.request("GET", path).status_code in (401, 404)


def test_everybody_lists_only_the_orders_that_they_signed_or_were_handed(ordered: Any) -> None:
    second_node(ordered)
    for who in (RESEARCHER, NODE):
        assert [each["order"] for each in listing(ordered, who)] == [ordered.order_id]
    assert listing(ordered, AUTHOR) == listing(ordered, OTHER_NODE) == []


def listing(hub: Any, who: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hub.request("GET", "/orders", who).json()["orders"]
    return found


def test_another_nodes_queue_is_closed(ordered: Any) -> None:
    for who in (RESEARCHER, OFFICE):
        assert ordered.request("GET", f"/nodes/{NODE}/orders", who).json()["code"] == "node-only"
    assert ordered.request("GET", f"/nodes/{NODE}/orders").json()["code"] == "token-missing"


def test_a_researcher_may_hand_an_order_to_another_node(settled: Any) -> None:
    second_node(settled)
    raw = settled.order(settled.submit())
    path = f"/orders?node={OTHER_NODE}"

    assert settled.post(path, raw).json()["code"] == "order-not-yours"
    assert settled.post(path, raw, AUTHOR).json()["code"] == "order-not-yours"
    assert settled.post(path, raw, RESEARCHER).status_code == 201
    assert queue(settled, OTHER_NODE)["ids"] == [digest_of(raw)]
    assert queue(settled)["ids"] == []
    assert settled.post("/orders", raw).json()["code"] == "order-elsewhere"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "document-malformed"),
        (b"[]", 422, "document-malformed"),
        (b'{"order": 1, "state": "running"}', 422, "document-malformed"),
        (b'{"order": "x", "state": "running"}', 404, "order-unknown"),
        (b'{"order": "x", "state": "running", "more": 1}', 422, "document-malformed"),
    ],
)
def test_bad_progress_is_refused(ordered: Any, body: bytes, status: int, code: str) -> None:
    answer = ordered.post(f"/nodes/{NODE}/progress", body, NODE)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


ENTRY = {
    "dataset": "cohort-fi",
    "snapshot": "snapshot-1",
    "country": "FI",
    "assembly": "GRCh38",
    "people": 12000,
    "slots": 6000,
    "unit": "family",
    "maximum_family_size": 4,
    "columns": ["sex", "age", "dx_*"],
    "sites": None,
    "variants": ["rs7903146"],
    "duo": ["DUO:0000006"],
}


def put_catalogue(hub: Any, value: Any, who: str = NODE) -> Any:
    return hub.request("PUT", f"/nodes/{NODE}/catalogue", who, content=as_json(value))


def test_a_node_says_what_it_offers(settled: Any) -> None:
    assert put_catalogue(settled, {"datasets": [ENTRY]}).status_code == 200
    assert settled.request("GET", "/datasets").json() == {"datasets": [{"node": NODE, **ENTRY}], "next": None}
    (node,) = settled.request("GET", "/nodes").json()["nodes"]
    assert (node["node"], node["country"], node["datasets"]) == (NODE, "FI", ["cohort-fi"])
    assert put_catalogue(settled, {"datasets": []}).status_code == 200
    assert settled.request("GET", "/datasets").json()["datasets"] == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"datasets": [ENTRY | {"people_exact": 11987}]}, "document-malformed"),
        ({"datasets": [ENTRY | {"people": "12000"}]}, "document-malformed"),
        ({"datasets": [ENTRY, ENTRY]}, "catalogue-duplicate"),
        ({"datasets": ENTRY}, "document-malformed"),
        ([], "document-malformed"),
    ],
)
def test_a_catalogue_with_anything_else_is_refused(settled: Any, value: Any, code: str) -> None:
    answer = put_catalogue(settled, value)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_only_the_node_itself_says_what_it_offers(settled: Any) -> None:
    assert put_catalogue(settled, {"datasets": [ENTRY]}, RESEARCHER).json()["code"] == "node-only"


def test_lists_come_in_pages(settled: Any) -> None:
    for minor in range(5):
        settled.submit(version=f"1.{minor}.0")

    seen, after = [], 0
    while after is not None:
        found = settled.request("GET", "/algorithms", params={"after": after, "limit": 2}).json()
        seen += [each["version"] for each in found["algorithms"]]
        assert len(found["algorithms"]) <= 2
        after = found["next"]

    assert seen == [f"1.{minor}.0" for minor in range(5)]
