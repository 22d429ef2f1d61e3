"""The table of cases in docs/security.md is this table; every code is one of ours; faults that differ say so."""

import re
from pathlib import Path

from attacks.registry import test_course, test_node
from attacks.registry.forgeries import COUNTED, HELD, REFUSED

from protocol.codes import CODES

ROOT = Path(__file__).parents[3]
LINE = re.compile(r"^\| `([a-z0-9-]+)` \| `([a-z0-9-]+)` \| `(test_[a-z]+\.py)::(test_[a-z0-9_]+)` \|$", re.MULTILINE)
FORGED = "test_forged_order_is_refused_with_a_signed_receipt"
WAITS = "test_order_that_may_become_believable_is_held_with_its_reason"
COUNTS = "test_order_that_nobody_signed_is_counted_and_never_a_job"
CLIENTS = "test_client_believes_nothing_of_what_was_altered"


def cases() -> list[tuple[str, str, str, str]]:
    """Every case: name, code, file, test."""
    tables = ((REFUSED, FORGED), (HELD, WAITS), (COUNTED, COUNTS))
    forged = [(case.name, case.code, "test_node.py", test) for table, test in tables for case in table]
    clients = [(name, code, "test_course.py", CLIENTS) for name, (code, _) in test_course.CLIENT.items()]
    return forged + clients + [(name, code, "test_course.py", test) for name, code, test in test_course.COURSES]


def test_table_in_the_docs_is_the_table_of_cases() -> None:
    told = LINE.findall((ROOT / "docs" / "security.md").read_text())

    assert sorted(told) == sorted(cases())


def test_every_case_has_a_name_of_its_own_and_a_test_that_exists() -> None:
    names = [name for name, *_ in cases()]
    files = {"test_node.py": test_node, "test_course.py": test_course}

    assert len(names) == len(set(names)) > 50
    assert [one for one in cases() if not callable(getattr(files[one[2]], one[3], None))] == []


def test_every_expected_code_is_one_of_ours() -> None:
    programs = "".join(path.read_text() for name in ("sandbox", "client") for path in (ROOT / name).rglob("*.py"))

    assert [code for _, code, *_ in cases() if code not in CODES and f'"{code}"' not in programs] == []


def test_faults_that_differ_have_codes_that_differ() -> None:
    meant: dict[str, set[str]] = {}
    for case in (*REFUSED, *HELD, *COUNTED):
        meant.setdefault(case.code, set()).add(case.fault)

    assert [code for code, faults in meant.items() if len(faults) > 1] == []
