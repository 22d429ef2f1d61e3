"""Read the holder's tables: who the subjects are, and what was diagnosed.

Columns that are understood (names after the 1+MG Minimal Dataset v1; the shorter ones are accepted as well):

    subjects    subject_id (or subject)                  required
                sample_id                                the name in the VCF, when it is another one
                administrative_gender (or sex)           female, male, other, unknown, F, M, 1 = male, 2 = female, and
                                                         HL7 null flavours, which mean unknown
                age, or birth_date                       years; or a date, a year and month, or a year
                family_id                                families, for holders without a pedigree file
                diagnoses                                codes with `;` between them
                any column that the holder declared      numbers, or categories of a public list
    diagnoses   subject_id, diagnosis (or code)          one row per diagnosis

A column that nobody declared is not kept. The format goes by the file's name: .csv, .tsv (or .txt), .parquet.
"""

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.domain.dataset import Column, Kind
from sandbox.errors import BadInput

_SEX: Final = {
    **dict.fromkeys(("f", "female", "2"), "female"),
    **dict.fromkeys(("m", "male", "1"), "male"),
    **dict.fromkeys(("o", "other", "oth"), "other"),
    **dict.fromkeys(("", "0", "u", "unknown", "na", "unk", "ni", "nav", "asku", "nask", "msk"), "unknown"),
}
_NOTHING: Final = frozenset({"", "NA", "."})
_NAME: Final = re.compile(r"[^\s,;:\"'\x00-\x1f]{1,100}")
_BIRTH: Final = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
_CODE: Final = re.compile(r"[0-9A-Z]{2,20}")
_OLDEST: Final = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One person of the sample table. `values` are the texts of the declared columns, in their order."""

    subject_id: str
    sample_id: str
    sex: str
    age: int | None
    family_id: str
    diagnoses: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as text: its name for sentences, its columns, its rows."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def position(self, *names: str) -> int | None:
        """Return where the first of these columns is, or None."""
        return next((self.columns.index(name) for name in names if name in self.columns), None)

    def required(self, *names: str) -> int:
        """Return where one of these columns is, or refuse the table."""
        found = self.position(*names)
        if found is None:
            raise BadInput("table-column-missing", f"{self.name} has no column {names[0]}.")
        return found


def read_table(path: Path) -> Table:
    """Read a table of text from CSV, TSV or Parquet; refuse what is unreadable and rows that come twice."""
    try:
        columns, rows = _parquet(path) if path.suffix == ".parquet" else _delimited(path)
    except FileNotFoundError as error:
        raise BadInput("file-missing", f"There is no file {path}.") from error
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise BadInput("table-unreadable", f"{path.name} cannot be read as a table ({error}).") from error
    if len(set(columns)) < len(columns):
        raise BadInput("table-unreadable", f"{path.name} names a column twice.")
    _check_rows(path.name, columns, rows)
    return Table(path.name, columns, rows)


def _check_rows(name: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    seen: set[tuple[str, ...]] = set()
    for line, row in enumerate(rows, start=2):
        if len(row) != len(columns):
            raise BadInput("table-unreadable", f"{name}, line {line}: {len(row)} cells where {len(columns)} are due.")
        if row in seen:
            raise BadInput("table-duplicate-row", f"{name}, line {line}: this row was there before.")
        seen.add(row)


def _delimited(path: Path) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    delimiter = "," if path.suffix == ".csv" else "\t"
    with path.open(newline="", encoding="utf-8-sig") as text:
        rows = [tuple(cell.strip() for cell in row) for row in csv.reader(text, delimiter=delimiter) if row]
    return (rows[0], rows[1:]) if rows else ((), [])


def _parquet(path: Path) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    table = pq.read_table(path)
    columns = [[_text(value) for value in column] for column in table.to_pydict().values()]
    return tuple(table.column_names), list(zip(*columns, strict=True))


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list):
        return ";".join(map(_text, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def read_subjects(path: Path, declared: Sequence[Column], today: date) -> list[Subject]:
    """Read the sample table. Refused: nobody in it, a subject or a sample twice, a value that its column cannot have.

    `today` is the day at which ages are computed from birth dates.
    """
    table = read_table(path)
    if not table.rows:
        raise BadInput("dataset-empty", f"{table.name} holds no subject, so there is no dataset to make.")
    reader = _SubjectReader(table, declared, today)
    subjects = [reader.read(line, row) for line, row in enumerate(table.rows, start=2)]
    _check_once(table.name, "table-duplicate-subject", "subject", [s.subject_id for s in subjects])
    _check_once(table.name, "table-duplicate-sample", "sample", [s.sample_id for s in subjects])
    return subjects


def _check_once(name: str, code: str, noun: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise BadInput(code, f"{name} has the {noun} {one} twice.")
        seen.add(one)


class _SubjectReader:
    """Knows where the columns of one table are, and reads its rows."""

    def __init__(self, table: Table, declared: Sequence[Column], today: date) -> None:
        self._name = table.name
        self._today = today
        self._subject = table.required("subject_id", "subject")
        self._sample = table.position("sample_id")
        self._sex = table.position("administrative_gender", "sex")
        self._age = table.position("age")
        self._birth = table.position("birth_date")
        self._family = table.position("family_id")
        self._diagnoses = table.position("diagnoses")
        self._declared = [(column, table.required(column.name)) for column in declared]

    def read(self, line: int, row: tuple[str, ...]) -> Subject:
        """Return one subject, or refuse the row with its line number."""
        try:
            subject_id = _checked_name(row[self._subject])
            return Subject(
                subject_id=subject_id,
                sample_id=_checked_name(_cell(row, self._sample) or subject_id),
                sex=_sex(_cell(row, self._sex)),
                age=self._years(row),
                family_id=_cell(row, self._family),
                diagnoses=split_codes(_cell(row, self._diagnoses)),
                values=tuple(_value(column, row[at]) for column, at in self._declared),
            )
        except ValueError as error:
            raise BadInput("table-value", f"{self._name}, line {line}: {error}.") from error

    def _years(self, row: tuple[str, ...]) -> int | None:
        age, birth = _cell(row, self._age), _cell(row, self._birth)
        if age:
            years = float(age)
        elif birth:
            years = _years_since(birth, self._today)
        else:
            return None
        if not 0 <= years <= _OLDEST:
            raise ValueError(f"an age of {years:g} years is not between 0 and {_OLDEST}")
        return int(years)


def _cell(row: tuple[str, ...], at: int | None) -> str:
    return "" if at is None or row[at] in _NOTHING else row[at]


def _checked_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a name for a subject or sample")
    return text


def _sex(text: str) -> str:
    found = _SEX.get(text.lower())
    if found is None:
        raise ValueError(f"{text!r} is not a sex that is known here (female, male, other, unknown)")
    return found


def _years_since(birth: str, today: date) -> int:
    found = _BIRTH.fullmatch(birth)
    if found is None:
        raise ValueError(f"{birth!r} is not a date, a year and month, or a year")
    year, month, day = (int(part) if part else None for part in found.groups())
    later = month is not None and (today.month, today.day) < (month, day or 1)
    return today.year - (year or 0) - later


def _value(column: Column, text: str) -> str:
    """Return the one way in which a declared column writes this value."""
    if text in _NOTHING:
        return ""
    if column.kind is Kind.CATEGORY:
        if text not in column.categories:
            raise ValueError(f"{text!r} is not a category of {column.name}")
        return text
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{column.name} is not a finite number")
    return f"{number:.{column.decimals}f}"


def split_codes(text: str) -> tuple[str, ...]:
    """Return the diagnosis codes in a cell, sorted: capitals, without points and without the name of their system."""
    codes = {code.strip().rpartition(":")[2].upper().replace(".", "") for code in text.split(";") if code.strip()}
    for code in codes:
        if not _CODE.fullmatch(code):
            raise ValueError(f"{code!r} is not a diagnosis code")
    return tuple(sorted(codes))


def read_diagnoses(path: Path, known: frozenset[str]) -> dict[str, set[str]]:
    """Read a diagnoses table into codes by subject; refuse a subject that the sample table does not have."""
    table = read_table(path)
    who, what = table.required("subject_id", "subject"), table.required("diagnosis", "code")
    found: dict[str, set[str]] = {}
    for line, row in enumerate(table.rows, start=2):
        if row[who] not in known:
            sentence = f"{table.name}, line {line}: subject {row[who]!r} is not in the sample table."
            raise BadInput("diagnosis-unknown-subject", sentence)
        try:
            found.setdefault(row[who], set()).update(split_codes(_cell(row, what)))
        except ValueError as error:
            raise BadInput("table-value", f"{table.name}, line {line}: {error}.") from error
    return found
