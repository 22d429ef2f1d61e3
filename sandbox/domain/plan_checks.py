"""What the gate refuses before any data is touched: public facts only, in integers, one code for each reason.

=========================  ============================================================================
code                       refused
=========================  ============================================================================
gate-mode-reviewed         a release on the word of a reviewer is not in this version
gate-mode-airlock          a release by human checkers is not in this version
gate-family-size           the dataset's largest family is above the signed one, or not a family size
gate-delta                 delta is not above 0 and at most 1/(10 N_pub)
gate-candidates            fewer than 3 or more than 100 000 candidates for a median
gate-blocks                the number of blocks is below the policy's, or given where the mode has none
gate-blocks-too-small      fewer people in a block than max(policy, 20 x model parameters)
gate-too-many-outputs      more medians than 8 rho (k/64)^2, or more outputs than anyone may ask for
gate-outputs               the order's shares do not name exactly the outputs of the spec
gate-share                 a share of rho that is not above 0
gate-aggregator            the aggregator does not belong to the mode, or not to the kind of output
gate-categories            fewer than 2 or too many categories, or one of them twice
gate-divisor               a divisor where none has a meaning
gate-range                 the range is empty, not whole for a count, per person in a block, or too wide to sum
gate-default               the default is outside the range, no category, or not whole for a count
gate-spread                a median without the expected spread of a block's value
gate-median-resolution     k x epsilon < 64: the median would be nearly uniform over its range
gate-interval              a total interval was ordered for an output that sells none: only medians do
gate-interval-resolution   the two quantiles that bound the interval could not be told from noise
gate-statistic-time        reading the statistics of N_pub people takes longer than one step of the node may
gate-vote-resolution       even the vote of all blocks could be lost once in a thousand times
budget-job                 more rho than one job may spend
=========================  ============================================================================
"""

from decimal import Decimal
from math import isqrt
from typing import Literal, cast

from protocol.documents.algorithm import Algorithm, OutputSpec
from protocol.documents.policy import Policy
from sandbox.domain.dataset import DatasetFacts
from sandbox.errors import Refused

Aggregator = Literal["median", "mean", "vote", "sum", "count", "histogram"]
Mode = Literal["block", "unit", "statistic"]

NANO = 10**9
MEDIAN_RULE = 64**2  # k x epsilon >= 64, and epsilon^2 = 8 rho
MEDIAN_CAUTION = 96**2
PEOPLE_PER_PARAMETER = 20
OUTPUTS_MAXIMUM = 1_024
CANDIDATES_MAXIMUM = 100_000
SPAN_MAXIMUM = 2**40  # of one chamber's fixed-point value: noise of any share then stays far inside an i64
TOTAL_MAXIMUM = 2**58  # of the sum over all chambers
INTERVAL_RULE = 76**2  # k x epsilon >= 76 for each of the two quantiles, k being less the sampling of a median
CATEGORIES_MAXIMUM = 256
READING_MAXIMUM_MILLISECONDS = 30_000  # one tick measures, draws and seals; it is stopped after 50 s
VOTES_LOST = 1_000  # a vote of all blocks is lost at most once in so many releases
AGGREGATORS = {"block": ("median", "mean", "vote"), "unit": ("sum", "count", "histogram"), "statistic": ()}
KINDS = {
    "median": ("number", "count"),
    "mean": ("number", "count"),
    "sum": ("number", "count"),
    "count": ("count",),
    "vote": ("category",),
    "histogram": ("category",),
}


def check_mode(mode: str) -> Mode:
    """Refuse every mode that this version does not have, each with its own code."""
    if mode not in AGGREGATORS:
        raise Refused(f"gate-mode-{mode}", f"this node does not offer the mode {mode!r}; use block, unit or statistic")
    return cast("Mode", mode)


def check_family_size(facts: DatasetFacts, policy: Policy) -> None:
    """Refuse families above the signed largest size.

    The unit is the dataset's: a family where its pedigree is known, else a person. The release says which.
    """
    if not 1 <= facts.maximum_family_size <= policy.maximum_family_size:
        raise Refused("gate-family-size", f"the signed policy allows families of 1 to {policy.maximum_family_size}")


def check_delta(delta: Decimal, people: int) -> None:
    """Refuse a delta at which one in ten such cohorts could lose a person entirely."""
    if people < 1 or not delta.is_finite() or not 0 < delta * 10 * people <= 1:
        raise Refused("gate-delta", "delta must be above 0 and at most 1/(10 N_pub): the policy must be signed anew")


