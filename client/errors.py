"""What can go wrong for a person at the command line, and the exit code that says so to a program.

    SafeconductError                 1  it failed, and the sentence says why
    ├── Refused                      5  not to be believed, or not allowed by policy or budget
    └── ClientError                  1
        ├── UsageProblem             2  the command was given something it cannot use
        ├── Conflict                 3  something else is already there
        ├── NotAuthorised            4  the registry does not take us for who we say we are
        ├── JobFailed                6  the job ended without a release
        └── Unreachable              7  nobody answered

Every sentence says what happened, why, and what to do next. An exception of another program may carry an integer
`exit_code` of its own; it wins.
"""

from __future__ import annotations

from protocol.errors import Refused, SafeconductError

OK, FAILED, USAGE, CONFLICT, NOT_AUTHORISED, REFUSED, JOB_FAILED, UNREACHABLE = range(8)


class ClientError(SafeconductError):
    """The command could not do what it was asked."""

    exit_code = FAILED


class UsageProblem(ClientError):
    """An argument, a file or a setting cannot be used as given."""

    exit_code = USAGE


class Conflict(ClientError):
    """Something else already stands where this would go."""

    exit_code = CONFLICT


class NotAuthorised(ClientError):
    """The registry does not accept who is asking, or not for this."""

    exit_code = NOT_AUTHORISED


class JobFailed(ClientError):
    """The job came to an end, and there is no release."""

    exit_code = JOB_FAILED


class Unreachable(ClientError):
    """A program that is needed does not answer."""

    exit_code = UNREACHABLE


def exit_code(error: BaseException) -> int:
    """Return the exit code of DESIGN 11 for an error of any of the programs."""
    own = getattr(error, "exit_code", None)
    if isinstance(own, int):
        return own
    return REFUSED if isinstance(error, Refused) else FAILED
