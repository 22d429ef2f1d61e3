"""What the chambers of an order are shown: which part of the data, and `input.json`. From public facts only."""

from protocol.documents.algorithm import Algorithm
from protocol.documents.job_order import JobOrder
from protocol.documents.strict import canonical
from sandbox.domain.dataset import DatasetFacts, StagePlan
from sandbox.domain.plan import GatePlan

# Which parameters of an order name the variants it wants to see, when the algorithm reads variants at all.
VARIANT_LISTS = ("variants",)
VARIANT_NAMES = ("variant",)


def stage_plan(algorithm: Algorithm, order: JobOrder, plan: GatePlan) -> StagePlan:
    """Step 8: which view of the data the chambers see."""
    return StagePlan(
        mode=plan.mode,
        chambers=plan.blocks,
        variants=_variants(algorithm, order),
        columns=algorithm.inputs.columns,
    )


def input_json(order: JobOrder, facts: DatasetFacts) -> bytes:
    """Write input.json: the order's parameters and facts that are the same for every block."""
    public = {
        "people": facts.people,
        "maximum_family_size": facts.maximum_family_size,
        "assembly": facts.assembly,
        "dataset": facts.dataset,
    }
    return canonical({"parameters": order.parameters, "facts": public})


def _variants(algorithm: Algorithm, order: JobOrder) -> tuple[str, ...] | None:
    """The variants that the order's parameters name; None asks for every site."""
    if not algorithm.inputs.variants:
        return ()
    named: list[object] = []
    for name in VARIANT_LISTS:
        value = order.parameters.get(name)
        named += value if isinstance(value, list) else []
    named += [order.parameters[name] for name in VARIANT_NAMES if name in order.parameters]
    texts = tuple(item for item in named if isinstance(item, str))
    return texts or None
