"""What an office reads and remembers before it vouches for a key."""

import json
from pathlib import Path
from typing import Any

import pytest
from factory import private_key

from client.errors import ClientError
from client.issued import REGISTER, check_unused, keep, read_page, read_requests
from protocol.documents.key_proof import make_request
from protocol.errors import Refused

RITA = private_key("rita").public.keyid


def request(folder: Path, **changes: Any) -> Path:
    found = make_request([private_key("rita")], "rita", "office-eu").model_dump(mode="json") | changes
    path = folder / "rita.request.json"
    path.write_text(json.dumps(found))
    return path


def test_request_for_this_person_and_office_is_read(tmp_path: Path) -> None:
    (found,) = read_requests([request(tmp_path)], "rita", "office-eu")
    assert found.keys[0].keyid == RITA


@pytest.mark.parametrize(("subject", "office"), [("mallory", "office-eu"), ("rita", "office-es")])
def test_request_for_somebody_else_is_refused(tmp_path: Path, subject: str, office: str) -> None:
    with pytest.raises(ClientError) as caught:
        read_requests([request(tmp_path)], subject, office)
    assert caught.value.code == "request-other"


def test_request_without_proof_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        read_requests([request(tmp_path, proofs=[])], "rita", "office-eu")
    assert caught.value.code == "key-unproved"


def test_request_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClientError) as caught:
        read_requests([tmp_path / "nobody"], "rita", "office-eu")
    assert caught.value.code == "file-missing"


def test_key_stands_for_one_person_for_ever(tmp_path: Path) -> None:
    keep(tmp_path, check_unused(tmp_path, [(RITA, "rita")], []))
    check_unused(tmp_path, [(RITA, "rita")], [])
    with pytest.raises(ClientError) as caught:
        check_unused(tmp_path, [(RITA, "mallory")], [])
    assert caught.value.code == "key-taken"


def test_office_vouches_for_no_key_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ClientError) as caught:
        check_unused(tmp_path, [(RITA, "rita")], [private_key("rita")])
    assert caught.value.code == "key-taken"


def test_one_key_for_two_of_one_roster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClientError) as caught:
        check_unused(tmp_path, [(RITA, "rita"), (RITA, "mallory")], [])
    assert caught.value.code == "key-taken"


@pytest.mark.parametrize("content", ["{", "[]"])
def test_broken_register_stops_the_office(tmp_path: Path, content: str) -> None:
    (tmp_path / REGISTER).write_text(content)
    with pytest.raises(ClientError) as caught:
        check_unused(tmp_path, [(RITA, "rita")], [])
    assert caught.value.code == "register-malformed"


def test_page_signs_for_its_host_unless_told_otherwise() -> None:
    assert read_page("http://localhost:8765").rp_id == "localhost"
    assert read_page("https://sign.a.example,a.example").rp_id == "a.example"
