"""Open a node: read its files once, check everything that must hold, and hand its parts to the actions.

A node that cannot be trusted does not open: a trust root that does not follow from the pinned one or was rolled back, a
policy that the holder did not sign or that was rolled back, Cedar files other than those it names, a ledger that was
rolled back.
"""

import datetime as dt
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from protocol.crypto.keys import PrivateKey, load_private
from protocol.documents.policy import Policy
from protocol.documents.trust_root import TrustRoot
from protocol.trust.root import open_policy
from sandbox.actions.checks import Watched
from sandbox.actions.clock import GuardedClock, wall_clock
from sandbox.actions.init import LEDGER_HEAD, NODE_KEY, POLICY
from sandbox.actions.node import ROOTS, Node, Places, Times, Trust
from sandbox.actions.policy import check_policy
from sandbox.actions.policy_files import digest_policies, open_policies, read_policies
from sandbox.actions.self_test import FOLDER, Bench
from sandbox.actions.trust_root import check_roots, read_roots
from sandbox.chambers.runtime import ChamberRuntime
from sandbox.domain.chamber import Profile
from sandbox.domain.turns import Limits
from sandbox.errors import Misconfigured, Refused
from sandbox.hub.registry import Courier, Registry
from sandbox.settings import Settings
from sandbox.store import schema
from sandbox.store.base import Store
from sandbox.store.ledger_head import check_head
from sandbox.worker.machine import memory_for_chambers, memory_for_staging

LEAST_WORKERS_PADDED = 2
POLICY_FOLDER = Path(__file__).parents[2] / "policies"
SECCOMP = {"standard": POLICY_FOLDER / "seccomp.json", "strict": POLICY_FOLDER / "seccomp-strict.json"}


def open_node(settings: Settings) -> Node:
    """Open the node of these settings in this process."""
    trust = open_trust(settings)
    check_workers(settings, trust.policy)
    places, store = _places(settings), open_store(settings)
    try:
        clock = _check_memory(settings, places, store)
        key = read_key(settings)
    except BaseException:
        store.close()
        raise
    return Node(
        name=settings.node,
        machine=settings.machine,
        country=settings.country,
        software=f"safeconduct {version('safeconduct')}",
        store=store,
        clock=clock,
        signer=key,
        trust=trust,
        places=places,
        times=Times(lease=_seconds(settings.lease_seconds), slice=_seconds(settings.slice_seconds)),
        limits=open_limits(settings),
        seccomp=_read(SECCOMP[trust.policy.profile]).decode(),
        oci_runtime=settings.oci_runtime,
        connect=_connector(settings, key, clock),
        start_runtime=_starter(settings, trust.policy, settings.run_directory.name, settings.run_directory / ROOTS),
    )


def open_limits(settings: Settings) -> Limits:
    """How many jobs may be under way, and what they may reserve: as node.toml says, else as the machine has it."""
    return Limits(
        at_once=settings.jobs_at_once,
        per_project=settings.jobs_at_once_per_project,
        memory=settings.memory_bytes or memory_for_chambers(),
        staging=settings.staging_bytes or memory_for_staging(settings.run_directory),
        priorities=settings.priorities,
    )


def open_bench(settings: Settings, policy: Policy) -> Bench:
    """What the chamber self-test needs: the node's engine under a name of its own."""
    name, roots = f"{settings.run_directory.name}-self-test", settings.run_directory / FOLDER / "roots"
    return Bench(
        start_runtime=_starter(settings, policy, name, roots),
        run=settings.run_directory,
        seccomp=_read(SECCOMP[policy.profile]).decode(),
        oci_runtime=settings.oci_runtime,
        profile=Profile(policy.profile),
    )


def open_watched(settings: Settings, store: Store, root: TrustRoot) -> Watched:
    """What the checks are about; a node that does not open can be looked at as well."""
    return Watched(
        node=settings.node,
        store=store,
        root=root,
        ledger_head=settings.directory / LEDGER_HEAD,
        registry=settings.registry,
        workers=settings.worker_concurrency,
        sweep=_seconds(settings.sweep_seconds),
        poll=_seconds(settings.poll_seconds),
    )


def _check_memory(settings: Settings, places: Places, store: Store) -> GuardedClock:
    """Refuse a ledger, a trust root or a policy that was rolled back; give the clock, which was not."""
    with store.reading() as session:
        check_head(places.ledger_head, session)
    clock = GuardedClock(store, wall_clock)
    check_roots(store, read_roots(settings.directory, settings.fingerprint), clock.now())
    check_policy(store, places.ledger_head, _read(settings.directory / POLICY), clock.now())
    return clock