def check_candidates(candidates: int) -> None:
    """Refuse a grid without a middle, or one that costs more time than it adds detail."""
    if not 3 <= candidates <= CANDIDATES_MAXIMUM:
        raise Refused("gate-candidates", f"a median needs 3 to {CANDIDATES_MAXIMUM} candidates")


def check_blocks(algorithm: Algorithm, asked: int, policy: Policy, facts: DatasetFacts) -> int:
    """Give the number of chambers: k of the order in `block` mode, the public slots in `unit`, none in `statistic`."""
    if algorithm.mode == "statistic":
        if asked != 0:
            raise Refused("gate-blocks", "a statistic has no blocks: order 0 blocks")
        return 0
    if algorithm.mode == "unit":
        if asked != 0 or facts.slots < 1:
            raise Refused("gate-blocks", "in unit mode the dataset's public slots are the blocks: order 0 blocks")
        return facts.slots
    if asked < max(policy.blocks_minimum, 1):
        raise Refused("gate-blocks", f"this node wants at least {policy.blocks_minimum} blocks")
    smallest = max(policy.block_people_minimum, PEOPLE_PER_PARAMETER * algorithm.model_parameters)
    if facts.people // asked < smallest:
        raise Refused("gate-blocks-too-small", f"a block needs at least {smallest} people: order fewer blocks")
    return asked


def check_names(named: list[str], shared: list[str]) -> None:
    """Refuse shares of rho that do not name each output of the spec exactly once."""
    if not named or len(set(named)) != len(named) or sorted(named) != sorted(shared):
        raise Refused("gate-outputs", "the order must give one share of rho to each output of the spec, and no other")
    check_number_of_outputs(len(named))


def check_number_of_outputs(outputs: int) -> None:
    """Refuse more outputs than anyone may ask for."""
    if outputs > OUTPUTS_MAXIMUM:
        raise Refused("gate-too-many-outputs", f"one job may release at most {OUTPUTS_MAXIMUM} outputs")


def check_reading_time(milliseconds: int) -> None:
    """Refuse statistics that one step of the node could not measure in its time."""
    if milliseconds > READING_MAXIMUM_MILLISECONDS:
        sentence = (
            f"reading these statistics may take {milliseconds // 1000} s, and a job has "
            f"{READING_MAXIMUM_MILLISECONDS // 1000}: order fewer variants or statistics at a time, in several orders"
        )
        raise Refused("gate-statistic-time", sentence)


def check_aggregator(mode: Mode, spec: OutputSpec) -> Aggregator:
    """Refuse an output whose aggregator this mode does not have, or whose kind the aggregator cannot reduce."""
    if spec.aggregator not in AGGREGATORS[mode]:
        raise Refused("gate-aggregator", f"output {spec.name!r}: mode {mode} has {', '.join(AGGREGATORS[mode])}")
    if spec.kind not in KINDS[spec.aggregator]:
        raise Refused("gate-aggregator", f"output {spec.name!r}: a {spec.kind} has no {spec.aggregator}")
    if mode == "block" and spec.divide_by != "none":
        raise Refused("gate-divisor", f"output {spec.name!r}: a value per block is not divided by the number of people")
    if spec.aggregator == "histogram" and spec.divide_by == "alleles":
        raise Refused("gate-divisor", f"output {spec.name!r}: a unit counts once, not once for each allele")
    return spec.aggregator


def check_categories(name: str, categories: tuple[str, ...], default: str | None) -> None:
    """Refuse a list of categories that leaves no choice, and a default that is none of them."""
    if not 2 <= len(categories) <= CATEGORIES_MAXIMUM or len(set(categories)) != len(categories):
        raise Refused("gate-categories", f"output {name!r} needs 2 to {CATEGORIES_MAXIMUM} different categories")
    if default not in categories:
        raise Refused("gate-default", f"output {name!r}: the default must be one of the categories")


def check_per_person(mode: Mode, name: str) -> None:
    """Refuse a range per person where one chamber holds a whole block of people."""
    if mode != "unit":
        raise Refused("gate-range", f"output {name!r}: a range per person belongs to unit mode")


def check_range(name: str, low: Decimal, high: Decimal, default: Decimal) -> None:
    """Refuse an empty range and a default that clamping would change."""
    if low >= high:
        raise Refused("gate-range", f"output {name!r}: the range must have its lower end below its upper end")
    if not low <= default <= high:
        raise Refused("gate-default", f"output {name!r}: the default must lie inside the range")


