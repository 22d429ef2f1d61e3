"""TrustRoot: a data holder says whom its node believes. The node believes nothing else."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from protocol.documents.fields import Document, Items, Moment, Positive, Record, Slug, SlugSet, Some, Subject
from protocol.documents.key import Key, check_distinct, check_in_files
from protocol.documents.passkey import PasskeyOrigin
from protocol.errors import Refused


class Office(Record):
    """An accreditation office and its keys."""

    office: Slug
    keys: Some[Key]


class CommitteeRule(Record):
    """A committee that must agree, and the least that its agreement takes."""

    committee: Slug
    office: Slug
    minimum_approvals: Positive
    minimum_institutions: Positive
    seats: SlugSet
    exclude_author_institution: bool = True
    #: Whether approvals that were all signed with passkeys on the registry's page are enough.
    registry_page_suffices: bool = False


class DatasetRule(Record):
    """The committees that must all agree before an algorithm touches a dataset."""

    dataset: Slug
    committees: Some[CommitteeRule]


class Custodian(Record):
    """A person who may sign, with a second one, how a restored ledger is made good."""

    person: Slug
    keys: Some[Key]


class TrustRoot(Document):
    """Signed by a threshold of the data holder's root keys."""

    KIND: ClassVar[str] = "trust-root"

    holder: Slug
    version: Positive
    expires: Moment
    root_keys: Some[Key]
    root_threshold: Positive
    offices: Some[Office]
    datasets: Items[DatasetRule]
    passkey_origins: Items[PasskeyOrigin] = ()
    log_key: Key | None = None
    roster_delay_hours: Annotated[int, Field(ge=0, le=8760)]
    custodians: Items[Custodian] = ()

    def subjects(self) -> tuple[Subject, ...]:
        return tuple(key.subject(self.holder) for key in self.root_keys)

    def office(self, name: str) -> Office | None:
        """The office called ``name``, if this root knows it."""
        return next((office for office in self.offices if office.office == name), None)

    def dataset(self, name: str) -> DatasetRule | None:
        """The rule for ``name``, if this root has one."""
        return next((rule for rule in self.datasets if rule.dataset == name), None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_distinct(self.root_keys)
        office_keys = tuple(key for office in self.offices for key in office.keys)
        check_distinct(office_keys)
        custodian_keys = tuple(key for custodian in self.custodians for key in custodian.keys)
        check_distinct(custodian_keys)
        check_in_files((*self.root_keys, *office_keys, *custodian_keys))
        if self.root_threshold > len(self.root_keys):
            raise Refused("trust-root-threshold", "The trust root asks for more signatures than it has keys; lower it.")
        _check_names("custodian", [custodian.person for custodian in self.custodians])
        _check_names("office", [office.office for office in self.offices])
        _check_names("passkey origin", [page.origin for page in self.passkey_origins])
        _check_names("dataset", [rule.dataset for rule in self.datasets])
        for rule in self.datasets:
            _check_names("committee", [committee.committee for committee in rule.committees])
        return self


def _check_names(what: str, names: list[str]) -> None:
    if len(set(names)) != len(names):
        raise Refused("document-malformed", f"The trust root lists one {what} twice; list every {what} once.")
