"""What the node saw last of its own parts: one row for each worker process, loop, broker, engine and the like."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import BigInteger, String, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.domain.checks import Seen
from sandbox.store.base import Base, Moment
from sandbox.store.tables import SLUG


class Observation(Base):
    """The newest look at one part; `code` says what was wrong, None that it was well."""

    __tablename__ = "observation"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(Moment)
    well_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    code: Mapped[str | None] = mapped_column(SLUG)
    sentence: Mapped[str | None] = mapped_column(Text)
    until: Mapped[dt.datetime | None] = mapped_column(Moment)  # when what was seen expires
    amount: Mapped[int | None] = mapped_column(BigInteger)  # bytes, of a disk


def observe(session: Session, name: str, seen: Seen) -> None:
    """Keep the newest look at a part; when it was well last is kept as well."""
    row = session.get(Observation, name)
    if row is None:
        row = Observation(name=name)
        session.add(row)
    row.at, row.code, row.sentence, row.until, row.amount = seen.at, seen.code, seen.sentence, seen.until, seen.amount
    if seen.code is None:
        row.well_at = seen.at


def read_observations(session: Session) -> Mapping[str, Seen]:
    """Read the newest look at each part, by its name."""
    return {
        row.name: Seen(
            at=row.at, well_at=row.well_at, code=row.code, sentence=row.sentence, until=row.until, amount=row.amount
        )
        for row in session.scalars(select(Observation))
    }


def forget_parts(session: Session, prefix: str, before: dt.datetime) -> None:
    """Forget parts of one kind that were not seen since a moment: workers that are long gone."""
    gone = Observation.name.startswith(prefix, autoescape=True), Observation.at < before
    session.execute(delete(Observation).where(*gone))