def open_store(settings: Settings) -> Store:
    """Open the node's database, with the present schema."""
    store = Store(settings.database_url)
    schema.prepare(store)
    return store


def open_trust(settings: Settings) -> Trust:
    """Verify the trust roots from the pinned one on, the holder's policy, and that it names these Cedar files."""
    roots = read_roots(settings.directory, settings.fingerprint)
    policy, digest = open_policy(_read(settings.directory / POLICY), roots.current, settings.node)
    files = read_policies(settings.policies)
    if digest_policies(files) != policy.policy_set_digest:
        raise Misconfigured("policy-set-other", "The Cedar files are not those that the holder's policy names.")
    return Trust(
        root=roots.current,
        root_digest=roots.digest,
        policy=policy,
        policy_digest=digest,
        book=open_policies(files),
    )


def open_registry(settings: Settings, clock: GuardedClock) -> Registry:
    """Connect to the registry as a node that may not open, such as one whose ledger is older than its head."""
    return _connector(settings, read_key(settings), clock)()


def open_holder_policy(settings: Settings) -> tuple[TrustRoot, Policy]:
    """Verify the trust roots and the policy in the files, also while the Cedar files are being replaced."""
    root = read_roots(settings.directory, settings.fingerprint).current
    return root, open_policy(_read(settings.directory / POLICY), root, settings.node)[0]


def _places(settings: Settings) -> Places:
    settings.run_directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    settings.images.mkdir(mode=0o700, exist_ok=True)
    return Places(
        images=settings.images,
        run=settings.run_directory,
        datasets=settings.directory / "datasets",
        ledger_head=settings.directory / LEDGER_HEAD,
    )


def _connector(settings: Settings, key: PrivateKey, clock: GuardedClock) -> Callable[[], Registry]:
    courier = Courier(url=settings.registry, node=settings.node, key=key)
    return lambda: Registry(courier, now=clock.now)


def check_workers(settings: Settings, policy: Policy) -> None:
    """Refuse one worker alone for padded jobs: a chamber that sleeps would delay the charge of the next order."""
    if policy.timing == "padded" and settings.worker_concurrency < LEAST_WORKERS_PADDED:
        sentence = f"The policy pads times, which takes worker_concurrency {LEAST_WORKERS_PADDED} or more in node.toml."
        raise Misconfigured("workers-too-few", sentence)


def _starter(settings: Settings, policy: Policy, name: str, roots: Path) -> Callable[[], ChamberRuntime]:
    """How a process gets its runtime, under a name on the engine; profile `strict` has cells, or does not open.

    `roots` is where the roots of images are held for profile `strict`.
    """
    strict = policy.profile == "strict"
    cells = settings.supervisor if settings.chamber_engine == "cell" else None
    if strict and cells is None:
        sentence = (
            "The holder's policy promises strict, which needs chamber_engine cell and a supervisor: see `doctor`."
        )
        raise Misconfigured("profile-unavailable", sentence)

    def start() -> ChamberRuntime:
        from sandbox.chambers.cell import CellRuntime
        from sandbox.chambers.container import ContainerRuntime
        from sandbox.chambers.preferred import PreferredRuntime

        engine = settings.docker_url, name
        if cells is None:
            return ContainerRuntime(*engine)
        runtime = CellRuntime(*engine, cells, roots=roots if strict else None, apparmor=settings.cell_apparmor)
        return runtime if strict else PreferredRuntime(runtime, lambda: ContainerRuntime(*engine))

    return start


def _seconds(value: float) -> dt.timedelta:
    return dt.timedelta(seconds=value)


def read_key(settings: Settings) -> PrivateKey:
    """The key that signs receipts; refused if anybody but its owner could have read it."""
    path, file = settings.keys / NODE_KEY, settings.key_passphrase_file
    passphrase = _read(file).rstrip(b"\r\n") if file else None
    secret = _read(path)
    for private in (path, file):
        if private and private.stat().st_mode & 0o077:
            sentence = f"Others can read {private}, so the node's receipts prove nothing; give it the permissions 0600."
            raise Misconfigured("key-permissions", sentence)
    try:
        return load_private(secret, passphrase)
    except Refused as error:
        raise Misconfigured(error.code, f"The node's key {path} cannot be opened: {error.sentence}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured("file-missing", f"{path} cannot be read; the node does not start without it.") from error
