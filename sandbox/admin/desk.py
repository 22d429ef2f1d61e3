"""What the admin page's routes hold: the node's database, clock and documents. They hold no rule."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request

from protocol.documents.policy import Policy
from protocol.documents.trust_root import TrustRoot
from sandbox.actions.checks import Watched
from sandbox.actions.passkey import Site
from sandbox.store.base import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One node's admin page. `trust` and `cedar` read the files anew: they change while the page is served."""

    node: str
    store: Store
    now: Callable[[], dt.datetime]
    site: Site
    ledger_head: Path
    watched: Watched
    trust: Callable[[], tuple[TrustRoot, Policy]]
    cedar: Callable[[], str]

    @property
    def secure(self) -> bool:
        """Whether browsers reach the page by https."""
        return self.site.page.origin.startswith("https:")


def desk_of(request: Request) -> Desk:
    """The desk of the application that serves a request."""
    desk: Desk = request.app.state.desk
    return desk
