"""Sealing: only the recipient opens, only in its context, and the length tells nothing."""

import pytest
from factory import recipient_key

from protocol.crypto import hpke
from protocol.crypto.hpke import RecipientKey, check_recipient, load_recipient, open_sealed, pad, seal, unpad
from protocol.errors import Refused


def test_sealed_bytes_open_for_the_recipient() -> None:
    key = RecipientKey.generate()

    sealed = seal(b"result", key.public_bytes, b"order 1")

    assert open_sealed(sealed, key, b"order 1") == b"result"
    assert len(sealed) == len(b"result") + hpke.OVERHEAD_BYTES
    assert sealed != seal(b"result", key.public_bytes, b"order 1")


@pytest.mark.parametrize("position", [0, 1087, 1088, 1119, 1120, -1])
def test_sealed_bytes_with_a_flipped_bit_do_not_open(position: int) -> None:
    key = recipient_key()
    sealed = bytearray(seal(b"result", key.public_bytes, b"order 1"))
    sealed[position] ^= 1

    with pytest.raises(Refused) as refusal:
        open_sealed(bytes(sealed), key, b"order 1")

    assert refusal.value.code == "seal-broken"


def test_sealed_bytes_do_not_open_in_another_context_or_for_another_key() -> None:
    sealed = seal(b"result", recipient_key("rita").public_bytes, b"order 1")

    for key, info in ((recipient_key("rita"), b"order 2"), (recipient_key("olga"), b"order 1")):
        with pytest.raises(Refused) as refusal:
            open_sealed(sealed, key, info)
        assert refusal.value.code == "seal-broken"


@pytest.mark.parametrize("cut", [0, 10, 1119, 1135])
def test_sealed_bytes_cut_off_do_not_open(cut: int) -> None:
    key = recipient_key()

    with pytest.raises(Refused) as refusal:
        open_sealed(seal(b"result", key.public_bytes, b"")[:cut], key, b"")

    assert refusal.value.code == "seal-broken"


def test_recipient_key_survives_its_bytes_and_its_pem() -> None:
    key = RecipientKey.generate()

    assert RecipientKey.from_bytes(key.to_bytes()).public_bytes == key.public_bytes
    assert load_recipient(key.to_pem(None), None).public_bytes == key.public_bytes
    assert load_recipient(key.to_pem(b"secret"), b"secret").public_bytes == key.public_bytes
    assert key.to_bytes().hex() not in repr(key)


def test_recipient_key_refuses_other_files() -> None:
    pem = recipient_key().to_pem(None)
    first, second = pem[: pem.index(b"-----BEGIN", 1)], pem[pem.index(b"-----BEGIN", 1) :]

    for wrong in (first, second + first, b"", first + b"-----BEGIN nothing"):
        with pytest.raises(Refused) as refusal:
            load_recipient(wrong, None)
        assert refusal.value.code == "key-malformed"
    with pytest.raises(Refused) as refusal:
        RecipientKey.from_bytes(b"short")
    assert refusal.value.code == "key-malformed"


@pytest.mark.parametrize("u", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18])
def test_recipient_public_key_of_small_order_is_refused(u: int) -> None:
    """Such an X25519 key would give everybody the same secret, and sealing would fail after the charge."""
    public = recipient_key().public_bytes[:1184] + u.to_bytes(32, "little")

    with pytest.raises(Refused) as refusal:
        check_recipient(public)

    assert refusal.value.code == "key-malformed"


@pytest.mark.parametrize("public", [b"", b"x" * 1215, b"\xff" * 1216, b"x" * 1217])
def test_recipient_public_key_of_wrong_shape_is_refused(public: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        check_recipient(public)

    assert refusal.value.code == "key-malformed"


@pytest.mark.parametrize("text", [b"", b"a", b"x" * 96, b"ends in zero\x00"])
def test_padding_hides_the_length_and_comes_off(text: bytes) -> None:
    padded = pad(text, 100)

    assert len(padded) == 100
    assert unpad(padded) == text


def test_padding_refuses_what_does_not_fit() -> None:
    with pytest.raises(Refused) as refusal:
        pad(b"x" * 97, 100)

    assert refusal.value.code == "seal-length"


@pytest.mark.parametrize("padded", [b"", b"\x00\x00", b"\x00\x00\x00\x05abc", b"\x00\x00\x00\x01a\x00b", b"\xff" * 8])
def test_padding_that_is_wrong_is_refused(padded: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        unpad(padded)

    assert refusal.value.code == "seal-broken"
