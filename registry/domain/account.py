"""Who may see which pages: a person's roles come from the accreditation and the rosters, anew at each request.

| role | who | sees |
|---|---|---|
| `person` | anybody who is signed in | own account: sessions, passkeys |
| `researcher` | accredited as one | own algorithms and orders |
| `member` | sits on a current committee | reviews |
| `office` | an accreditation office of this registry | persons, keys, rosters |
"""

from dataclasses import dataclass
from typing import Final

from registry.domain.caller import Caller
from registry.errors import Forbidden

WHO: Final = {
    "person": "somebody who is signed in",
    "researcher": "an accredited researcher",
    "member": "a member of a current committee",
    "office": "an accreditation office",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is signed in: the caller that this is, and the committees that the caller sits on."""

    caller: Caller
    committees: frozenset[str]

    @property
    def subject(self) -> str:
        """The person's name in documents."""
        return self.caller.subject

    @property
    def roles(self) -> frozenset[str]:
        """The roles of the table above."""
        mine = {"person"}
        if self.caller.kind == "office":
            mine.add("office")
        if self.caller.kind == "person" and "researcher" in self.caller.roles:
            mine.add("researcher")
        if self.committees:
            mine.add("member")
        return frozenset(mine)


def check_role(person: Person, role: str) -> None:
    """Raise Forbidden unless the person has the role."""
    if role not in person.roles:
        raise Forbidden("role-missing", f"This page is for {WHO[role]}; {person.subject} is none. Ask your office.")


def check_may_have_account(caller: Caller) -> None:
    """Raise Forbidden for a node: machines use the API."""
    if caller.kind not in ("person", "office"):
        raise Forbidden("account-person-only", "Only persons and offices have an account; machines use the API.")


def check_may_invite(caller: Caller, subject: str, offices_of_subject: frozenset[str]) -> None:
    """Raise Forbidden unless the caller asks for itself, or is an office that accredited or seated the subject."""
    if caller.subject == subject or (caller.kind == "office" and caller.subject in offices_of_subject):
        return
    raise Forbidden("invitation-not-yours", f"Only {subject} and the office that accredited {subject} may do this.")
