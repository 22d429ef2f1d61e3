"""What this node has seen of the registry's transparency log, and the proofs that jobs rest on."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import JSON, BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.store.base import Base, Moment
from sandbox.store.tables import DIGEST, SLUG


class LogSeen(Base):
    """The newest checkpoint of a log that this node believed; once there is an alarm, also the one that it did not."""

    __tablename__ = "log_seen"

    origin: Mapped[str] = mapped_column(String(200), primary_key=True)
    checkpoint: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[dt.datetime] = mapped_column(Moment)
    alarm: Mapped[str | None] = mapped_column(SLUG)
    alarm_sentence: Mapped[str | None] = mapped_column(Text)
    alarm_checkpoint: Mapped[str | None] = mapped_column(Text)
    alarm_at: Mapped[dt.datetime | None] = mapped_column(Moment)


class JobProofs(Base):
    """The checkpoint under which a job's approvals were proved to be in the log, and the proofs."""

    __tablename__ = "job_proofs"

    job_id: Mapped[str] = mapped_column(DIGEST, ForeignKey("job.id"), primary_key=True)
    checkpoint: Mapped[str] = mapped_column(Text)
    proofs: Mapped[list[str]] = mapped_column(JSON)


def read_seen(session: Session, origin: str) -> LogSeen | None:
    """Read what was seen of a log."""
    return session.get(LogSeen, origin)


def keep_seen(session: Session, origin: str, checkpoint: str, size: int, now: dt.datetime) -> str:
    """Keep a checkpoint that continues what was seen, and return the newest: another process may have been faster."""
    row = session.get(LogSeen, origin, with_for_update=True)
    if row is None:
        session.add(LogSeen(origin=origin, checkpoint=checkpoint, size=size, seen_at=now))
        return checkpoint
    if size > row.size:
        row.checkpoint, row.size, row.seen_at = checkpoint, size, now
    return row.checkpoint


def raise_alarm(
    session: Session, origin: str, code: str, sentence: str, checkpoint: str, now: dt.datetime
) -> LogSeen | None:
    """Keep the first checkpoint that did not continue what was seen, as evidence; return the row if it is the first."""
    row = session.get(LogSeen, origin, with_for_update=True)
    if row is None or row.alarm is not None:
        return None
    row.alarm, row.alarm_sentence, row.alarm_checkpoint, row.alarm_at = code, sentence, checkpoint, now
    return row


def forget_seen(session: Session, origin: str) -> LogSeen | None:
    """Forget a log, so that the next checkpoint is taken as the first; return what is forgotten."""
    row = session.get(LogSeen, origin)
    if row is not None:
        session.delete(row)
    return row


def read_proofs(session: Session, job_id: str) -> JobProofs | None:
    """Read what proves that a job's approvals are in the log."""
    return session.get(JobProofs, job_id)


def keep_proofs(session: Session, job_id: str, checkpoint: str, proofs: Sequence[str]) -> None:
    """Keep what proves that a job's approvals are in the log."""
    session.merge(JobProofs(job_id=job_id, checkpoint=checkpoint, proofs=list(proofs)))
