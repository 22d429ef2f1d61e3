"""Whether the consent codes of a dataset cover what is asked: foreseen here by the rule that nodes apply themselves.

1. Of the purposes that a request names, those that an order may state are judged, each alone; the other terms are codes
   that the committees answer for (`protocol.trust.duo`).
2. A purpose that the algorithm does not declare is refused by nodes, whatever the dataset's codes.
3. A dataset whose node tells no codes is not judged: nobody guesses what its people consented to.
4. This decides nothing. The node judges every order anew, by its own dataset's codes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Conditions
from protocol.trust.duo import PURPOSES, WORDS, Answer, DuoRequest, answer_code, say_why


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How one consent code is answered for one purpose, with the reason."""

    purpose: str
    code: str
    answer: Answer
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The verdict on one dataset: in words, and what it rests on. `covered` is None where nobody can say."""

    covered: bool | None
    words: str
    findings: tuple[Finding, ...] = ()


def judge(codes: Sequence[str], algorithm: Algorithm, conditions: Conditions, persons: Sequence[str]) -> Consent:
    """Return whether codes cover every purpose that is asked."""
    asked = [purpose for purpose in conditions.purposes if purpose in PURPOSES]
    if not codes:
        return Consent(covered=None, words="not told by the node")
    if not asked:
        return Consent(covered=False, words="no purpose that nodes know is asked")
    findings = tuple(_findings(codes, asked, algorithm, conditions, persons))
    refused = sorted({each.purpose for each in findings if each.answer is not Answer.YES})
    if not refused:
        return Consent(covered=True, words="covers what is asked", findings=findings)
    named = ", ".join(describe(purpose) for purpose in refused)
    return Consent(covered=False, words=f"does not cover {named}", findings=findings)


def describe(term: str) -> str:
    """Write a term with its words, where we have some."""
    return f"{WORDS[term]} ({term})" if term in WORDS else term


def _findings(
    codes: Sequence[str], asked: Sequence[str], algorithm: Algorithm, conditions: Conditions, persons: Sequence[str]
) -> Iterator[Finding]:
    for purpose in asked:
        request = DuoRequest(
            purpose=purpose,
            reads_genotypes=algorithm.inputs.variants,
            persons_named=bool(persons),
            project_named=True,  # a request is always for one project
            terms_named=frozenset(conditions.purposes),
        )
        if purpose not in algorithm.purpose:
            reason = "The algorithm does not declare this purpose: nodes refuse."
            yield Finding(purpose=purpose, code="", answer=Answer.NO, reason=reason)
        for code in codes:
            yield Finding(purpose=purpose, code=code, answer=answer_code(code, request), reason=say_why(code, request))
