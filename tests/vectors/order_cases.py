"""Faults of whole orders: whose documents they are, and whether they still live."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from factory import (
    AUTHOR,
    DAY,
    NODE,
    NOW,
    OFFICE,
    RESEARCHER,
    YEAR,
    digest_of,
    fake_digest,
    key_entry,
    private_key,
)
from vectors.bundles import (
    TRUE,
    WORLD,
    Case,
    accredited,
    case,
    moment_text,
    signed_algorithm,
    two_committees,
    two_rules,
    voted,
)
from vectors.forge import P256Key
from vectors.spec_cases import UNIT_MODE

from protocol.chain import OrderBundle
from protocol.documents.envelope import sign_statement
from protocol.documents.key import Key


def vectors() -> Iterator[Case]:
    yield from _accepted()
    yield from _documents_swapped()
    yield from _researcher()
    yield from _key_changes()
    yield from _status()
    yield from _revoked()


def _key_changes() -> Iterator[Case]:
    """The author changed keys, and has an accreditation for each; the new one lives longer."""
    new = (AUTHOR, {"keys": [key_entry("ada-2")], "valid_until": NOW + 2 * YEAR})
    researcher = (RESEARCHER, {})
    says = "The author signed it with a key that is still accredited."
    yield case(
        "author-changed-keys", says, None, replace(TRUE, accreditations=accredited(researcher, new, (AUTHOR, {})))
    )
    old = (AUTHOR, {"valid_until": NOW})
    ended = replace(TRUE, accreditations=accredited(researcher, new, old))
    yield case("author-old-key-ended", "The old key's accreditation has ended.", "accreditation-expired", ended)
    both = (AUTHOR, {"keys": [key_entry("ada-2"), key_entry(AUTHOR)]})
    listed = replace(TRUE, accreditations=accredited(researcher, both, old))
    yield case("author-both-keys", "The old key's accreditation ended; the new one lists both.", None, listed)


def _accepted() -> Iterator[Case]:
    yield case("two-of-three", "Two of three members approve.", None, TRUE)
    yield case("three-of-three", "All three approve.", None, WORLD.bundle(approvals=WORLD.members))
    unit = WORLD.bundle(
        algorithm=UNIT_MODE,
        order={
            "parameters": {"variants": ["rs429358", "rs7412"]},
            "blocks": 0,
            "rho": [{"output": name, "nano": 10_000_000} for name in ("rs429358", "rs7412")],
        },
    )
    yield case("unit-mode", "One output per variant.", None, unit)
    own = WORLD.bundle(algorithm={"author": RESEARCHER})
    own = signed_algorithm(own, RESEARCHER, author=RESEARCHER)
    yield case("author-orders", "The author is the one who orders.", None, own)
    shuffled = {"nodes": ["node-es", NODE]}
    other = {"nodes": [NODE, "node-es"]}
    same = WORLD.bundle(
        approvals={
            "meri": {"conditions": WORLD.conditions(**shuffled)},
            "mikko": {"conditions": WORLD.conditions(**other)},
        }
    )
    yield case("conditions-in-another-order", "A set has no order.", None, same)
    forged = (*TRUE.accreditations, *accredited((RESEARCHER, {"valid_until": NOW + 2 * YEAR}), signer="mallory"))
    yield case(
        "forgery-beside", "A forged accreditation lies beside the true one.", None, replace(TRUE, accreditations=forged)
    )
    late = replace(TRUE, statuses=(*TRUE.statuses, WORLD.sign(WORLD.status(version=9), "mallory")))
    yield case("forged-status-beside", "A forged status lies beside the true one.", None, late)
    yield case(
        "clock-a-little-fast",
        "The researcher's clock is 59 s ahead.",
        None,
        WORLD.bundle(order={"not_before": NOW + timedelta(seconds=59)}),
    )
    key = P256Key(secret=7)
    member = WORLD.member("meri", key=Key.of(key.public).model_dump())
    bundle = WORLD.bundle(roster={"members": [member, WORLD.member("mikko"), WORLD.member("maria")]})
    vote = sign_statement(WORLD.approval("meri", digest_of(bundle.algorithm), digest_of(bundle.rosters[0])), [key])
    yield case(
        "member-with-p256", "A member signs with the other scheme.", None, voted(bundle, vote, bundle.approvals[1])
    )
    seen = {"rosters": {digest_of(TRUE.rosters[0]): moment_text(NOW - 2 * DAY)}}
    yield case(
        "roster-delay-passed",
        "The roster was first seen two days ago.",
        None,
        TRUE,
        root={"roster_delay_hours": 48},
        memory=seen,
    )
    yield case("two-committees", "A country's veto is one more committee.", None, two_committees(), root=two_rules())
    spare = WORLD.roster(committee="ethics-es", members=[WORLD.member("elena")])
    roster = WORLD.sign(spare, OFFICE)
    approval = WORLD.approval("elena", digest_of(TRUE.algorithm), digest_of(roster), committee="ethics-es")
    extra = replace(TRUE, rosters=(*TRUE.rosters, roster))
    yield case(
        "approval-of-another-committee",
        "A committee that nobody asked approves as well.",
        None,
        voted(extra, *TRUE.approvals, WORLD.sign(approval, "elena")),
    )


def _documents_swapped() -> Iterator[Case]:
    image = WORLD.image.model_dump() | {"archive_digest": fake_digest("evil archive")}
    swapped = WORLD.sign(WORLD.algorithm(image=image), AUTHOR)
    yield case(
        "image-swapped", "Another image under the approved name.", "algorithm-other", replace(TRUE, algorithm=swapped)
    )
    loose = WORLD.sign(WORLD.algorithm(slot_milliseconds=21_000), AUTHOR)
    yield case(
        "spec-swapped", "The image with another specification.", "algorithm-other", replace(TRUE, algorithm=loose)
    )
    yield case("algorithm-missing", "The algorithm was left out.", "algorithm-missing", replace(TRUE, algorithm=b""))
    yield case(
        "algorithm-not-by-author",
        "Another signed the algorithm.",
        "algorithm-signature",
        signed_algorithm(TRUE, RESEARCHER),
    )
    yield case(
        "algorithm-by-stranger",
        "A stranger signed the algorithm.",
        "algorithm-signature",
        signed_algorithm(TRUE, "mallory"),
    )
    roster_as_status = replace(TRUE, statuses=TRUE.rosters)
    yield case("roster-as-status", "A roster poses as a status.", "document-kind", roster_as_status)
    yield case("trust-root-expired", "The trust root has expired.", "trust-root-expired", TRUE, root={"expires": NOW})
    behind = {"clock": moment_text(NOW + timedelta(seconds=61))}
    yield case("clock-behind", "The node has already acted later than now.", "clock-behind", TRUE, memory=behind)


def _researcher() -> Iterator[Case]:
    author = (AUTHOR, {})

    def given(**changes: Any) -> OrderBundle:
        return replace(TRUE, accreditations=accredited((RESEARCHER, changes), author))

    yield case(
        "accreditation-missing",
        "The researcher is not accredited.",
        "accreditation-missing",
        replace(TRUE, accreditations=accredited(author)),
    )
    yield case(
        "author-missing",
        "The author is not accredited.",
        "accreditation-missing",
        replace(TRUE, accreditations=accredited((RESEARCHER, {}))),
    )
    yield case("accreditation-expired", "The accreditation has ended.", "accreditation-expired", given(valid_until=NOW))
    yield case(
        "accreditation-not-yet",
        "The accreditation begins tomorrow.",
        "accreditation-expired",
        given(valid_from=NOW + DAY),
    )
    yield case("accreditation-role", "The researcher is a clerk.", "accreditation-role", given(roles=["clerk"]))
    yield case(
        "accreditation-of-a-node", "A node poses as the researcher.", "accreditation-missing", given(kind="node")
    )
    yield case(
        "accreditation-by-stranger",
        "A stranger accredited the researcher.",
        "key-unknown",
        replace(TRUE, accreditations=accredited((RESEARCHER, {}), author, signer="mallory")),
    )
    yield case("accreditation-by-unknown-office", "An unknown office did.", "office-unknown", given(office="office-xx"))
    ended = (AUTHOR, {"valid_until": NOW})
    yield case(
        "author-expired",
        "The author's accreditation has ended.",
        "accreditation-expired",
        replace(TRUE, accreditations=accredited((RESEARCHER, {}), ended)),
    )
    order = WORLD.order(digest_of(TRUE.algorithm), [digest_of(raw) for raw in TRUE.approvals])
    for name, says, signer in (
        ("order-by-stranger", "A stranger signed the order.", "mallory"),
        ("order-by-author", "Another accredited person signed the order.", AUTHOR),
        ("order-by-office", "The office signed the order.", OFFICE),
    ):
        yield case(name, says, "order-signature", replace(TRUE, order=WORLD.sign(order, signer)))
    swapped = given(keys=[key_entry("mallory")])
    yield case("researcher-key-swapped", "The accredited key is another.", "order-signature", swapped)


def _status() -> Iterator[Case]:
    def given(*statuses: bytes) -> OrderBundle:
        return replace(TRUE, statuses=statuses)

    def status(signer: str = OFFICE, **changes: Any) -> bytes:
        return WORLD.sign(WORLD.status(**changes), signer)

    yield case("status-missing", "The registry withholds the status.", "status-missing", given())
    yield case("status-stale", "The status has expired.", "status-stale", given(status(expires=NOW)))
    early = status(issued=NOW + DAY, expires=NOW + 2 * DAY)
    yield case("status-from-tomorrow", "The status begins tomorrow.", "status-stale", given(early))
    yield case(
        "status-of-another-office", "It is another office's.", "status-missing", given(status(office="office-es"))
    )
    yield case("status-by-stranger", "A stranger signed it.", "key-unknown", given(status("mallory")))
    rollback = {"status_versions": {OFFICE: 2}}
    yield case("status-rollback", "A later version was seen before.", "status-rollback", TRUE, memory=rollback)
    revoking = status(version=2, revoked={"persons": [RESEARCHER]})
    yield case(
        "status-old-beside-new", "An older status does not undo the newer.", "person-revoked", given(status(), revoking)
    )


def _revoked() -> Iterator[Case]:
    roster = digest_of(TRUE.rosters[0])
    for name, code, revoked in (
        ("researcher-revoked", "person-revoked", {"persons": [RESEARCHER]}),
        ("researcher-key-revoked", "key-revoked", {"keys": [private_key(RESEARCHER).public.keyid]}),
        ("author-revoked", "person-revoked", {"persons": [AUTHOR]}),
        ("author-key-revoked", "key-revoked", {"keys": [private_key(AUTHOR).public.keyid]}),
        ("algorithm-revoked", "algorithm-revoked", {"algorithms": [digest_of(TRUE.algorithm)]}),
        ("approval-revoked", "approval-revoked", {"approvals": [digest_of(TRUE.approvals[1])]}),
        ("roster-revoked", "roster-revoked", {"rosters": [roster]}),
        ("member-revoked", "person-revoked", {"persons": ["meri"]}),
        ("member-key-revoked", "key-revoked", {"keys": [private_key("meri").public.keyid]}),
        ("node-revoked", "node-revoked", {"nodes": [NODE]}),
    ):
        status = WORLD.sign(WORLD.status(revoked=revoked), OFFICE)
        yield case(name, f"{name.replace('-', ' ').capitalize()}.", code, replace(TRUE, statuses=(status,)))
