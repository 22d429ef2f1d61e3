"""What the registry keeps of reviews besides signed votes: requests, declarations, prepared decisions, comments."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, Moment
from registry.store.tables import _DIGEST, _SEQUENCE, _SLUG


class ReviewCourse(Base):
    """When one version's review was opened, and what ended or paused it apart from votes."""

    __tablename__ = "review_course"
    algorithm: Mapped[str] = mapped_column(ForeignKey("algorithm.digest"), primary_key=True)
    opened: Mapped[datetime | None] = mapped_column(Moment)
    returned: Mapped[datetime | None] = mapped_column(Moment)
    suspended: Mapped[datetime | None] = mapped_column(Moment)
    superseded_by: Mapped[str | None] = mapped_column(_DIGEST)


class ReviewRequest(Base):
    """What the author asks of which committees for one project."""

    __tablename__ = "review_request"
    algorithm: Mapped[str] = mapped_column(ForeignKey("algorithm.digest"), primary_key=True)
    project: Mapped[str] = mapped_column(_SLUG, primary_key=True)
    persons: Mapped[list[str]] = mapped_column(JSON)
    committees: Mapped[list[str]] = mapped_column(JSON)
    conditions: Mapped[dict[str, Any]] = mapped_column(JSON)
    scope: Mapped[str] = mapped_column(_DIGEST)
    purpose: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Moment)


class Declaration(Base):
    """One member's word on a conflict of interest, for one version."""

    __tablename__ = "declaration"
    algorithm: Mapped[str] = mapped_column(ForeignKey("algorithm.digest"), primary_key=True)
    committee: Mapped[str] = mapped_column(_SLUG, primary_key=True)
    member: Mapped[str] = mapped_column(_SLUG, primary_key=True)
    conflicted: Mapped[bool] = mapped_column(Boolean)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Moment)


class PreparedDecision(Base):
    """A decision that its member has confirmed once and not yet signed: the statement, byte for byte.

    `handover` is the code by which the member's own machine fetches it, and nobody else can.
    """

    __tablename__ = "prepared_decision"
    __table_args__ = (UniqueConstraint("algorithm", "committee", "project", "member"),)
    digest: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    algorithm: Mapped[str] = mapped_column(ForeignKey("algorithm.digest"))
    committee: Mapped[str] = mapped_column(_SLUG)
    project: Mapped[str] = mapped_column(_SLUG)
    member: Mapped[str] = mapped_column(_SLUG, index=True)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    checklist: Mapped[list[str]] = mapped_column(JSON)
    handover: Mapped[str] = mapped_column(String(64), unique=True)
    at: Mapped[datetime] = mapped_column(Moment)


class ReviewComment(Base):
    """Something said about one version: among a committee (`private`), or also to its author (`public`)."""

    __tablename__ = "review_comment"
    sequence: Mapped[int] = mapped_column(_SEQUENCE, primary_key=True)
    algorithm: Mapped[str] = mapped_column(ForeignKey("algorithm.digest"), index=True)
    committee: Mapped[str] = mapped_column(_SLUG)
    project: Mapped[str] = mapped_column(_SLUG)
    author: Mapped[str] = mapped_column(_SLUG)
    visibility: Mapped[str] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Moment)


class ReviewView(Base):
    """When somebody last looked at one version."""

    __tablename__ = "review_view"
    __table_args__ = (Index(None, "person", "at"),)
    algorithm: Mapped[str] = mapped_column(ForeignKey("algorithm.digest"), primary_key=True)
    person: Mapped[str] = mapped_column(_SLUG, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)


class LogLater(Base):
    """A blind vote whose leaf waits until the votes are opened: a leaf names the committee, its position the time."""

    __tablename__ = "log_later"
    document: Mapped[str] = mapped_column(ForeignKey("document.digest"), primary_key=True)
