"""What protocol raises.

    SafeconductError          anything Safeconduct can explain to a person
    └── Refused               something is not to be believed, or not allowed

Every error carries a stable kebab-case code, for programs, and one sentence that says what happened and what to do
next, for people. Each program has a tree of its own that grows from these two.
"""


class SafeconductError(Exception):
    """Something went wrong that can be said in one sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return f"{self.sentence} [{self.code}]"


class Refused(SafeconductError):
    """A document, signature, order or request is not to be believed or not allowed."""
