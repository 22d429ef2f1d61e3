"""Approvals signed with passkeys: what is a vote, and what only looks like one."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from authenticator import PAGE, REGISTRY_PAGE, Authenticator
from factory import OFFICE, digest_of, key_entry
from vectors.bundles import TRUE, WORLD, Case, case, rule, voted
from vectors.forge import to_bytes

from protocol.chain import OrderBundle
from protocol.documents.passkey import PasskeyOrigin

ROOT = {"passkey_origins": [PAGE.model_dump(), REGISTRY_PAGE.model_dump()]}


def vectors() -> Iterator[Case]:
    yield from _true()
    yield from _words()
    yield from _data()
    yield from _schemes()
    yield from _pages()


def passkey_bundle(*, eddsa: bool = False, page: PasskeyOrigin = PAGE, **spoken: Any) -> OrderBundle:
    """An order that rests on meri's passkey and mikko's key in a file; ``spoken`` changes what the passkey says."""
    meri = Authenticator("meri", page, "eddsa" if eddsa else "es256")
    return voted_by(meri, {"key": meri.entry}, **spoken)


def voted_by(passkey: Authenticator, member: Mapping[str, Any], **spoken: Any) -> OrderBundle:
    members = [WORLD.member("meri", **member), WORLD.member("mikko")]
    bundle = WORLD.bundle(roster={"members": members}, approvals=["mikko"])
    raw = passkey.sign(_approval(bundle), **spoken)
    return voted(bundle, raw, bundle.approvals[0])


def changed(bundle: OrderBundle, change: Any) -> OrderBundle:
    """The bundle after ``change`` was done to the passkey's entry among the envelope's signatures."""
    envelope = json.loads(bundle.approvals[0])
    change(envelope["signatures"][0])
    return replace(bundle, approvals=(to_bytes(envelope), *bundle.approvals[1:]))


def _approval(bundle: OrderBundle) -> Any:
    return WORLD.approval("meri", digest_of(bundle.algorithm), digest_of(bundle.rosters[0]))


def _case(name: str, says: str, code: str | None, bundle: OrderBundle, **root: Any) -> Case:
    return case(f"passkey-{name}", says, code, bundle, root=ROOT | root)


def _true() -> Iterator[Case]:
    yield _case("es256", "A member approves with a passkey (ES256).", None, passkey_bundle())
    yield _case("eddsa", "A member approves with a passkey (EdDSA).", None, passkey_bundle(eddsa=True))
    synced = passkey_bundle(flags=0x08 | 0x10)
    yield _case("synced", "The passkey is a copy that follows its owner.", None, synced)
    noted = passkey_bundle(more=(("other_keys_can_be_added_here", "do not compare"),))
    yield _case("browser-adds-members", "The browser adds members of its own to the client data.", None, noted)
    mixed = passkey_bundle(page=REGISTRY_PAGE)
    yield _case("registry-page-and-elsewhere", "One of two signed on the registry's page.", None, mixed)


def _words() -> Iterator[Case]:
    login = b"a login challenge".ljust(32, b".")
    other = "https://login.example"
    faults: dict[str, tuple[str, str, dict[str, Any]]] = {
        "type-create": ("It is a registration.", "passkey-type", {"type": "webauthn.create"}),
        "login-as-vote": ("A login's challenge is passed off as a vote.", "passkey-challenge", {"challenge": login}),
        "wrong-origin": ("It was signed on a page that is not allowed.", "passkey-origin", {"origin": other}),
        "other-port": ("Another port is another origin.", "passkey-origin", {"origin": "http://localhost:8766"}),
        "origin-prefix": ("The origin only begins like ours.", "passkey-origin", {"origin": PAGE.origin + "0"}),
        "cross-origin": ("Another site framed the page.", "passkey-cross-origin", {"cross_origin": True}),
        "top-origin": ("Another site is at the top.", "passkey-cross-origin", {"more": (("topOrigin", other),)}),
        "other-rp-id": ("It is for another site.", "passkey-rp-id", {"rp_id": "login.example"}),
        "user-absent": ("Nobody touched the authenticator.", "passkey-presence", {"user_present": False}),
        "user-unverified": ("No PIN, no finger.", "passkey-verification", {"user_verified": False}),
        "trailing-data": ("Bytes follow the authenticator data.", "passkey-malformed", {"behind": b"\x00"}),
        "extensions": ("It claims extensions.", "passkey-malformed", {"flags": 0x80, "behind": b"\xa0"}),
        "attested-data": ("It claims to bring a new credential.", "passkey-malformed", {"flags": 0x40}),
        "backup-contradiction": ("It was copied and cannot be copied.", "passkey-malformed", {"flags": 0x10}),
    }
    for name, (says, code, spoken) in faults.items():
        yield _case(name, says, code, passkey_bundle(**spoken))
    rp_of_other_page = passkey_bundle(rp_id=REGISTRY_PAGE.rp_id)
    yield _case("rp-id-of-other-page", "RP id and origin are of two pages.", "passkey-rp-id", rp_of_other_page)
    yield _case("no-origins", "The trust root allows no page.", "passkey-origin", passkey_bundle(), passkey_origins=[])


def _data() -> Iterator[Case]:
    true = passkey_bundle()
    other = json.loads(passkey_bundle(more=(("again", True),)).approvals[0])["signatures"][0]

    def words(name: str, value: str) -> OrderBundle:
        return changed(true, lambda entry: entry["webauthn"].update({name: value}))

    signature = changed(true, lambda entry: entry.update(sig=other["sig"]))
    yield _case("signature-of-other-words", "The signature is over other words.", "approval-signature", signature)
    swapped = words("clientDataJSON", other["webauthn"]["clientDataJSON"])
    yield _case("client-data-swapped", "The client data are from another signature.", "approval-signature", swapped)
    yield _case(
        "client-data-no-json", "The client data are no JSON.", "document-malformed", words("clientDataJSON", "AAAA")
    )
    yield _case(
        "data-cut-off", "The authenticator data end early.", "passkey-malformed", words("authenticatorData", "AAAA")
    )
    unknown = changed(true, lambda entry: entry["webauthn"].update(userHandle="AAAA"))
    yield _case("unknown-member", "The assertion has an unknown member.", "document-malformed", unknown)


def _schemes() -> Iterator[Case]:
    true = passkey_bundle()
    bare = changed(true, lambda entry: entry.pop("webauthn"))
    yield _case("bare-signature", "A passkey's signature came without its words.", "key-scheme", bare)
    meri = Authenticator("meri", algorithm="eddsa")
    as_file = voted_by(meri, {"key": meri.entry | {"scheme": "ed25519"}})
    yield _case("key-scheme-swapped", "The roster's key is in a file; a passkey's words came.", "key-scheme", as_file)
    members = [WORLD.member("meri", key=key_entry("meri") | {"scheme": "webauthn"}), WORLD.member("mikko")]
    plain = WORLD.bundle(roster={"members": members})
    yield _case("file-key-for-passkey", "The roster's key is a passkey; a file's signature came.", "key-scheme", plain)
    other = voted_by(Authenticator("mallory"), {"key": meri.entry})
    yield _case("of-a-stranger", "A stranger's passkey signed.", "approval-signature", other)
    person = WORLD.accreditation("rita", keys=[key_entry("rita") | {"scheme": "webauthn"}])
    ordering = replace(TRUE, accreditations=(WORLD.sign(person, OFFICE), TRUE.accreditations[1]))
    yield _case("cannot-order", "The researcher's key is a passkey.", "order-signature", ordering)


def _pages() -> Iterator[Case]:
    both = [Authenticator(name, REGISTRY_PAGE) for name in ("meri", "mikko")]
    members = [WORLD.member(name, key=one.entry) for name, one in zip(("meri", "mikko"), both, strict=True)]
    bundle = WORLD.bundle(roster={"members": members})
    digests = digest_of(bundle.algorithm), digest_of(bundle.rosters[0])
    votes = [one.sign(WORLD.approval(name, *digests)) for name, one in zip(("meri", "mikko"), both, strict=True)]
    alone = voted(bundle, *votes)
    yield _case("registry-page-alone", "All signed on the registry's page.", "approval-quorum", alone)
    allowed = rule(registry_page_suffices=True)
    yield _case(
        "registry-page-allowed", "All signed on the registry's page, and the rule allows it.", None, alone, **allowed
    )
