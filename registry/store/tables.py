"""The registry's tables: documents as received, what is looked up about them, queues, and the audit.

`document` keeps every accepted envelope byte for byte; the other tables only index it. Column names are the
documents' words.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, Moment

_DIGEST = String(64)
_SLUG = String(100)
_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")


class Document(Base):
    """One accepted signed document, exactly as received."""

    __tablename__ = "document"
    digest: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), index=True)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    received: Mapped[datetime] = mapped_column(Moment)


class Accreditation(Base):
    """Who is who; the newest by `valid_from` speaks for its subject."""

    __tablename__ = "accreditation"
    sequence: Mapped[int] = mapped_column(_SEQUENCE, primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("document.digest"), unique=True)
    subject: Mapped[str] = mapped_column(_SLUG, index=True)
    kind: Mapped[str] = mapped_column(String(10))
    office: Mapped[str] = mapped_column(_SLUG)
    name: Mapped[str] = mapped_column(Text)
    institution: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    roles: Mapped[list[str]] = mapped_column(JSON)
    valid_from: Mapped[datetime] = mapped_column(Moment)
    valid_until: Mapped[datetime] = mapped_column(Moment)


class KeyHolder(Base):
    """Whose key it is: one key never speaks for two."""

    __tablename__ = "key_holder"
    keyid: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    subject: Mapped[str] = mapped_column(_SLUG, index=True)


class Roster(Base):
    """The membership of one committee; the highest version is current."""

    __tablename__ = "roster"
    __table_args__ = (UniqueConstraint("office", "committee", "version"),)
    sequence: Mapped[int] = mapped_column(_SEQUENCE, primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("document.digest"), unique=True)
    office: Mapped[str] = mapped_column(_SLUG)
    committee: Mapped[str] = mapped_column(_SLUG, index=True)
    version: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[datetime] = mapped_column(Moment)


class RosterMember(Base):
    """One seat of one roster, for finding a member's keys and committees."""

    __tablename__ = "roster_member"
    roster: Mapped[str] = mapped_column(ForeignKey("roster.digest"), primary_key=True)
    person: Mapped[str] = mapped_column(_SLUG, primary_key=True, index=True)


class Status(Base):
    """One office's live revocations; the highest version is current."""

    __tablename__ = "status"
    __table_args__ = (UniqueConstraint("office", "version"),)
    sequence: Mapped[int] = mapped_column(_SEQUENCE, primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("document.digest"), unique=True)
    office: Mapped[str] = mapped_column(_SLUG)
    version: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[datetime] = mapped_column(Moment)
    revoked: Mapped[dict[str, Any]] = mapped_column(JSON)


NO_IMAGE = ""  # in place of an archive's digest: what an algorithm of mode `statistic` has


class Algorithm(Base):
    """One algorithm version and where its review stands."""

    __tablename__ = "algorithm"
    __table_args__ = (UniqueConstraint("name", "version"),)
    sequence: Mapped[int] = mapped_column(_SEQUENCE, primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("document.digest"), unique=True)
    name: Mapped[str] = mapped_column(_SLUG)
    version: Mapped[str] = mapped_column(String(100))
    author: Mapped[str] = mapped_column(_SLUG, index=True)
    summary: Mapped[str] = mapped_column(Text)
    mode: Mapped[str] = mapped_column(String(20))
    archive_digest: Mapped[str] = mapped_column(_DIGEST, index=True)
    state: Mapped[str] = mapped_column(String(40))
    changed: Mapped[datetime] = mapped_column(Moment)


class Approval(Base):
    """One member's word on one algorithm version."""

    __tablename__ = "approval"
    sequence: Mapped[int] = mapped_column(_SEQUENCE, primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("document.digest"), unique=True)
    algorithm: Mapped[str] = mapped_column(ForeignKey("algorithm.digest"), index=True)
    roster: Mapped[str] = mapped_column(ForeignKey("roster.digest"))
    committee: Mapped[str] = mapped_column(_SLUG)
    member: Mapped[str] = mapped_column(_SLUG)
    project: Mapped[str] = mapped_column(_SLUG)
    decision: Mapped[str] = mapped_column(String(10))
    conflicted: Mapped[bool] = mapped_column(Boolean)
    scope: Mapped[str] = mapped_column(_DIGEST)
    on_registry_page: Mapped[bool] = mapped_column(Boolean)
    signed_at: Mapped[datetime] = mapped_column(Moment)


class Order(Base):
    """One signed order and the queue it stands in."""

    __tablename__ = "job_order"
    __table_args__ = (Index(None, "node", "state", "sequence"),)
    sequence: Mapped[int] = mapped_column(_SEQUENCE, primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("document.digest"), unique=True)
    node: Mapped[str] = mapped_column(_SLUG)
    researcher: Mapped[str] = mapped_column(_SLUG, index=True)
    project: Mapped[str] = mapped_column(_SLUG)
    dataset: Mapped[str] = mapped_column(_SLUG)
    algorithm: Mapped[str] = mapped_column(ForeignKey("algorithm.digest"))
    approvals: Mapped[list[str]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(20))
    changed: Mapped[datetime] = mapped_column(Moment)
    receipt: Mapped[str | None] = mapped_column(ForeignKey("document.digest"))
    release_digest: Mapped[str | None] = mapped_column(_DIGEST)
    release_stored: Mapped[datetime | None] = mapped_column(Moment)


class Image(Base):
    """Who has shown possession of an image archive: uploads are never visible across persons."""

    __tablename__ = "image"
    digest: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    person: Mapped[str] = mapped_column(_SLUG, primary_key=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[datetime] = mapped_column(Moment)


class Catalogue(Base):
    """What a node says about its datasets; replaced whole."""

    __tablename__ = "catalogue"
    node: Mapped[str] = mapped_column(_SLUG, primary_key=True)
    datasets: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    changed: Mapped[datetime] = mapped_column(Moment)


class ToldBudget(Base):
    """What a node says is left of its datasets' budgets; replaced whole, apart from what it offers."""

    __tablename__ = "told_budget"
    node: Mapped[str] = mapped_column(_SLUG, primary_key=True)
    budgets: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(Moment)


class NodeSeen(Base):
    """When a node last polled."""

    __tablename__ = "node_seen"
    node: Mapped[str] = mapped_column(_SLUG, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)


class AccessToken(Base):
    """A live access token, as its hash only: a stolen database opens nothing."""

    __tablename__ = "access_token"
    hash: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    subject: Mapped[str] = mapped_column(_SLUG)
    kind: Mapped[str] = mapped_column(String(10))
    keyid: Mapped[str] = mapped_column(_DIGEST)
    expires: Mapped[datetime] = mapped_column(Moment, index=True)


class AssertionSeen(Base):
    """A login assertion that was used and must not be used again."""

    __tablename__ = "assertion_seen"
    hash: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    forget: Mapped[datetime] = mapped_column(Moment, index=True)


class Event(Base):
    """The audit: one line for each action, written in the action's own transaction. Ids and codes only."""

    __tablename__ = "event"
    sequence: Mapped[int] = mapped_column(_SEQUENCE, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    actor: Mapped[str] = mapped_column(_SLUG)
    verb: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(200), index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
