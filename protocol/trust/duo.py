"""Match a request to a dataset's Data Use Ontology codes, with three answers: yes, no, or ask.

The node asks it about an order, the registry's pages about a request: one rule, so that the page foresees the node.

Rules. A dataset's codes say what its participants consented to. Each code is answered alone and all must be yes.
`ask` means that no machine can tell: it counts as yes only when the approving committees named that very code in
their conditions, and as no otherwise. A code we do not know is a no. Disease-specific consent is an `ask`, because
whether one disease is a kind of another is a judgement this version leaves to the committee.

Source: DUO terms, EBISPOT/DUO, release 2022-09; the merge "one abstention is not an approval" follows DUOS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

NO_RESTRICTION = "DUO:0000004"
GENERAL_RESEARCH = "DUO:0000042"
HEALTH_RESEARCH = "DUO:0000006"
DISEASE_RESEARCH = "DUO:0000007"
ANCESTRY_RESEARCH = "DUO:0000011"

PURPOSES = frozenset({GENERAL_RESEARCH, HEALTH_RESEARCH, DISEASE_RESEARCH, ANCESTRY_RESEARCH})


class Answer(StrEnum):
    """Whether one code allows one request."""

    YES = "yes"
    NO = "no"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class DuoRequest:
    """What of an order the codes look at: its purpose, whether genotypes are read, whom and what the approval names."""

    purpose: str
    reads_genotypes: bool
    persons_named: bool
    project_named: bool
    terms_named: frozenset[str]


_Rule = Callable[[DuoRequest], Answer]


def _yes_if(condition: bool) -> Answer:
    return Answer.YES if condition else Answer.NO


def _always(_: DuoRequest) -> Answer:
    return Answer.YES


def _ask(_: DuoRequest) -> Answer:
    return Answer.ASK


def _any_research(request: DuoRequest) -> Answer:
    return _yes_if(request.purpose in PURPOSES)


def _health_only(request: DuoRequest) -> Answer:
    # General research is wider than health research: it would take in ancestry.
    return _yes_if(request.purpose in {HEALTH_RESEARCH, DISEASE_RESEARCH})


def _disease_only(request: DuoRequest) -> Answer:
    return Answer.ASK if request.purpose == DISEASE_RESEARCH else Answer.NO


def _ancestry_only(request: DuoRequest) -> Answer:
    return _yes_if(request.purpose == ANCESTRY_RESEARCH)


def _no_methods_development(request: DuoRequest) -> Answer:
    return Answer.ASK if request.purpose == GENERAL_RESEARCH else Answer.YES


def _genetic_studies_only(request: DuoRequest) -> Answer:
    return _yes_if(request.reads_genotypes)


def _named_users_only(request: DuoRequest) -> Answer:
    return _yes_if(request.persons_named)


def _named_project_only(request: DuoRequest) -> Answer:
    return _yes_if(request.project_named)


def _no_ancestry(request: DuoRequest) -> Answer:
    if request.purpose == GENERAL_RESEARCH:
        return Answer.ASK
    return _yes_if(request.purpose != ANCESTRY_RESEARCH)


# Every code that a dataset may carry, and how it is answered. The two roots of the ontology are not codes to carry.
RULES: Mapping[str, _Rule] = {
    NO_RESTRICTION: _always,
    GENERAL_RESEARCH: _any_research,
    HEALTH_RESEARCH: _health_only,
    DISEASE_RESEARCH: _disease_only,
    ANCESTRY_RESEARCH: _ancestry_only,
    "DUO:0000012": _ask,  # RS: a research type, in words
    "DUO:0000015": _no_methods_development,  # NMDS
    "DUO:0000016": _genetic_studies_only,  # GSO
    "DUO:0000018": _ask,  # NPUNCU: no document says whether a body is non-profit
    "DUO:0000019": _ask,  # PUB: a duty after the result
    "DUO:0000020": _ask,  # COL: a duty before it
    "DUO:0000021": _ask,  # IRB: the committee saw the ethics approval
    "DUO:0000022": _ask,  # GS: a region, in words
    "DUO:0000024": _ask,  # MOR: a duty not to publish yet
    "DUO:0000025": _ask,  # TS: a period, in words
    "DUO:0000026": _named_users_only,  # US
    "DUO:0000027": _named_project_only,  # PS
    "DUO:0000028": _ask,  # IS: institutions, in words
    "DUO:0000029": _ask,  # RTN: a duty after the result
    "DUO:0000043": _always,  # CC: allows clinical care as well
    "DUO:0000044": _no_ancestry,  # NPOA
    "DUO:0000045": _ask,  # NPU
    "DUO:0000046": _ask,  # NCU
}

KNOWN_CODES = frozenset(RULES)

# What each code says, for people who decide. Our own short words; the ontology's definition is what counts.
WORDS: Mapping[str, str] = {
    NO_RESTRICTION: "no restriction",
    GENERAL_RESEARCH: "general research",
    HEALTH_RESEARCH: "health, medical and biomedical research",
    DISEASE_RESEARCH: "research on one disease",
    ANCESTRY_RESEARCH: "research on ancestry and populations",
    "DUO:0000012": "a kind of research that the holder names",
    "DUO:0000015": "no development of methods",
    "DUO:0000016": "genetic studies only",
    "DUO:0000018": "bodies and uses without profit only",
    "DUO:0000019": "results must be published",
    "DUO:0000020": "the holder must take part",
    "DUO:0000021": "an ethics approval is needed",
    "DUO:0000022": "a region that the holder names",
    "DUO:0000024": "nothing may be published before a date",
    "DUO:0000025": "for a limited time",
    "DUO:0000026": "named persons only",
    "DUO:0000027": "a named project only",
    "DUO:0000028": "institutions that the holder names",
    "DUO:0000029": "results go back to the holder",
    "DUO:0000043": "clinical care as well",
    "DUO:0000044": "no research on ancestry and populations",
    "DUO:0000045": "bodies without profit only",
    "DUO:0000046": "uses without commerce only",
}


def answer_code(code: str, request: DuoRequest) -> Answer:
    """Answer one code; an `ask` that the committees named is a yes, an unknown code a no."""
    rule = RULES.get(code)
    if rule is None:
        return Answer.NO
    answer = rule(request)
    return Answer.YES if answer is Answer.ASK and code in request.terms_named else answer


def codes_answered(codes: tuple[str, ...], request: DuoRequest, answer: Answer) -> tuple[str, ...]:
    """List the codes of a dataset that have this answer, in the dataset's order."""
    return tuple(code for code in codes if answer_code(code, request) is answer)


def say_why(code: str, request: DuoRequest) -> str:
    """Say in one sentence how a code is answered for a request, for people who decide."""
    answer = answer_code(code, request)
    if code not in RULES:
        return "Nodes do not know this code and refuse."
    if answer is Answer.NO:
        return (
            f"It does not allow {WORDS.get(request.purpose, request.purpose)}, or not for this request: nodes refuse."
        )
    if answer is Answer.ASK:
        return "No machine can tell, and the request's purposes do not name this code: nodes refuse."
    if RULES[code](request) is Answer.ASK:
        return "No machine can tell. The request names this code: whoever approves says that it is kept."
    return "It allows this."
