"""Rules 2 to 6 of an exported ledger (`sandbox.domain.ledger_export`): pure checks that raise, offline."""

from collections import Counter
from collections.abc import Iterable, Sequence

from protocol.documents.envelope import Claim
from protocol.documents.policy import Policy
from protocol.documents.receipt import Receipt
from protocol.errors import Refused
from sandbox.domain.caps import caps_of
from sandbox.domain.ledger import GENESIS, Head, Kind, LedgerEntry, Scope, check_caps, verify_chain, verify_links
from sandbox.domain.ledger_export import Export

Sums = Counter[tuple[Scope, str]]


def check_export(export: Export, receipts: Sequence[Claim[Receipt]] = ()) -> Head:
    """Check a file that was read, and what receipts say against it; give the head."""
    head = verify_links(export.entries) if export.header.public else verify_chain(export.entries)
    if head != Head(sequence=export.head.sequence, digest=export.head.head):
        raise Refused("export-head", "The entries do not end where the node signed that they do; trust none of it.")
    _check_twice([entry.order_id for entry in export.entries])
    _check_twice([entry.nonce for entry in export.entries])
    _check_spending(export.entries, export.policies)
    if not export.header.public:
        _check_restores(export)
    for claim in receipts:
        _check_receipt(export, claim)
    return head


def spent(entries: Iterable[LedgerEntry]) -> dict[tuple[Scope, str], int]:
    """Add up what every account has spent; a job's account is its charge, and left out."""
    sums: Sums = Counter()
    for entry in entries:
        _add(sums, entry)
    return {account: nano for account, nano in sums.items() if account[0] is not Scope.JOB}


def _add(sums: Sums, entry: LedgerEntry) -> None:
    for scope, name in entry.scopes.named().items():
        if name:
            sums[scope, name] += entry.rho_nano


def _check_twice(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        raise Refused("export-twice", "One order, or one nonce, is charged twice; ask the node's holder why.")


def _check_spending(entries: Sequence[LedgerEntry], policies: Sequence[Claim[Policy]]) -> None:
    """Rule 4: each charge under the caps of its time. A restore may bring the policy in force without its entry."""
    if not policies:
        raise _unordered()
    policy, *later = policies
    noted = {entry.evidence for entry in entries if entry.kind is Kind.POLICY}
    sums: Sums = Counter()
    for entry in entries:
        if entry.kind is Kind.POLICY:
            policy, later = _following(policy, later, entry)
        while entry.kind is Kind.RESTORE and later and later[0].digest not in noted:
            policy, *later = later
        if entry.kind is Kind.CHARGE:
            _check_caps(entry, policy.untrusted, sums)
        _add(sums, entry)
    if later:
        raise _unordered()


def _following(
    policy: Claim[Policy], later: list[Claim[Policy]], entry: LedgerEntry
) -> tuple[Claim[Policy], list[Claim[Policy]]]:
    if not later or later[0].digest != entry.evidence or later[0].untrusted.version != policy.untrusted.version + 1:
        raise _unordered()
    return later[0], later[1:]


def _unordered() -> Refused:
    sentence = "The policies do not follow each other as the chain says; ask the node's holder for all of them."
    return Refused("export-policy", sentence)


def _check_caps(entry: LedgerEntry, policy: Policy, sums: Sums) -> None:
    before = {scope: sums[scope, name] for scope, name in entry.scopes.named().items()}
    try:
        check_caps(before, caps_of(policy), entry.rho_nano)
    except Refused as refused:
        raise Refused(
            "export-caps", f"Entry {entry.sequence} is beyond a cap of its time: {refused.sentence}"
        ) from None


def _check_restores(export: Export) -> None:
    documents = {claim.digest: claim.untrusted for claim in export.restores}
    receipts = {digest for document in documents.values() for digest in document.receipts}
    for entry in export.entries:
        if entry.kind in (Kind.RESTORE, Kind.RESERVE):
            document = documents.get(entry.evidence or "")
            if document is None or entry.rho_nano != document.reserve_nano:
                raise _unfounded(entry)
            last = max(document.ledger_sequence, document.witnessed_sequence)
            said = (document.ledger_head, last + 1)
            if entry.kind is Kind.RESTORE and said != (entry.previous, entry.sequence):
                raise _unfounded(entry)
        if entry.kind is Kind.WITNESSED and entry.evidence not in receipts:
            raise _unfounded(entry)


def _unfounded(entry: LedgerEntry) -> Refused:
    sentence = f"Entry {entry.sequence} is not what a restore's signed document says; ask the node's holder why."
    return Refused("export-restore", sentence)


def _check_receipt(export: Export, claim: Claim[Receipt]) -> None:
    """Rule 6. A receipt without a charge names the head of its moment, which a restore may have lost."""
    try:
        receipt = claim.checked([export.key])
    except Refused as refused:
        raise _denied(claim.untrusted, "is not signed by this node") from refused
    entry = next((one for one in export.entries if one.digest == receipt.ledger_head), None)
    if entry is None:
        _check_brought_back(export, claim, receipt)
    elif receipt.rho_charged_nano and not _is_its_charge(entry, receipt, public=export.header.public):
        raise _denied(receipt, "says another charge than the chain")


def _check_brought_back(export: Export, claim: Claim[Receipt], receipt: Receipt) -> None:
    if receipt.rho_charged_nano:
        found = any(one.evidence == claim.digest and one.kind is Kind.WITNESSED for one in export.entries)
    else:
        restored = (one.charged_at.date() for one in export.entries if one.kind is Kind.RESTORE)
        found = receipt.ledger_head == GENESIS.digest or any(day >= receipt.issued.date() for day in restored)
    if not found:
        raise _denied(receipt, "names a head that is not on the chain")


def _is_its_charge(entry: LedgerEntry, receipt: Receipt, *, public: bool) -> bool:
    same = public or entry.order_id == receipt.order
    return same and entry.kind is Kind.CHARGE and entry.rho_nano == receipt.rho_charged_nano


def _denied(receipt: Receipt, why: str) -> Refused:
    sentence = f"The receipt of order {receipt.order[:16]} {why}; show both to the node's holder and to the committee."
    return Refused("export-receipt", sentence)
