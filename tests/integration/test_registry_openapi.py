"""Every call of the API as its own description says: generated requests, no 5xx, no status that is not described."""

from collections.abc import Iterator

import pytest
import schemathesis
from factory import NODE, RESEARCHER
from hypothesis import HealthCheck, Phase, given, settings
from registry_process import Registry, running
from schemathesis.checks import content_type_conformance, not_a_server_error, status_code_conformance

CHECKED = [not_a_server_error, status_code_conformance, content_type_conformance]
BOUNDS = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    yield from running(tmp_path_factory.mktemp("openapi"))


@pytest.mark.parametrize("who", [RESEARCHER, NODE])
def test_every_call_answers_as_described(registry: Registry, who: str) -> None:
    schema = schemathesis.openapi.from_url(f"{registry.url}/api/v1/openapi.json")
    headers = {"Authorization": f"Bearer {registry.token(who)}"}
    called = set()
    for each in schema.get_all_operations():
        operation = each.ok()

        @BOUNDS
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=headers, checks=CHECKED, timeout=10)

        ask()
        called.add(operation.label)

    assert len(called) > 30
