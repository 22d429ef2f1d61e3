"""The image that the algorithms here are built on: Python and numpy, no shell, no setuid file, compiled beforehand.

 1. Its root comes from an image registry when one answers quickly, else from the distribution's packages. Packages are
    extracted, not configured (`--variant=extract`): 100 MB in ten seconds, without a shell.
 2. Inside that root its own Python compiles every module, marked "unchecked-hash": on a read-only root numpy would
    otherwise be compiled anew by each chamber, a quarter of a second each time. Such files do not depend on clocks.
 3. What algorithms do not need is left out, every file gets one fixed time and no special right, in one fixed order:
    the same packages give the same layer, byte for byte.
The tag names this recipe, so that a changed recipe makes a new image and a second run finds the first one's.
"""

import hashlib
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import engine as docker
import root_archive
from errors import CannotSetUp
from machine import Machine, install, run, say

REGISTRY_IMAGE = "python:3.11-slim-bookworm"
REGISTRY_SECONDS = 5
PULL_SECONDS = 600
BUILD_SECONDS = 900
PACKAGES = "python3,python3-numpy"
MERGE_USR = 'cd "$1" && for name in bin sbin lib lib64; do mkdir -p usr/$name && ln -s usr/$name $name; done'
"""Newer packages hold nothing outside /usr and count on these links, which extraction alone would not make."""

KEYRINGS = {
    "Debian": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "Ubuntu": "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
}
COMPILE = Path(__file__).with_name("compile_modules.py")
WHEEL_PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")


def needs(machine: Machine) -> list[str]:
    """Refuse when the image is neither there nor can be made. mmdebstrap is installed only when its turn comes."""
    engine = docker.find(machine)
    if engine and _present(machine, engine):
        return []
    if shutil.which("mmdebstrap") or machine.can_install or (engine and _registry_answers(engine)):
        return []
    raise CannotSetUp(
        "The algorithms' base image can be made neither from an image registry (none answers) nor from packages: "
        "install the package mmdebstrap and run this again."
    )


def prepare(machine: Machine) -> dict[str, str]:
    """Find the image or make it."""
    engine = docker.find(machine)
    if engine is None:
        raise CannotSetUp("The Docker engine stopped answering while the base image was looked for.")
    tag = _present(machine, engine)
    if tag is None:
        tag = _tag()
        with tempfile.TemporaryDirectory(dir=machine.run, prefix="base-") as folder:
            _make(machine, engine, Path(folder), tag)
    say("base image", f"{tag} is there")
    return {"SAFECONDUCT_BASE_IMAGE": tag}


def _present(machine: Machine, engine: docker.Engine) -> str | None:
    """Return the image that SAFECONDUCT_BASE_IMAGE names, or ours, if the engine holds it."""
    tags = (machine.environment.get("SAFECONDUCT_BASE_IMAGE", ""), _tag())
    return next((tag for tag in tags if tag and engine.has_image(tag)), None)


def _tag() -> str:
    recipe = hashlib.sha256()
    for source in (Path(__file__), Path(root_archive.__file__), COMPILE):
        recipe.update(source.read_bytes())
    return f"safeconduct/base:{recipe.hexdigest()[:12]}"


def _make(machine: Machine, engine: docker.Engine, folder: Path, tag: str) -> None:
    raw = f"safeconduct/base-raw:{machine.name}"
    from_registry = _registry_answers(engine)
    if from_registry:
        _pull(engine, raw)
    else:
        say("base image", "making it from the distribution's packages with mmdebstrap (half a minute)")
        _import(engine, root_of_packages(machine, folder, PACKAGES), raw, [])
    try:
        _finish(machine, engine, folder, raw, with_numpy=from_registry, tag=tag)
    finally:
        engine.docker("rmi", "--force", raw)


def _pull(engine: docker.Engine, raw: str) -> None:
    """Pull the registry's image under a name of ours, leaving its own name only where it was before."""
    say("base image", f"making it from {REGISTRY_IMAGE} of the image registry")
    was_there = engine.has_image(REGISTRY_IMAGE)
    engine.docker("pull", "--quiet", REGISTRY_IMAGE, seconds=PULL_SECONDS)
    engine.docker("tag", REGISTRY_IMAGE, raw)
    if not was_there:
        engine.docker("rmi", REGISTRY_IMAGE)


