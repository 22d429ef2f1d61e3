"""Tell the registry what this node offers: a closed list of public facts, none of them counted from people."""

from sandbox.actions.node import Node
from sandbox.data.snapshot import public_variants
from sandbox.domain.dataset import catalogue_entry
from sandbox.hub.registry import Registry
from sandbox.store.dataset import Offered, list_datasets


def publish_catalogue(node: Node, registry: Registry, published: frozenset[str], variants: int) -> frozenset[str]:
    """Publish the catalogue unless exactly these snapshots were published before; return what is published now."""
    with node.store.reading() as session:
        offers = list_datasets(session)
    snapshots = frozenset(one.facts.snapshot for one in offers)
    if snapshots != published:
        registry.publish_catalogue([_entry(node, one, variants) for one in offers])
    return snapshots


def _entry(node: Node, offered: Offered, variants: int) -> dict[str, object]:
    return catalogue_entry(offered.facts, public_variants(node.places.datasets / offered.directory, variants))
