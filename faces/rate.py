"""How often the same caller may try: a few times a minute, counted in this process, forgotten when it is over."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from faces.errors import TooMany

CALLERS_MOST: Final = 10_000


class RateLimit:
    """At most `most` times within `per`, for each key; the least recent of very many keys is forgotten first."""

    def __init__(self, most: int, per: timedelta) -> None:
        """Begin with nobody."""
        self._most, self._per = most, per
        self._came: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def check(self, key: str, now: datetime) -> None:
        """Count one more; raises TooMany if it is one too many."""
        began, count = self._came.pop(key, (now, 0))
        if now - began >= self._per:
            began, count = now, 0
        self._came[key] = began, count + 1
        if len(self._came) > CALLERS_MOST:
            self._came.popitem(last=False)
        if count >= self._most:
            seconds = int(self._per.total_seconds())
            raise TooMany("too-many", f"That was tried too often. Wait {seconds} seconds, then try again.")