def _registry_answers(engine: docker.Engine) -> bool:
    """Ask for the image's manifest only: quick where a registry answers, and quick to give up where none does."""
    command = [engine.client, "manifest", "inspect", REGISTRY_IMAGE]
    try:
        return subprocess.run(command, capture_output=True, timeout=REGISTRY_SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def root_of_packages(machine: Machine, folder: Path, packages: str) -> Path:
    """Extract the packages, from the sources of this very distribution, into one archive."""
    if shutil.which("mmdebstrap") is None:
        install(machine, ["mmdebstrap"])
    root = folder / "packages.tar"
    options = ["--variant=extract", f"--include={packages}", f"--setup-hook={MERGE_USR}", *_proxy()]
    fixed = ["env", f"SOURCE_DATE_EPOCH={root_archive.EPOCH}"]
    command = [*fixed, "mmdebstrap", *options, _suite(), str(root), *_sources()]
    run([*(machine.root or ()), *command], seconds=BUILD_SECONDS)
    return root


def _suite() -> str:
    """Return the release's name; testing and unstable may have none of their own."""
    system = platform.freedesktop_os_release()
    return system.get("VERSION_CODENAME") or system.get("DEBIAN_CODENAME") or "stable"


def _sources() -> list[str]:
    """Return this machine's own package sources, without those of third parties."""
    form = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", form, "Identifier: Packages"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    rows = [line.split("|") for line in dict.fromkeys(found.splitlines())]
    return [f"deb {_signed_by(row[0])}{' '.join(row[1:])}" for row in rows if row[0] in KEYRINGS]


def _signed_by(origin: str) -> str:
    return f"[signed-by={KEYRINGS[origin]}] " if Path(KEYRINGS[origin]).exists() else ""


def _proxy() -> list[str]:
    """Hand on the host's proxy: mmdebstrap does not read the host's apt settings."""
    found = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    lines = re.findall(r'^(Acquire::https?::Proxy(?:::\S+)? ".+");$', found, flags=re.MULTILINE)
    return [f"--aptopt={line}" for line in lines]


def _finish(machine: Machine, engine: docker.Engine, folder: Path, raw: str, *, with_numpy: bool, tag: str) -> None:
    """Compile inside the raw root, take the root out again, tidy it, and import it under its tag."""
    script = ["-I", "-c", COMPILE.read_text()]
    container = engine.docker("create", "--network", "none", "--entrypoint", "python3", raw, *script).strip()
    try:
        if with_numpy:
            numpy = _numpy_wheel(machine, folder)
            engine.docker("cp", f"{numpy}/.", f"{container}:/usr/local/lib/python3.11/site-packages")
        engine.docker("start", "--attach", container, seconds=BUILD_SECONDS)
        engine.docker("export", "--output", str(folder / "compiled.tar"), container, seconds=BUILD_SECONDS)
    finally:
        engine.docker("rm", "--force", container)
    with (folder / "compiled.tar").open("rb") as source, (folder / "base.tar").open("wb") as target:
        root_archive.tidy(source, target)
    label = f"LABEL {docker.LABEL}={machine.name}"
    _import(engine, folder / "base.tar", tag, ["--change", label, "--change", 'ENTRYPOINT ["/usr/bin/python3"]'])


def _import(engine: docker.Engine, root: Path, name: str, options: list[str]) -> None:
    engine.docker("import", *options, str(root), name, seconds=BUILD_SECONDS)


def _numpy_wheel(machine: Machine, folder: Path) -> Path:
    """Install the locked numpy, checked against its hash, for the registry image's Python."""
    locked = re.search(
        r"^numpy==.*?(?=^\S)", (machine.checkout / "requirements.lock").read_text(), re.DOTALL | re.MULTILINE
    )
    if locked is None:
        raise CannotSetUp("requirements.lock has no numpy.")
    (folder / "numpy.txt").write_text(locked.group())
    wheels = [f"--platform={name}_{platform.machine()}" for name in WHEEL_PLATFORMS]
    options = ["--python-version=3.11", "--only-binary=:all:", "--no-deps", "--require-hashes", "--no-compile", *wheels]
    pip = [str(machine.venv / "bin/python"), "-m", "pip", "--quiet", "install"]
    command = [*pip, *options, "--target", str(folder / "numpy"), "-r", str(folder / "numpy.txt")]
    run(command, seconds=BUILD_SECONDS, environment=machine.environment)
    return folder / "numpy"
