"""The list of codes is complete, and every code has a case named for its fault."""

import ast
import json
import re
from pathlib import Path

from protocol.codes import CODES

ROOT = Path(__file__).parents[3]
#: The readers of image archives are tested with the chambers.
IMAGE = {"image.py", "layer.py", "tarball.py"}
RAISING = {"Refused", "_check", "_check_signature"}


def _codes_in(source: str) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    constants = [
        argument.value
        for call in calls
        if isinstance(call.func, ast.Name | ast.Attribute)
        and (call.func.id if isinstance(call.func, ast.Name) else call.func.attr) in RAISING
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    return {value for value in constants if re.fullmatch(r"[a-z]+(-[a-z]+)+", value)}


def test_list_of_codes_is_what_the_code_raises() -> None:
    raised: set[str] = set()
    for path in (ROOT / "protocol").rglob("*.py"):
        if path.name not in IMAGE:
            raised |= _codes_in(path.read_text())

    assert raised == set(CODES)


def test_every_code_has_a_case() -> None:
    vectors = {json.loads(path.read_text())["code"] for path in (ROOT / "tests/vectors").glob("*/reject/*.json")}
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))

    assert [code for code in CODES if code not in vectors and f'"{code}"' not in tests] == []
