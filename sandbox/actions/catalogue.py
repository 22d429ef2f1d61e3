"""Tell the registry what this node offers: a closed list of public facts, none of them counted from people."""

from sandbox.actions.node import Node
from sandbox.actions.status import describe_datasets
from sandbox.data.snapshot import public_variants
from sandbox.domain.dataset import catalogue_entry
from sandbox.hub.registry import Registry
from sandbox.store.dataset import Offered, list_datasets

Budgets = tuple[tuple[str, int, int], ...] | None
_BUDGET = ("dataset", "rho_cap_nano", "rho_left_nano")


def publish_catalogue(node: Node, registry: Registry, published: frozenset[str], variants: int) -> frozenset[str]:
    """Publish the catalogue unless exactly these snapshots were published before; return what is published now."""
    with node.store.reading() as session:
        offers = list_datasets(session)
    snapshots = frozenset(one.facts.snapshot for one in offers)
    if snapshots != published:
        registry.publish_catalogue([_entry(node, one, variants) for one in offers])
    return snapshots


def publish_budgets(node: Node, registry: Registry, told: Budgets) -> Budgets:
    """Tell what is left of each dataset's budget unless exactly that was told before; return what is told now.

    It follows from the policy and from charges, which are decided on public facts.
    """
    with node.store.reading() as session:
        found = describe_datasets(session, node.trust.policy)
    left = tuple((one["dataset"], one["rho_cap_nano"], one["rho_left_nano"]) for one in found)
    if left != told:
        registry.publish_budgets([dict(zip(_BUDGET, each, strict=True)) for each in left])
    return left


def _entry(node: Node, offered: Offered, variants: int) -> dict[str, object]:
    return catalogue_entry(offered.facts, public_variants(node.places.datasets / offered.directory, variants))
