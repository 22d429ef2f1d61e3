"""The policies' truth table, and what a policy set must be before it may decide anything."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.policy import PolicyBook, PolicyRequest
from sandbox.errors import Misconfigured, PolicyDenied

POLICIES = Path(__file__).parents[3] / "policies"
TABLE = json.loads((POLICIES / "cases" / "decisions.json").read_text())
SCHEMA = (POLICIES / "schema.cedarschema").read_text()
PERMIT = '@id("p") permit (principal, action, resource);'


def texts(country: str = "default", **changed: str) -> dict[str, str]:
    files = {"eu": "eu", "country": f"countries/{country}", "node": "node", "dataset": "dataset"}
    return {name: (POLICIES / f"{file}.cedar").read_text() for name, file in files.items()} | changed


def request(change: dict[str, Any] | None = None) -> PolicyRequest:
    base = copy.deepcopy(TABLE["base"])
    for path, value in (change or {}).items():
        part, name = path.split(".")
        if value is None:
            del base[part][name]
        else:
            base[part][name] = value
    return PolicyRequest(**base)


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["name"])
def test_decision_follows_the_table(case: dict[str, Any]) -> None:
    book = PolicyBook(SCHEMA, texts(case.get("country", "default")), {})
    assert list(book.denials(request(case["change"]))) == case["denied"]


def test_every_forbid_of_the_folder_has_a_case() -> None:
    named = {name for case in TABLE["cases"] for name in case["denied"]}
    files = [*POLICIES.glob("*.cedar"), *POLICIES.glob("countries/*.cedar")]
    ids = {line.split('"')[1] for file in files for line in file.read_text().splitlines() if line.startswith("@id")}
    assert {name for name in ids if not name.endswith("-permit")} <= named


def test_check_raises_with_the_names() -> None:
    with pytest.raises(PolicyDenied) as caught:
        PolicyBook(SCHEMA, texts(), {}).check(request({"context.mode": "airlock"}))
    assert (caught.value.code, caught.value.policies) == ("policy-denied", ("eu-private-mode",))


def test_permit_in_one_set_does_not_stand_in_for_another() -> None:
    narrow = '@id("only-b") permit (principal, action, resource) when { resource.people == 1 };'
    book = PolicyBook(SCHEMA, texts(country="default", eu=narrow, node=PERMIT), {})
    assert book.denials(request()) == ("eu:no-permit",)


def test_dataset_with_a_set_of_its_own_is_asked_by_that_set_only() -> None:
    own = PERMIT + '@id("never") forbid (principal, action, resource);'
    book = PolicyBook(SCHEMA, texts(), {"cohort-es": own})
    assert book.denials(request()) == ("never",)


def test_forbid_whose_condition_errs_is_a_denial() -> None:
    errs = PERMIT + '@id("e") forbid (principal, action, resource) when { context.rho_nano * 9223372036854775807 > 0 };'
    book = PolicyBook(SCHEMA, texts(node=errs), {})
    assert book.denials(request()) == ("node:policy-error",)


def test_entity_id_with_a_newline_is_asked_as_it_is() -> None:
    assert (
        PolicyBook(SCHEMA, texts(), {}).denials(request({}).__class__(**{**TABLE["base"], "researcher": 'a"\n::b'}))
        == ()
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('@id("p") permit (principal, action, resource) when { context.budget > 1 };', "policy-invalid"),
        ('@id("p") permit (principal, action, resource) when { context.mode > 1 };', "policy-invalid"),
        ("permit (principal, action, resource", "policy-invalid"),
        ("permit (principal, action, resource);", "policy-unnamed"),
        (PERMIT + PERMIT, "policy-unnamed"),
        ('@id("f") forbid (principal, action, resource);', "policy-without-permit"),
        ("", "policy-without-permit"),
    ],
    ids=["unknown attribute", "wrong type", "syntax", "no id", "same id twice", "no permit", "empty"],
)
def test_faulty_set_is_not_loaded(text: str, code: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        PolicyBook(SCHEMA, texts(node=text), {})
    assert caught.value.code == code


def test_missing_set_is_not_an_empty_set() -> None:
    some = {name: text for name, text in texts().items() if name != "country"}
    with pytest.raises(Misconfigured) as caught:
        PolicyBook(SCHEMA, some, {})
    assert caught.value.code == "policy-set-missing"


def test_unreadable_schema_is_refused() -> None:
    with pytest.raises(Misconfigured) as caught:
        PolicyBook("entity;", texts(), {})
    assert caught.value.code == "policy-schema-invalid"
