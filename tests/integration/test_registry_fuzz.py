"""Whatever is sent to a running registry, it answers with a refusal of its own and never with a 5xx."""

import base64
import json
import string
from collections.abc import Iterator
from typing import Any

import pytest
from factory import AUTHOR, NODE, OFFICE, RESEARCHER, fake_digest, private_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registry_process import Registry, running

from protocol.crypto.encoding import encode_base64
from protocol.documents.envelope import PAYLOAD_TYPE, statement_bytes
from protocol.documents.signature import pre_authentication_encoding

BOUNDS = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
BODIES = st.binary(max_size=200) | JSON_VALUES.map(lambda value: json.dumps(value).encode())
SEGMENTS = st.sampled_from(
    [
        "token", "accreditations", "rosters", "statuses", "algorithms", "approvals", "orders", "documents", "images",
        "reviews", "nodes", "datasets", "catalogue", "budgets", "progress", "receipts", "releases", "receipt",
        "release", NODE, RESEARCHER, fake_digest("x"), "..", "%00", "%ff", "", "-1", "Å",
    ]
)  # fmt: skip
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
QUERIES = st.dictionaries(
    st.sampled_from(["after", "limit", "wait", "node", "x"]),
    st.sampled_from(["0", "-1", "1", "x", "", "\x00", "99999999999999999999", "1e3", NODE]),
    max_size=3,
)
HEADERS = st.dictionaries(
    st.sampled_from(["Upload-Offset", "Upload-Length", "Upload-Complete", "Range", "Content-Type", "Accept", "Expect"]),
    st.text(alphabet=string.printable[:95], max_size=20) | st.sampled_from(["0", "?0", "?1", "bytes=0-", "bytes=9-1"]),
    max_size=3,
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    yield from running(tmp_path_factory.mktemp("fuzz"))


def check(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and answer.request.method != "HEAD" and answer.headers.get("x-request-id"):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"]


@BOUNDS
@given(METHODS, PATHS, QUERIES, HEADERS, BODIES, st.sampled_from([None, RESEARCHER, NODE, OFFICE]))
def test_any_request(
    registry: Registry,
    method: str,
    path: str,
    query: dict[str, str],
    headers: dict[str, str],
    body: bytes,
    who: str | None,
) -> None:
    stripped = {name: value.strip() for name, value in headers.items()}

    check(registry.request(method, path, who, params=query, headers=stripped, content=body))


@BOUNDS
@given(
    st.sampled_from(["accreditations", "rosters", "statuses", "algorithms", "approvals", "orders"]),
    JSON_VALUES,
    st.sampled_from(["accreditation", "roster", "status", "algorithm", "approval", "job-order", "receipt", "x"]),
    st.lists(JSON_VALUES, max_size=2),
)
def test_any_statement_in_an_envelope(
    registry: Registry, door: str, predicate: Any, kind: str, signatures: list[Any]
) -> None:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
        "predicateType": f"urn:safeconduct:{kind}:v1",
        "predicate": predicate,
    }
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    signed = [{"keyid": "0" * 64, "sig": "AAAA"}, *signatures]
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": signed}

    answer = registry.request("POST", f"/{door}", content=json.dumps(envelope).encode())

    check(answer)
    assert answer.status_code >= 400


@BOUNDS
@given(st.data())
def test_any_field_of_a_good_document(registry: Registry, data: st.DataObject) -> None:
    """Take a document that would be accepted, put anything into one of its fields, and sign it well."""

    world = registry.world
    made, door, signer = data.draw(
        st.sampled_from(
            [
                (world.accreditation("new"), "accreditations", OFFICE),
                (world.roster(version=2), "rosters", OFFICE),
                (world.status(version=2), "statuses", OFFICE),
                (world.algorithm(version="9.9.9"), "algorithms", AUTHOR),
                (world.order(), "orders", RESEARCHER),
            ]
        )
    )
    statement = json.loads(statement_bytes(made))
    field = data.draw(st.sampled_from(sorted(statement["predicate"])))
    statement["predicate"][field] = data.draw(JSON_VALUES)
    payload = json.dumps(statement).encode()
    signature = private_key(signer).sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": encode_base64(payload),
        "signatures": [{"keyid": private_key(signer).public.keyid, "sig": encode_base64(signature)}],
    }

    check(registry.request("POST", f"/{door}", content=json.dumps(envelope).encode()))


@BOUNDS
@given(st.sampled_from(["progress", "catalogue", "budgets"]), BODIES | st.dictionaries(
    st.sampled_from(["order", "state", "datasets"]), JSON_VALUES, max_size=3
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_words_of_a_node(registry: Registry, verb: str, body: bytes) -> None:
    method = "POST" if verb == "progress" else "PUT"

    check(registry.request(method, f"/nodes/{NODE}/{verb}", NODE, content=body))


@BOUNDS
@given(st.text(max_size=100) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_login(registry: Registry, assertion: str) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion.encode("utf-8", "surrogatepass"),
    }
    answer = registry.request("POST", "/token", data=form)

    check(answer)
    assert answer.status_code >= 400
