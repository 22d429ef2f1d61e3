"""Every error is a problem document with a stable code, and nothing of the input comes back in it."""

from typing import Any

import pytest
from factory import RESEARCHER

from protocol.errors import Refused, SafeconductError
from registry import errors
from registry.api.middleware import body_limit
from registry.api.problems import STATUS, status_of
from registry.domain.limits import DOCUMENT_BYTES, RELEASE_BYTES


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "route-unknown"),
        ("DELETE", "/orders", 405, "method-not-allowed"),
        ("GET", "/documents/nonsense", 422, "request-invalid"),
        ("GET", f"/documents/{'0' * 64}", 404, "document-unknown"),
        ("GET", "/algorithms?limit=0", 422, "request-invalid"),
        ("GET", "/algorithms?after=99999999999999999999999", 422, "request-invalid"),
        ("GET", "/orders", 401, "token-missing"),
        ("GET", "/accreditations/Nobody!", 422, "request-invalid"),
        ("GET", "/accreditations/nobody", 404, "accreditation-unknown"),
    ],
)
def test_problem_documents(settled: Any, method: str, path: str, status: int, code: str) -> None:
    who = RESEARCHER if path.startswith("/accreditations") else None
    answer = settled.request(method, path, who)

    body = answer.json()
    assert (answer.status_code, body["code"], body["status"]) == (status, code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:safeconduct:problem:{code}"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_input_is_not_repeated(settled: Any) -> None:
    answer = settled.request("GET", "/algorithms", params={"limit": "<script>secret"})

    assert "secret" not in answer.text


def test_every_error_class_has_a_status() -> None:
    def leaves(kind: type[SafeconductError]) -> set[type[SafeconductError]]:
        found = {kind}
        for each in kind.__subclasses__():
            found |= leaves(each)
        return found

    unserved = {errors.RegistryError, errors.Misconfigured}
    for kind in leaves(errors.RegistryError) - unserved:
        assert status_of(kind("some-code", "A sentence.")) in STATUS.values()
    assert status_of(Refused("some-code", "A sentence.")) == 422


def test_an_unexpected_error_says_nothing(settled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("the secret value")

    monkeypatch.setattr("registry.actions.read.list_algorithms", fail)
    answer = settled.request("GET", "/algorithms")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/v1/orders", DOCUMENT_BYTES),
        ("/healthz", DOCUMENT_BYTES),
        ("/api/v1/nodes/node-fi/releases/abc", RELEASE_BYTES),
        ("/api/v1/images/abc", None),
        ("/api/v1/images/abc/more", DOCUMENT_BYTES),
    ],
)
def test_every_path_has_its_limit(path: str, limit: int | None) -> None:
    assert body_limit(path) == limit


def test_health(settled: Any) -> None:
    assert settled.request("GET", "/healthz").json() == {"status": "ok"}


def test_the_api_describes_itself(settled: Any) -> None:
    described = settled.request("GET", "/openapi.json").json()["paths"]

    assert "/api/v1/nodes/{node}/orders" in described
    assert "requestBody" in described["/api/v1/orders"]["post"]
