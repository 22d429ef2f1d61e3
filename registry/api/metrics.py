"""What Prometheus may see: counts and durations of requests by route, and how many nodes wait.

Counting is plain arithmetic; the prometheus library only writes it down when somebody asks, because importing it takes
longer than the rest of the start.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """One application's metrics."""

    def __init__(self, waiting: Callable[[], int]) -> None:
        """Read the number of waiting long-polls from `waiting` whenever asked."""
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._seconds: dict[str, tuple[int, float]] = {}
        self._waiting = waiting

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; `route` is the template, never the path."""
        with self._lock:
            self._requests[method if method in _METHODS else "other", route, str(status)] += 1
            count, total = self._seconds.get(route, (0, 0.0))
            self._seconds[route] = (count + 1, total + seconds)

    def collect(self) -> Iterator["Metric"]:
        """Give prometheus what was counted (its collector interface)."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily

        requests = CounterMetricFamily(
            "safeconduct_registry_requests", "Requests answered.", labels=("method", "route", "status")
        )
        seconds = SummaryMetricFamily(
            "safeconduct_registry_request_seconds", "Seconds to the answer, long-polls included.", labels=("route",)
        )
        with self._lock:
            for labels, count in self._requests.items():
                requests.add_metric(labels, count)
            for route, (count, total) in self._seconds.items():
                seconds.add_metric((route,), count_value=count, sum_value=total)
        polls = GaugeMetricFamily("safeconduct_registry_waiting_polls", "Long-polls of nodes.", value=self._waiting())
        yield from (requests, seconds, polls)

    def text(self) -> bytes:
        """Return the exposition format."""
        from prometheus_client import CollectorRegistry, generate_latest

        collector = CollectorRegistry()
        collector.register(self)
        return generate_latest(collector)
