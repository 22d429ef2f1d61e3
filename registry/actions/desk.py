"""What every action works with, wired once at start."""

from collections.abc import Mapping
from dataclasses import dataclass

from protocol.crypto.keys import PublicKey, Signer
from protocol.documents.passkey import PasskeyOrigin
from registry.domain.workflow import PLAIN, Workflow
from registry.outbound.bell import Bell
from registry.outbound.mail import Mailer
from registry.store.base import Store
from registry.store.blobs import Blobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The registry's database, blobs, bell, and the few facts it was configured with.

    offices: the public keys of each accreditation office this registry serves. audiences: the addresses under which
    the registry is known; a login assertion must be made for one of them. image_bytes: the largest archive. log_key:
    what signs the transparency log's checkpoints. passkey_pages: where committee members' passkeys may sign, those that
    this registry serves labelled so; nodes ask their own trust roots. workflow: the process of its reviews. page: where
    people sign in to this registry's pages; their login passkeys are bound to it. mailer: sends mail, if any is sent.
    """

    store: Store
    blobs: Blobs
    bell: Bell
    offices: Mapping[str, tuple[PublicKey, ...]]
    audiences: tuple[str, ...]
    image_bytes: int
    log_key: Signer
    page: PasskeyOrigin
    passkey_pages: tuple[PasskeyOrigin, ...] = ()
    workflow: Workflow = PLAIN
    mailer: Mailer | None = None

    @property
    def signing_page(self) -> PasskeyOrigin | None:
        """This registry's own page as one on which members may sign; None unless it was named as one."""
        return next((one for one in self.passkey_pages if one.registry_page and one.origin == self.page.origin), None)
