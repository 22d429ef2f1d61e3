"""Faults of each kind of document by itself; those of a specification are in ``spec_cases.py``."""

import base64
from collections.abc import Iterator
from typing import Any

from factory import AUTHOR, DAY, HOLDER, NOW, OFFICE, RESEARCHER, fake_digest, key_entry, private_key, recipient_key
from vectors.forge import WORLD, broken, keys_of, setting, signed, statement_of, to_bytes, vector, without

from protocol.crypto.digest import sha256_hex
from protocol.documents.envelope import read_envelope
from protocol.documents.fields import Document

Case = tuple[str, dict[str, Any]]
_EARLIER = "2020-01-01T00:00:00Z"
_SPKI = bytes.fromhex("302a300506032b6570032100")
_FIELD = 2**255 - 19


def vectors() -> Iterator[Case]:
    for kind, document, signer in (
        ("accreditation", WORLD.accreditation(), OFFICE),
        ("roster", WORLD.roster(), OFFICE),
        ("status", WORLD.status(), OFFICE),
        ("algorithm", WORLD.algorithm(), AUTHOR),
        ("approval", WORLD.approval("meri", fake_digest("algorithm"), fake_digest("roster")), "meri"),
        ("job-order", WORLD.order(), RESEARCHER),
        ("policy", WORLD.policy(), HOLDER),
    ):
        yield from shared(kind, document, signer)
    yield from _accreditations()
    yield from _rosters()
    yield from _statuses()
    yield from _approvals()
    yield from _orders()
    yield from _policies()
    yield from _trust_roots()


def _case(kind: str, name: str, says: str, code: str | None, data: bytes, signer: str) -> Case:
    context = {"check": "document", "kind": kind, "keys": keys_of(signer), "threshold": 1}
    return f"{kind}/{name}", vector(says, code, data, **context)


def shared(kind: str, document: Document, signer: str) -> Iterator[Case]:
    """What can go wrong with every kind."""
    statement = statement_of(document)
    first = next(iter(statement["predicate"]))
    raw = signed(to_bytes(statement), signer)
    yield _case(kind, "plain", "As the factory makes it.", None, raw, signer)
    unknown = broken(document, signer, setting("urgent", True))
    yield _case(kind, "unknown-field", "A field is unknown.", "document-malformed", unknown, signer)
    missing = broken(document, signer, without(first))
    yield _case(kind, "missing-field", f"The field {first} is missing.", "document-malformed", missing, signer)
    null = broken(document, signer, setting(first, None))
    yield _case(kind, "null-field", f"The field {first} is null.", "document-malformed", null, signer)
    stranger = signed(to_bytes(statement), "mallory")
    yield _case(kind, "stranger", "A stranger signed it.", "key-unknown", stranger, signer)
    subject = statement | {"subject": [{"name": "x", "digest": {"sha256": "0" * 64}}]}
    other = signed(to_bytes(subject), signer)
    yield _case(kind, "other-subject", "The statement is about something else.", "document-subject", other, signer)


def faults(kind: str, document: Document, signer: str, cases: dict[str, tuple[str, str, str, Any]]) -> Iterator[Case]:
    """Name to sentence, code, dotted path and the value to put there."""
    for name, (says, code, path, value) in cases.items():
        yield _case(kind, name, says, code, broken(document, signer, setting(path, value)), signer)


