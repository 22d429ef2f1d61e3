"""Each DUO code answers as its definition says, and a committee's word settles only what a machine cannot."""

import csv
import os
from pathlib import Path

import pytest

from protocol.trust.duo import KNOWN_CODES, WORDS, Answer, DuoRequest, answer_code, codes_answered, say_why

GRU, HMB, DS, POA = "DUO:0000042", "DUO:0000006", "DUO:0000007", "DUO:0000011"
YES, NO, ASK = Answer.YES, Answer.NO, Answer.ASK


def request(
    purpose: str = HMB,
    *,
    named: tuple[str, ...] = (),
    genotypes: bool = True,
    persons: bool = True,
    project: bool = True,
) -> DuoRequest:
    return DuoRequest(
        purpose=purpose,
        reads_genotypes=genotypes,
        persons_named=persons,
        project_named=project,
        terms_named=frozenset(named),
    )


@pytest.mark.parametrize(
    ("code", "by_purpose"),
    [
        ("DUO:0000004", (YES, YES, YES, YES)),
        (GRU, (YES, YES, YES, YES)),
        (HMB, (NO, YES, YES, NO)),
        (DS, (NO, NO, ASK, NO)),
        (POA, (NO, NO, NO, YES)),
        ("DUO:0000015", (ASK, YES, YES, YES)),
        ("DUO:0000043", (YES, YES, YES, YES)),
        ("DUO:0000044", (ASK, YES, YES, NO)),
        ("DUO:0000021", (ASK, ASK, ASK, ASK)),
        ("DUO:9999999", (NO, NO, NO, NO)),
        ("DUO_00000044", (NO, NO, NO, NO)),
    ],
)
def test_code_answers_each_purpose(code: str, by_purpose: tuple[Answer, ...]) -> None:
    assert tuple(answer_code(code, request(purpose)) for purpose in (GRU, HMB, DS, POA)) == by_purpose


def test_purpose_that_is_no_purpose_is_refused_even_by_general_research() -> None:
    assert answer_code(GRU, request("DUO:0000021")) is NO


def test_committee_naming_the_code_turns_ask_into_yes() -> None:
    assert answer_code("DUO:0000021", request(named=("DUO:0000021",))) is YES


def test_committee_naming_another_code_changes_nothing() -> None:
    assert answer_code("DUO:0000021", request(named=("DUO:0000022",))) is ASK


def test_committee_cannot_overrule_a_no() -> None:
    assert answer_code(POA, request(HMB, named=(POA,))) is NO


def test_genetic_studies_only_needs_genotypes() -> None:
    assert answer_code("DUO:0000016", request(genotypes=False)) is NO
    assert answer_code("DUO:0000016", request(genotypes=True)) is YES


def test_named_users_only_needs_persons_in_the_approval() -> None:
    assert answer_code("DUO:0000026", request(persons=False)) is NO
    assert answer_code("DUO:0000026", request(persons=True)) is YES


def test_named_project_only_needs_a_project_in_the_approval() -> None:
    assert answer_code("DUO:0000027", request(project=False)) is NO
    assert answer_code("DUO:0000027", request(project=True)) is YES


@pytest.mark.parametrize(
    ("code", "named", "expected"),
    [
        ("DUO:9999999", (), "do not know this code"),
        (POA, (), "does not allow health, medical and biomedical research"),
        ("DUO:0000021", (), "do not name this code"),
        ("DUO:0000021", ("DUO:0000021",), "whoever approves says that it is kept"),
        (GRU, (), "It allows this"),
    ],
)
def test_every_answer_has_its_reason_in_words(code: str, named: tuple[str, ...], expected: str) -> None:
    assert expected in say_why(code, request(named=named))


def test_every_code_has_words() -> None:
    assert WORDS.keys() == KNOWN_CODES


def test_codes_are_listed_by_answer_in_their_order() -> None:
    codes = ("DUO:0000022", HMB, POA, "DUO:0000019")
    assert codes_answered(codes, request(), ASK) == ("DUO:0000022", "DUO:0000019")
    assert codes_answered(codes, request(), NO) == (POA,)


def test_rules_cover_the_published_terms() -> None:
    table = Path(os.environ.get("SAFECONDUCT_TEST_DATA", Path(__file__).parents[4] / "shared" / "data")) / "duo/duo.csv"
    if not table.exists():
        pytest.skip("the DUO table is not on this machine: set SAFECONDUCT_TEST_DATA")
    published = {row["id"] for row in csv.DictReader(table.read_text().splitlines())}
    roots = {"DUO:0000001", "DUO:0000017"}
    assert published - roots == KNOWN_CODES
