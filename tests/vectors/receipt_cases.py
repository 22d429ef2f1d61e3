"""Faults of receipts, and of the plaintext of releases (sealed bytes differ in every run; tests make them)."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from factory import DAY, HOLDER, NODE, NOW, OFFICE, YEAR, fake_digest, key_entry
from vectors.forge import NOW_TEXT, WORLD, broken, setting, signed, statement_of, to_bytes, vector

from protocol.crypto.hpke import pad
from protocol.documents.receipt import Receipt

Case = tuple[str, dict[str, Any]]
_ORDER = WORLD.order()
_ORDER_ID = fake_digest("order")
_RELEASED = {"decision": "released", "code": "released", "release_digest": fake_digest("ciphertext")}

VOTED = {
    "name": "commonest_allele",
    "category": "A",
    "mechanism": "noisy-max",
    "scale": "4",
    "claim": "A category that leads by 30 of 128 votes is released with a probability of at least 0.999.",
    "rho_nano": 31_250_000,
}
_BAR = {
    "category": "A",
    "value": "12",
    "noise_low": "2",
    "noise_high": "22",
    "total_low": "3",
    "total_high": "21",
    "standard_error": "4.5",
}
COUNTED = {
    "name": "alleles",
    "bars": [_BAR, _BAR | {"category": "none seen"}],
    "mechanism": "discrete-gaussian-vector",
    "scale": "3",
    "noise": {"level": "0.999", "covers": "Each bar without noise."},
    "total": {"level": "0.95", "covers": "Each bar, noise and sampling together."},
    "rho_nano": 31_250_000,
}


def vectors() -> Iterator[Case]:
    yield from _receipts()
    yield from _releases()


def _receipt(name: str, says: str, code: str | None, data: bytes, **changes: Any) -> Case:
    context = {
        "check": "receipt",
        "accreditations": [WORLD.sign(WORLD.accreditation(NODE), OFFICE).decode()],
        "statuses": [_status()],
        "trust_root": WORLD.sign(WORLD.trust_root(), HOLDER).decode(),
        "now": NOW_TEXT,
        "order": _ORDER_ID,
    }
    return f"receipt/{name}", vector(says, code, data, **(context | changes))


def _status(signer: str = OFFICE, **changes: Any) -> str:
    return WORLD.sign(WORLD.status(**changes), signer).decode()


def _standing(true: bytes) -> Iterator[Case]:
    """What a status says of the node, and when it must have said it."""

    def case(name: str, says: str, code: str | None, statuses: list[str], **changes: Any) -> Case:
        return _receipt(name, says, code, true, statuses=statuses, **changes)

    yield case("status-missing", "No status came.", "status-missing", [])
    revoked = {"nodes": [NODE]}
    yield case("node-revoked", "The node is revoked.", "node-revoked", [_status(revoked=revoked)])
    keyid = key_entry(NODE)["keyid"]
    yield case("node-key-revoked", "The node's key is revoked.", "key-revoked", [_status(revoked={"keys": [keyid]})])
    later = {"version": 2, "issued": NOW + DAY, "expires": NOW + 2 * DAY}
    month_later = f"{NOW + 30 * DAY:%Y-%m-%dT%H:%M:%SZ}"
    both = [_status(), _status(revoked=revoked, **later)]
    yield case("node-revoked-later", "A later status revokes the node.", "node-revoked", both, now=month_later)
    yield case("status-later", "The status is from later.", None, [_status(**later)], now=month_later)
    before = _status(issued=NOW - 3 * DAY, expires=NOW)
    yield case("status-ended-before", "The status had ended when it was issued.", "status-stale", [before])
    tomorrow = _status(issued=NOW + DAY, expires=NOW + 2 * DAY)
    yield case("status-from-the-future", "The status is issued later than now.", "status-stale", [tomorrow])
    yield case("status-forged", "A stranger signed the status.", "key-unknown", [_status("mallory")])
    dead = {"live": True, "now": month_later}
    yield case(
        "status-not-live", "It ended since, and one alive now was asked for.", "status-stale", [_status()], **dead
    )
    yield case("status-live", "It is alive now, as was asked for.", None, [_status()], live=True)


def _key_changes(document: Receipt) -> Iterator[Case]:
    """A node that changed its keys has two accreditations; what each key signed stays verifiable for its time."""
    new = WORLD.accreditation(NODE, keys=[key_entry("node-fi-2")], valid_from=NOW + DAY)
    both = [WORLD.sign(one, OFFICE).decode() for one in (new, WORLD.accreditation(NODE))]
    old_key, new_key = WORLD.sign(document, NODE), WORLD.sign(document, "node-fi-2")
    later = f"{NOW + 3 * DAY:%Y-%m-%dT%H:%M:%SZ}"
    yield _receipt(
        "old-key", "It was signed before the node changed keys.", None, old_key, accreditations=both, now=later
    )
    early = "The new key signed it before it was accredited."
    yield _receipt("new-key-too-early", early, "accreditation-expired", new_key, accreditations=both, now=later)


def _receipts() -> Iterator[Case]:
    document = WORLD.receipt(_ORDER, _ORDER_ID)
    true = WORLD.sign(document, NODE)
    yield _receipt("refused", "A refusal.", None, true)
    released = WORLD.receipt(_ORDER, _ORDER_ID, rho_charged_nano=31_250_000, **_RELEASED)
    yield _receipt("released", "A release.", None, WORLD.sign(released, NODE))
    years_later = f"{NOW + 5 * YEAR:%Y-%m-%dT%H:%M:%SZ}"
    yield _receipt("read-years-later", "The node's accreditation has ended since.", None, true, now=years_later)
    stranger = WORLD.sign(document, "node-es")
    yield _receipt("stranger", "Another node signed it.", "receipt-signature", stranger)
    yield _receipt("unaccredited", "Nobody accredited the node.", "accreditation-missing", true, accreditations=[])
    person = WORLD.sign(WORLD.accreditation(NODE, kind="person"), OFFICE).decode()
    yield _receipt(
        "node-is-a-person", "A person poses as a node.", "accreditation-missing", true, accreditations=[person]
    )
    forged = WORLD.sign(WORLD.accreditation(NODE), "mallory").decode()
    yield _receipt("accreditation-forged", "A stranger accredited it.", "key-unknown", true, accreditations=[forged])
    foreign = WORLD.sign(WORLD.accreditation(NODE, office="office-xx"), "mallory").decode()
    yield _receipt("office-unknown", "An unknown office did.", "office-unknown", true, accreditations=[foreign])
    ended = WORLD.sign(WORLD.accreditation(NODE, valid_until=NOW), OFFICE).decode()
    yield _receipt(
        "accreditation-expired",
        "The node's accreditation had ended.",
        "accreditation-expired",
        true,
        accreditations=[ended],
    )
    roleless = WORLD.sign(WORLD.accreditation(NODE, roles=["researcher"]), OFFICE).decode()
    yield _receipt("role-missing", "It is no node.", "accreditation-role", true, accreditations=[roleless])
    yield _receipt("other-order", "It answers another order.", "receipt-other-order", true, order=fake_digest("other"))
    before = f"{NOW - YEAR / 2:%Y-%m-%dT%H:%M:%SZ}"
    yield _receipt("from-the-future", "It was issued after now.", "receipt-future", true, now=before)
    yield from _standing(true)
    yield from _key_changes(document)
    for name, (says, code, path, value) in {
        "refused-with-release": ("A refusal binds a release.", "receipt-inconsistent", "release_digest", "0" * 64),
        "refused-with-charge": ("A refusal costs something.", "receipt-inconsistent", "rho_charged_nano", 1),
        "released-without-digest": ("A release is not bound.", "receipt-inconsistent", "decision", "released"),
        "code-in-words": ("The code is a sentence.", "document-malformed", "code", "Not allowed!"),
        "charge-negative": ("The charge is negative.", "document-malformed", "rho_charged_nano", -1),
        "decision-unknown": ("The decision is unknown.", "document-malformed", "decision", "maybe"),
    }.items():
        yield _receipt(name, says, code, broken(document, NODE, setting(path, value)))
    unknown = broken(document, NODE, setting("chambers_killed", 3))
    yield _receipt("unknown-field", "It tells what the data did.", "document-malformed", unknown)
    subject = WORLD.receipt(_ORDER, fake_digest("other"))
    swapped = statement_of(document) | {"subject": statement_of(subject)["subject"]}
    yield _receipt(
        "other-subject", "Its subject is another order.", "document-subject", signed(to_bytes(swapped), NODE)
    )


def _releases() -> Iterator[Case]:
    def case(name: str, says: str, code: str | None, data: bytes) -> Case:
        return f"release/{name}", vector(says, code, data, check="release")

    release = WORLD.release(_ORDER, _ORDER_ID)
    true = release.to_bytes()
    yield case("plain", "As the factory makes it, padded.", None, pad(true, 4096))
    padded = pad(true, 4096)
    yield case("padding-not-zero", "Something hides in the padding.", "seal-broken", padded[:-1] + b"\x01")
    yield case("padding-cut", "The padded text is cut off.", "seal-broken", padded[: len(true)])
    yield case("padding-none", "There is not even a length.", "seal-broken", b"\x00")
    yield from _releases_of_categories(case)
    value = release.model_dump(mode="json")
    for name, (says, code, path, new) in {
        "value-float": ("A value is a float.", "document-malformed", "outputs.0.value", 0.31),
        "value-nan": ("A value is NaN.", "document-malformed", "outputs.0.value", "NaN"),
        "interval-reversed": ("An interval is reversed.", "release-malformed", "outputs.0.noise_interval.low", "9"),
        "interval-certain": ("An interval covers always.", "release-malformed", "outputs.0.noise_interval.level", "1"),
        "no-interval": ("There is no interval.", "document-malformed", "outputs.0.noise_interval", None),
        "unknown-field": ("It counts what failed.", "document-malformed", "defaults_used", 3),
    }.items():
        changed = deepcopy(value)
        setting(path, new)(changed)
        yield case(name, says, code, pad(to_bytes(changed), 8192))


def _releases_of_categories(case: Callable[[str, str, str | None, bytes], Case]) -> Iterator[Case]:
    """Votes and histograms: what a release of theirs holds, and what it may not."""
    release = WORLD.release(_ORDER, _ORDER_ID, outputs=[VOTED, COUNTED])
    yield case("categories", "A vote and a histogram.", None, pad(release.to_bytes(), release.padded_length()))
    value = release.model_dump(mode="json")
    faults: dict[str, tuple[str, str, str, Any]] = {
        "vote-without-words": ("A vote claims nothing.", "document-malformed", "outputs.0.claim", None),
        "vote-with-value": ("A vote is a number.", "document-malformed", "outputs.0.value", "1"),
        "bars-none": ("A histogram is empty.", "document-malformed", "outputs.1.bars", []),
        "bar-count": ("A bar tells its true count.", "document-malformed", "outputs.1.bars.0.count", 3),
        "bar-reversed": ("A bar's interval is reversed.", "release-malformed", "outputs.1.bars.0.noise_low", "99"),
    }
    for name, (says, code, path, new) in faults.items():
        changed = deepcopy(value)
        setting(path, new)(changed)
        yield case(name, says, code, pad(to_bytes(changed), 16_384))
