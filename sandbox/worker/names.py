"""Names that the supervisor and the worker share."""

import socket

READY_FILE = "worker.ready"  # in the run directory; holds the process id of the worker that is ready
LOCK_FILE = "node.lock"  # in the run directory; held by the one `node run` of this node


def owner_name(worker: int, process: int) -> str:
    """The name under which one process of a worker claims jobs."""
    return f"{owner_prefix(worker)}{process}"


def owner_prefix(worker: int) -> str:
    """What the names of all processes of one worker begin with."""
    return f"{socket.gethostname()}:{worker}:"