def _accreditations() -> Iterator[Case]:
    document = WORLD.accreditation()
    malformed = "document-malformed"
    rita = key_entry(RESEARCHER)
    yield from faults(
        "accreditation",
        document,
        OFFICE,
        {
            "ends-before-it-begins": ("It ends before it begins.", malformed, "valid_until", _EARLIER),
            "no-keys": ("It has no key.", malformed, "keys", []),
            "kind-robot": ("Robots are not accredited.", malformed, "kind", "robot"),
            "country-in-words": ("The country is no code.", malformed, "country", "Finland"),
            "subject-in-capitals": ("The name is no slug.", malformed, "subject", "Rita"),
            "subject-with-slash": ("The name is a path.", malformed, "subject", "../../root"),
            "subject-with-newline": ("The name ends in a newline.", malformed, "subject", "rita\n"),
            "subject-too-long": ("The name has 101 letters.", malformed, "subject", "r" * 101),
            "name-with-control": ("The name rings a bell.", malformed, "name", "Rita\x07"),
            "name-right-to-left": ("The name turns the line around.", malformed, "name", "Rita \u202eadA"),
            "role-twice": ("A role is given twice.", malformed, "roles", ["researcher", "researcher"]),
            "moment-without-zone": ("A moment has no zone.", malformed, "valid_until", "2027-01-01T00:00:00"),
            "moment-in-other-zone": (
                "A moment is in another zone.",
                malformed,
                "valid_until",
                "2027-01-01T00:00:00+02:00",
            ),
            "moment-with-fraction": ("A moment has a fraction.", malformed, "valid_until", "2027-01-01T00:00:00.5Z"),
            "moment-impossible": ("There is no such day.", malformed, "valid_until", "2027-02-30T00:00:00Z"),
            "moment-as-number": ("A moment is a number.", malformed, "valid_until", 1_798_761_600),
            "moment-in-other-digits": (
                "A moment is in Arabic digits.",
                malformed,
                "valid_until",
                "٢٠٢٧-01-01T00:00:00Z",
            ),
            "key-twice": ("A key is listed twice.", "key-duplicate", "keys", [rita, rita]),
            "key-id-of-another": ("A key has another's id.", "key-malformed", "keys.0.keyid", "0" * 64),
            "key-scheme-swapped": ("A key claims the other scheme.", "key-malformed", "keys.0.scheme", "ecdsa-p256"),
            "key-scheme-unknown": ("A key has a scheme of its own.", malformed, "keys.0.scheme", "rsa"),
        },
    )
    for name, says, code, y in (
        ("key-identity", "The key is the neutral element.", "key-weak", 1),
        ("key-small-order", "The key has order eight.", "key-weak", _order_eight()),
        ("key-order-four", "The key has order four.", "key-weak", 0),
        ("key-order-two", "The key has order two.", "key-weak", _FIELD - 1),
        (
            "key-small-order-negative",
            "The key has order eight, with the sign set.",
            "key-weak",
            _order_eight() | 1 << 255,
        ),
        ("key-not-canonical", "The key's y is the prime plus three.", "key-weak", _FIELD + 3),
        ("key-not-canonical-identity", "The key is the neutral element plus the prime.", "key-weak", _FIELD + 1),
        ("key-off-the-curve", "The key is no point.", "key-malformed", 2),
    ):
        entry = _entry("ed25519", _SPKI + y.to_bytes(32, "little"))
        yield _case("accreditation", name, says, code, broken(document, OFFICE, setting("keys", [entry])), OFFICE)
    for name, says, spki in (
        ("key-long", "The key has a byte too many.", private_key(RESEARCHER).public.spki + b"\x00"),
        ("key-raw", "The key is raw bytes without their type.", private_key(RESEARCHER).public.raw),
    ):
        entry = _entry("ed25519", spki)
        yield _case(
            "accreditation", name, says, "key-malformed", broken(document, OFFICE, setting("keys", [entry])), OFFICE
        )
    p256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
    compressed = (
        bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + b"\x02" + (7).to_bytes(32, "big")
    )
    for name, says, spki in (
        ("key-p256-off-the-curve", "The P-256 key is no point.", p256 + bytes(63) + b"\x01"),
        ("key-p256-compressed", "The P-256 key is written in its other form.", compressed),
    ):
        entry = _entry("ecdsa-p256", spki)
        yield _case(
            "accreditation", name, says, "key-malformed", broken(document, OFFICE, setting("keys", [entry])), OFFICE
        )


def _entry(scheme: str, spki: bytes) -> dict[str, str]:
    return {"keyid": sha256_hex(spki), "scheme": scheme, "public": base64.b64encode(spki).decode()}


