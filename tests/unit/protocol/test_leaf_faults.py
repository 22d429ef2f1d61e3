"""A document that lacks what the log would show of it is no leaf."""

import pytest
from factory import AUTHOR, OFFICE
from statistic_specs import statistic
from vectors.forge import WORLD, Json, broken, setting

from protocol.documents.envelope import read_envelope
from protocol.documents.leaf import SALT_BYTES, make_leaf, read_leaf
from protocol.errors import Refused


@pytest.mark.parametrize("value", [None, True, {"text": "x"}])
def test_document_without_a_public_field_is_refused(value: Json) -> None:
    envelope = read_envelope(broken(WORLD.roster(), OFFICE, setting("office", value)))

    with pytest.raises(Refused) as refusal:
        make_leaf(envelope, bytes(SALT_BYTES))

    assert refusal.value.code == "log-leaf"


def test_log_shows_that_a_statistic_has_no_image() -> None:
    envelope = read_envelope(WORLD.sign(statistic(), AUTHOR))

    leaf = make_leaf(envelope, bytes(SALT_BYTES))

    assert leaf.public == {"algorithm": envelope.digest, "image": "", "mode": "statistic", "unit": "family"}
    assert read_leaf(leaf.to_bytes()) == leaf
