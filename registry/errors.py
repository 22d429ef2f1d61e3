"""Everything the registry refuses, each with a stable code and one sentence that says what to do next.

SafeconductError (protocol)
└── RegistryError
    ├── Malformed         400  the request cannot be read
    ├── Unauthenticated   401  nobody, or nobody any more
    ├── Forbidden         403  somebody, but not entitled
    ├── Missing           404  not there, or not yours: the two are not told apart
    ├── Conflict          409  it contradicts what is already there
    │   └── WrongState         the state table knows no such step
    ├── TooLarge          413  over a limit
    ├── Unbelievable      422  a document that is well formed and not to be believed here
    ├── Undelivered       503  the mail server did not take a message; the relay tries again
    ├── Busy              503  try again
    ├── StorageFull       507  the registry's disk is full
    └── Misconfigured          a start that would not be safe; names the setting
"""

from protocol.errors import SafeconductError


class RegistryError(SafeconductError):
    """Any refusal of the registry's own. `exit_code` is what a command ends with."""

    exit_code = 1


class Malformed(RegistryError):
    """The request cannot be read."""


class Unauthenticated(RegistryError):
    """The caller did not show who it is, or is nobody any more."""

    exit_code = 4


class Forbidden(RegistryError):
    """The caller is known and not entitled."""

    exit_code = 4


class Missing(RegistryError):
    """It is not there, or not the caller's."""


class Conflict(RegistryError):
    """It contradicts what is already there."""

    exit_code = 3


class WrongState(Conflict):
    """The state table knows no such step."""


class TooLarge(RegistryError):
    """Over a limit."""


class Unbelievable(RegistryError):
    """A document that is well formed and not to be believed here."""


class Undelivered(RegistryError):
    """The mail server did not take a message."""


class Busy(RegistryError):
    """The registry cannot do it at this moment."""


class StorageFull(RegistryError):
    """The registry's disk is full."""


class Misconfigured(RegistryError):
    """The registry must not start like this."""

    exit_code = 2