def _order_eight() -> int:
    """A y with d·y⁴ + 2y² - 1 = 0: a point whose double has order four."""
    d = -121665 * pow(121666, -1, _FIELD) % _FIELD
    for sign in (1, -1):
        square = (-1 + sign * _root(1 + d)) * pow(d, -1, _FIELD) % _FIELD
        if pow(square, (_FIELD - 1) // 2, _FIELD) == 1:
            return _root(square)
    raise RuntimeError("the curve has points of order eight")


def _root(square: int) -> int:
    root = pow(square, (_FIELD + 3) // 8, _FIELD)
    if root * root % _FIELD != square % _FIELD:
        root = root * pow(2, (_FIELD - 1) // 4, _FIELD) % _FIELD
    return root


def _rosters() -> Iterator[Case]:
    document = WORLD.roster()
    twice = [WORLD.member("meri"), WORLD.member("meri", key=key_entry("meri-2"))]
    shared = [WORLD.member("meri"), WORLD.member("mikko", key=key_entry("meri"))]
    yield from faults(
        "roster",
        document,
        OFFICE,
        {
            "no-members": ("Nobody sits on it.", "document-malformed", "members", []),
            "person-twice": ("One person has two keys.", "roster-duplicate", "members", twice),
            "key-twice": ("Two persons share a key.", "key-duplicate", "members", shared),
            "minimum-zero": ("Nobody needs to approve.", "document-malformed", "minimum_approvals", 0),
            "minimum-as-text": ("A number is a text.", "document-malformed", "minimum_approvals", "2"),
            "minimum-as-truth": ("A number is a truth value.", "document-malformed", "minimum_approvals", True),
            "version-zero": ("Versions begin at one.", "document-malformed", "version", 0),
        },
    )


def _statuses() -> Iterator[Case]:
    document = WORLD.status()
    late = f"{NOW + 7 * DAY:%Y-%m-%dT%H:%M:%SZ}"
    yield _case("status", "everything-revoked", "One of each kind is revoked.", None, _status_of_everything(), OFFICE)
    yield from faults(
        "status",
        document,
        OFFICE,
        {
            "eight-days": ("It lives eight days.", "status-lifetime", "expires", late),
            "expires-first": ("It expires before it is issued.", "status-lifetime", "expires", _EARLIER),
            "revoked-unknown-kind": ("It revokes what cannot be.", "document-malformed", "revoked.countries", ["fi"]),
            "revoked-no-digest": (
                "It revokes something without a digest.",
                "document-malformed",
                "revoked.keys",
                ["rita"],
            ),
        },
    )


def _status_of_everything() -> bytes:
    digests = {kind: [fake_digest(kind)] for kind in ("keys", "rosters", "approvals", "algorithms")}
    return WORLD.sign(WORLD.status(revoked={"persons": ["eve"], "nodes": ["node-x"]} | digests), OFFICE)


def _approvals() -> Iterator[Case]:
    document = WORLD.approval("meri", fake_digest("algorithm"), fake_digest("roster"))
    malformed = "document-malformed"
    yield from faults(
        "approval",
        document,
        "meri",
        {
            "decision-maybe": ("The decision is neither.", malformed, "decision", "maybe"),
            "no-nodes": ("It names no node.", malformed, "conditions.nodes", []),
            "no-persons": ("Nobody may order.", malformed, "persons", []),
            "rho-zero": ("It allows nothing.", malformed, "conditions.rho_per_job_nano", 0),
            "rho-negative": ("It allows less than nothing.", malformed, "conditions.rho_per_job_nano", -1),
            "rho-as-decimal": ("ρ is a decimal.", malformed, "conditions.rho_per_job_nano", "0.03125"),
            "purpose-in-words": ("The purpose is no term.", malformed, "conditions.purposes", ["research"]),
            "purpose-eight-digits": (
                "A term has a digit too many.",
                malformed,
                "conditions.purposes",
                ["DUO:00000044"],
            ),
            "conflict-unsaid": ("The conflict of interest is null.", malformed, "conflict_of_interest", None),
            "algorithm-prefixed": ("The digest has a prefix.", malformed, "algorithm", "sha256:" + fake_digest("a")),
            "algorithm-in-capitals": ("The digest is in capitals.", malformed, "algorithm", fake_digest("a").upper()),
        },
    )
    rejection = WORLD.approval("meri", fake_digest("algorithm"), fake_digest("roster"), decision="reject")
    yield _case("approval", "rejection", "A rejection is a decision too.", None, WORLD.sign(rejection, "meri"), "meri")


def _orders() -> Iterator[Case]:
    document = WORLD.order()
    malformed = "document-malformed"
    weak = base64.b64encode(recipient_key().public_bytes[:1184] + bytes(32)).decode()
    yield from faults(
        "job-order",
        document,
        RESEARCHER,
        {
            "recipient-short": ("The recipient key is cut off.", "key-malformed", "recipient", "AAAA"),
            "recipient-small-order": (
                "The recipient key has small order.",
                "key-malformed",
                "recipient",
                weak,
            ),
            "recipient-no-base64": ("The recipient key is no base64.", malformed, "recipient", "not base64"),
            "nonce-short": ("The nonce is short.", malformed, "nonce", "00"),
            "window-reversed": ("It ends before it begins.", "order-window", "not_after", _EARLIER),
            "rho-zero": ("An output costs nothing.", malformed, "rho.0.nano", 0),
            "interval-negative": ("An interval gives privacy back.", malformed, "rho.0.interval_nano", -1),
            "interval-fraction": ("An interval costs a fraction.", malformed, "rho.0.interval_nano", 0.5),
            "rho-none": ("There are no shares.", malformed, "rho", []),
            "approval-twice": ("It names an approval twice.", malformed, "approvals", [fake_digest("a")] * 2),
            "no-approvals": ("It names no approval.", malformed, "approvals", []),
            "parameter-float": ("A parameter is a fraction.", malformed, "parameters.alpha", 0.05),
            "blocks-negative": ("The number of blocks is negative.", malformed, "blocks", -1),
            "purpose-list": ("It has two purposes.", malformed, "purpose", ["DUO:0000006"]),
        },
    )

    share = {"output": "log_odds_ratio", "nano": 31_250_000, "interval_nano": 29_000_000}
    bought = WORLD.sign(WORLD.order(rho=[share]), RESEARCHER)
    yield _case("job-order", "interval-bought", "It buys a total interval.", None, bought, RESEARCHER)


def _policies() -> Iterator[Case]:
    document = WORLD.policy()
    malformed = "document-malformed"
    yield from faults(
        "policy",
        document,
        HOLDER,
        {
            "delta-float": ("δ is a float.", malformed, "delta", 1e-6),
            "delta-exponent": ("δ has an exponent.", malformed, "delta", "1e-6"),
            "delta-one": ("δ is one.", "policy-delta", "delta", "1"),
            "delta-zero": ("δ is zero.", "policy-delta", "delta", "0"),
            "cap-null": ("There is no cap.", malformed, "pool_cap_nano", None),
            "cap-float": ("A cap is a fraction.", malformed, "pool_cap_nano", 0.5),
            "lanes-zero": ("There is no lane.", malformed, "lanes", 0),
            "strict-and-immediate": ("Strict, and starts tell run times.", "policy-profile", "profile", "strict"),
            "timing-fast": ("The timing is unknown.", malformed, "timing", "fast"),
        },
    )
    missing = broken(document, HOLDER, without("dataset_cap_nano"))
    strict = {"profile": "strict", "timing": "padded"}
    for name, says, code, lanes in (
        ("strict-and-side-by-side", "Strict, and chambers run at once.", "policy-profile", 2),
        ("strict", "Strict, padded and one at a time.", None, 1),
    ):
        data = broken(document, HOLDER, lambda found, lanes=lanes: found.update(strict, lanes=lanes))
        yield _case("policy", name, says, code, data, HOLDER)
    yield _case("policy", "cap-missing", "A cap is missing: nothing has a default.", malformed, missing, HOLDER)


def _trust_roots() -> Iterator[Case]:
    root = WORLD.trust_root()

    def case(name: str, says: str, code: str | None, data: bytes, fingerprint: str | None = None) -> Case:
        found = fingerprint or read_envelope(data).digest
        return f"trust-root/{name}", vector(says, code, data, check="trust-root", fingerprint=found)

    true = WORLD.sign(root, HOLDER)
    yield case("plain", "As the factory makes it.", None, true)
    digest = read_envelope(true).digest
    grouped = ":".join(digest[i : i + 4] for i in range(0, 64, 4)).upper()
    yield case("fingerprint-read-aloud", "The fingerprint came in groups of four.", None, true, grouped)
    yield case("fingerprint-other", "The fingerprint is another.", "trust-root-fingerprint", true, fake_digest("other"))
    yield case("fingerprint-prefix", "The fingerprint is cut off.", "trust-root-fingerprint", true, digest[:16])
    yield case("stranger", "A stranger signed it.", "key-unknown", WORLD.sign(root, "mallory"))
    two = WORLD.trust_root(root_keys=[key_entry(HOLDER), key_entry("holder-2")], root_threshold=2)
    yield case("threshold-two", "Two of two root keys.", None, WORLD.sign(two, HOLDER, "holder-2"))
    yield case("threshold-unmet", "One of two root keys.", "key-unknown", WORLD.sign(two, HOLDER))
    office = {"office": OFFICE, "keys": [key_entry(OFFICE)]}
    again = {"office": OFFICE, "keys": [key_entry("office-2")]}
    borrowed = {"office": "office-es", "keys": [key_entry(OFFICE)]}
    rule = statement_of(root)["predicate"]["datasets"][0]
    committees = rule["committees"]
    malformed = "document-malformed"

    def page(**changes: str) -> dict[str, str]:
        return {"origin": "https://sign.a.example", "rp_id": "a.example"} | changes

    pages = WORLD.sign(
        WORLD.trust_root(passkey_origins=[page(), page(origin="http://localhost:8765", rp_id="localhost")]), HOLDER
    )
    cleo, carl = ({"person": name, "keys": [key_entry(name)]} for name in ("cleo", "carl"))
    cleo_keys = {"keys": cleo["keys"]}
    passkey_custodian = cleo | {"keys": [key_entry("cleo") | {"scheme": "webauthn"}]}
    custodians = WORLD.sign(WORLD.trust_root(custodians=[cleo, carl]), HOLDER)
    yield case("custodians", "Two persons may restore the ledger together.", None, custodians)
    yield case("passkey-origins", "Passkeys may sign on two pages.", None, pages)
    for name, (says, code, path, value) in {
        "threshold-above-keys": ("It asks for more than it has.", "trust-root-threshold", "root_threshold", 2),
        "threshold-zero": ("It asks for nobody.", malformed, "root_threshold", 0),
        "root-key-twice": ("A root key is listed twice.", "key-duplicate", "root_keys", [key_entry(HOLDER)] * 2),
        "office-twice": ("An office is listed twice.", malformed, "offices", [office, again]),
        "office-key-shared": ("Two offices share a key.", "key-duplicate", "offices", [office, borrowed]),
        "no-office": ("There is no office.", malformed, "offices", []),
        "dataset-twice": ("A dataset is listed twice.", malformed, "datasets", [rule, rule]),
        "dataset-without-committee": ("A dataset needs nobody.", malformed, "datasets.0.committees", []),
        "committee-twice": ("A committee is listed twice.", malformed, "datasets.0.committees", committees * 2),
        "minimum-zero": ("A committee needs nobody.", malformed, "datasets.0.committees.0.minimum_approvals", 0),
        "origin-path": ("An origin has a path.", malformed, "passkey_origins", [page(origin="https://a.example/page")]),
        "origin-insecure": ("Plain http, elsewhere.", malformed, "passkey_origins", [page(origin="http://a.example")]),
        "origin-twice": ("A page is listed twice.", malformed, "passkey_origins", [page(), page()]),
        "origin-other-rp-id": (
            "A page signs for another site.",
            "passkey-rp-id",
            "passkey_origins",
            [page(rp_id="b.example")],
        ),
        "root-key-passkey": ("A root key is a passkey.", "key-scheme", "root_keys.0.scheme", "webauthn"),
        "office-key-passkey": ("An office's key is a passkey.", "key-scheme", "offices.0.keys.0.scheme", "webauthn"),
        "custodian-twice": (
            "A custodian is listed twice.",
            malformed,
            "custodians",
            [cleo, cleo | {"keys": carl["keys"]}],
        ),
        "custodian-key-shared": (
            "Two custodians share a key.",
            "key-duplicate",
            "custodians",
            [cleo, carl | cleo_keys],
        ),
        "custodian-passkey": ("A custodian's key is a passkey.", "key-scheme", "custodians", [passkey_custodian]),
        "delay-negative": ("The delay is negative.", malformed, "roster_delay_hours", -1),
        "unknown-field": ("A field is unknown.", malformed, "trust_registry", True),
    }.items():
        yield case(name, says, code, broken(root, HOLDER, setting(path, value)))
    missing = broken(root, HOLDER, without("roster_delay_hours"))
    yield case("delay-missing", "The delay has no default.", malformed, missing)