def check_whole(name: str, low: Decimal, high: Decimal, default: Decimal) -> None:
    """Refuse a count whose range or default is not made of whole numbers."""
    if any(decimals_of(number) for number in (low, high)):
        raise Refused("gate-range", f"output {name!r}: the range of a count has whole ends")
    if decimals_of(default):
        raise Refused("gate-default", f"output {name!r}: the default of a count is a whole number")


def check_width(name: str, low: int, high: int, blocks: int) -> None:
    """Refuse fixed-point bounds whose sum over all chambers, with its noise, could leave an i64."""
    if high - low > SPAN_MAXIMUM or max(abs(low), abs(high)) * blocks > TOTAL_MAXIMUM:
        raise Refused("gate-range", f"output {name!r}: the range has too many digits for exact sums")


def check_share(name: str, rho_nano: int) -> None:
    """Refuse a share that would need noise without end."""
    if rho_nano < 1:
        raise Refused("gate-share", f"output {name!r}: its share of rho must be above 0")


def check_spread(name: str, spread: Decimal | None) -> None:
    """Refuse a median without expected spread: its noise interval could not be stated."""
    if spread is None:
        raise Refused("gate-spread", f"output {name!r}: a median needs the expected spread of one block's value")


def check_medians(shares_nano: list[int], blocks: int) -> None:
    """Refuse medians that their rho cannot resolve: 8 rho_i k^2 >= 64^2 for each, d <= 8 rho (k/64)^2 together."""
    carried = 8 * sum(shares_nano) * blocks**2 // (MEDIAN_RULE * NANO)
    if 1 <= carried < len(shares_nano):
        raise Refused("gate-too-many-outputs", f"this rho over {blocks} blocks carries {carried} medians, not more")
    if any(8 * share * blocks**2 < MEDIAN_RULE * NANO for share in shares_nano):
        raise Refused("gate-median-resolution", "a median needs k x epsilon >= 64: more blocks or more rho per output")


def check_no_interval(name: str, interval_nano: int) -> None:
    """Refuse to sell an interval for what states it anyway."""
    if interval_nano:
        raise Refused("gate-interval", f"output {name!r}: a statistic states its intervals for free; order none")


def check_interval(name: str, aggregator: str, interval_nano: int, blocks: int) -> None:
    """Refuse to sell an interval that would reach the ends of the range.

    Its ends are quantiles of the blocks at 1/2 -+ (0.98/sqrt k + 2 ln 20 / (k epsilon)), each for half the share. A
    quantile misses all the values like the median at k x epsilon = 64 if k x epsilon times its distance from 0 or 1 is
    at least 32. So k x epsilon (1/2 - 0.98/sqrt k) >= 32 + 6 is asked for: 8 rho (k - 1.96 sqrt k)^2 >= 76^2.
    """
    if aggregator != "median":
        raise Refused("gate-interval", f"output {name!r}: an interval can be bought for a median; order it without")
    inner = max(0, blocks - isqrt(38_416 * blocks // 10_000) - 1)
    if 8 * (interval_nano // 2) * inner**2 < INTERVAL_RULE * NANO:
        least = 2 * -(-INTERVAL_RULE * NANO // (8 * inner**2)) if inner else "no"
        raise Refused(
            "gate-interval-resolution",
            f"output {name!r}: over {blocks} blocks an interval needs {least} nano-rho or more blocks",
        )


def check_vote(name: str, share_nano: int, blocks: int, categories: int) -> None:
    """Refuse a vote that noise decides: a lead of all k blocks must win but once in VOTES_LOST times.

    A category that leads every other of m by L votes is released with a probability of at least 1/(1 + (m - 1)
    exp(-L/scale)), where rho = 1/(2 scale^2). So k/scale >= ln((m - 1) VOTES_LOST) is asked for; in integers 2 rho k^2
    >= (0.7 bits)^2, since ln x < 0.7 bits for a whole number x of so many binary digits.
    """
    bits = (VOTES_LOST * (categories - 1)).bit_length()
    if 2 * share_nano * blocks**2 * 100 < (7 * bits) ** 2 * NANO:
        raise Refused("gate-vote-resolution", f"output {name!r}: the vote needs more blocks or more rho")


def check_job_cap(rho_nano: int, policy: Policy) -> None:
    """Refuse a job that asks for more than the holder signed for one job."""
    if rho_nano > policy.job_cap_nano:
        raise Refused("budget-job", f"one job may spend {policy.job_cap_nano} nano-rho at this node")


def decimals_of(number: Decimal) -> int:
    """Count the digits after the point that a finite number needs."""
    return max(0, -int(number.normalize().as_tuple().exponent))
