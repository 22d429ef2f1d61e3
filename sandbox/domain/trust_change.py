"""What a new trust root would change, in lines that a node's admin can read before it takes effect."""

from collections.abc import Iterator

from protocol.documents.trust_root import CommitteeRule, TrustRoot


def describe_change(current: TrustRoot, following: TrustRoot) -> tuple[str, ...]:
    """One line per difference: `+` what is new, `-` what goes, `~` what becomes something else."""
    before, after = dict(_facts(current)), dict(_facts(following))
    return tuple(
        _line(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def describe_root(root: TrustRoot) -> dict[str, str]:
    """Everything that a trust root says, one name and one value per fact."""
    return dict(_facts(root))


def _line(name: str, before: str | None, after: str | None) -> str:
    if before is None:
        return f"+ {name}: {after}"
    if after is None:
        return f"- {name}: {before}"
    return f"~ {name}: {before} -> {after}"


def _facts(root: TrustRoot) -> Iterator[tuple[str, str]]:
    """A test requires that every field of a trust root comes up here."""
    yield "holder", root.holder
    yield "version", str(root.version)
    yield "expires", f"{root.expires:%Y-%m-%d %H:%M} UTC"
    yield "root threshold", f"{root.root_threshold} of {len(root.root_keys)}"
    yield "roster delay", f"{root.roster_delay_hours} hours"
    if root.log_key:
        yield "log key", root.log_key.keyid
    for key in root.root_keys:
        yield f"root key {key.keyid}", key.scheme
    for office in root.offices:
        for key in office.keys:
            yield f"office {office.office}, key {key.keyid}", key.scheme
    for custodian in root.custodians:
        for key in custodian.keys:
            yield f"custodian {custodian.person}, key {key.keyid}", key.scheme
    for page in root.passkey_origins:
        yield f"passkeys on {page.origin}", page.rp_id + (" (the registry's page)" if page.registry_page else "")
    for dataset in root.datasets:
        for rule in dataset.committees:
            yield f"dataset {dataset.dataset}, committee {rule.committee}", _rule(rule)


def _rule(rule: CommitteeRule) -> str:
    author = "not counted" if rule.exclude_author_institution else "counted"
    page = "suffices" if rule.registry_page_suffices else "does not suffice"
    return (
        f"{rule.minimum_approvals} approval(s) from {rule.minimum_institutions} institution(s), "
        f"seats {', '.join(rule.seats) or 'none'}, author's institution {author}, registry's page alone {page}, "
        f"roster by {rule.office}"
    )
