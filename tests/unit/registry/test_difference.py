"""What changed between versions: every bound field is told, nothing can hide, words of authors are never markup."""

from typing import Any

import pytest
from factory import AUTHOR, World, fake_digest
from review_visits import asked_review, shown, sign_everybody_in, visit

from protocol.documents.algorithm import Algorithm
from registry.domain.difference import LABELS, ROWS_MOST, changes

WORLD = World()
BASE = WORLD.algorithm()


def output(name: str, **changed: Any) -> dict[str, Any]:
    fields = {"name": name, "kind": "number", "range": ["0", "1"], "default": "0", "aggregator": "mean"}
    return fields | changed


def told(before: Algorithm, after: Algorithm) -> dict[str, tuple[str, str]]:
    return {each.what: (each.before, each.after) for each in changes(before, after)}


def test_every_field_of_the_document_has_words() -> None:
    assert set(LABELS) == set(Algorithm.model_fields)


def test_the_same_version_has_no_changes() -> None:
    assert changes(BASE, WORLD.algorithm()) == ()


@pytest.mark.parametrize(
    ("changed", "what", "before", "after"),
    [
        ({"version": "1.1.0"}, "version", "1.0.0", "1.1.0"),
        ({"summary": "Other."}, "summary", BASE.summary, "Other."),
        ({"purpose": ["DUO:0000006", "DUO:0000042"]}, "purposes", "DUO:0000006", "DUO:0000006, DUO:0000042"),
        ({"source_commit": "1" * 40}, "source commit", "0" * 40, "1" * 40),
        ({"entrypoint": ["/app/run", "-x"]}, "program that is started", "/app/run", "/app/run, -x"),
        ({"inputs": {"variants": False, "columns": ["age"]}}, "what it reads, variants", "true", "false"),
        ({"unit": "person"}, "who is protected as one", "family", "person"),
        ({"slot_milliseconds": 10}, "milliseconds for each chamber", "20000", "10"),
        ({"memory_bytes": 2**30}, "bytes of memory for each chamber", str(2**28), str(2**30)),
        ({"model_parameters": 9}, "parameters of its model", "4", "9"),
    ],
)
def test_each_field_is_told(changed: dict[str, Any], what: str, before: str, after: str) -> None:
    assert told(BASE, WORLD.algorithm(**changed))[what] == (before, after)


def test_image_parameters_and_a_changed_output_are_told_field_by_field() -> None:
    image = BASE.image.model_dump() | {"archive_digest": fake_digest("other")} if BASE.image else {}
    parameters = {**BASE.parameters, "properties": {"variant": {"type": "string", "maxLength": 7, "pattern": "^a$"}}}
    wider = [BASE.outputs[0].model_dump(mode="json") | {"range": ["-9", "2"]}]

    found = told(BASE, WORLD.algorithm(image=image, parameters=parameters, outputs=wider))

    assert found["image, archive digest"][1] == fake_digest("other")
    assert found["parameters, properties, variant, maxLength"] == ("100", "7")
    assert found["outputs, log odds ratio, range"] == ("-2, 2", "-9, 2")


def test_an_output_that_is_new_or_gone_is_told_once_in_words() -> None:
    before = WORLD.algorithm(outputs=[output("a"), output("b")])
    after = WORLD.algorithm(outputs=[output("a"), output("c", range=["0", "5"])])

    found = told(before, after)

    assert found["outputs, b"] == ("mean, from 0 to 1", "none")
    assert found["outputs, c"] == ("none", "mean, from 0 to 5")
    assert found["outputs"] == ("a, b", "a, c")
    assert len(found) == 3


def test_a_change_of_order_is_told() -> None:
    both = [output("a"), output("b")]
    assert told(WORLD.algorithm(outputs=both), WORLD.algorithm(outputs=both[::-1])) == {"outputs": ("a, b", "b, a")}


def test_an_image_in_place_of_statistics_is_told() -> None:
    gone = dict.fromkeys(("slot_milliseconds", "memory_bytes", "output_bytes", "model_parameters"), 0)
    count = {"name": "people", "kind": "count"}
    reads = {"variants": False, "columns": []}
    statistic = WORLD.algorithm(
        mode="statistic", image=None, entrypoint=[], outputs=[], statistics=[count], inputs=reads, **gone
    )

    found = told(statistic, BASE)

    assert found["mode"] == ("statistic", "block")
    assert found["image, archive digest"][0] == "none"


def test_lists_that_read_alike_are_told_apart() -> None:
    one, two = WORLD.algorithm(entrypoint=["/app/run", "a, b"]), WORLD.algorithm(entrypoint=["/app/run", "a", "b"])

    assert told(one, two)["program that is started"] == ('["/app/run","a, b"]', '["/app/run","a","b"]')


def test_a_change_deep_in_a_long_text_is_shown() -> None:
    long = "harmless " * 500
    found = told(WORLD.algorithm(summary=long + "A"), WORLD.algorithm(summary=long + "B"))

    assert found["summary"][0].endswith("A")
    assert found["summary"][1].endswith("B")
    assert len(found["summary"][0]) < 400


def test_a_flood_of_changes_says_that_there_is_more() -> None:
    before = WORLD.algorithm(outputs=[output(f"a{n}") for n in range(2000)])
    after = WORLD.algorithm(outputs=[output(f"b{n}") for n in range(2000)])

    found = changes(before, after)

    assert len(found) == ROWS_MOST + 1
    assert found[-1].what == "more changes"


def test_a_member_is_told_since_the_version_seen_and_since_the_one_approved(settled: Any) -> None:
    first = settled.submit()
    for member in ("meri", "mikko"):
        assert settled.vote(first, member).status_code == 201
    second = settled.submit(version="1.1.0", memory_bytes=2**30)
    sign_everybody_in(settled)
    shown(settled, "maria", f"/reviews/{second}")
    third = asked_review(
        settled, signed_in=True, version="1.2.0", summary="<script>alert(1)</script>", memory_bytes=2**30
    )

    page = shown(settled, "maria", f"/reviews/{third}")
    assert "association 1.1.0 (you saw it last, now superseded)" in page.replace("</a>", "")
    assert "association 1.0.0 (it was approved last, now approved)" in page.replace("</a>", "")
    assert '<td class="govuk-table__cell">268435456</td>' in page
    assert "you saw it last" not in shown(settled, AUTHOR, f"/reviews/{third}")
    assert "<script>alert" not in visit(settled, "maria", f"/reviews/{third}").text
