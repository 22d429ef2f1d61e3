"""The import rules of docs/architecture.md catch what they should; files, folders and the lock are as they should be.

Every contract of pyproject.toml is broken on purpose: in a copy of the tree, one small module per forbidden import is
planted, and the checker must name each of them.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ("protocol", "faces", "registry", "sandbox", "client")
FOLDERS = (*PROGRAMS, "policies", "algorithms", "compose", "benches", "docs", "docs/adr", "tests")
LONGEST_FILE, LONGEST_TABLE = 300, 400
"""Lines. The second is for tests and the hostile image: long tables of cases, of which one reads one entry."""

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS: dict[str, dict[str, Any]] = {contract["id"]: contract for contract in SETTINGS["contracts"]}

Plant = tuple[str, str]
"""A package to plant a module in, and what that module imports though it must not."""


def layers_plants(contract: dict[str, Any]) -> Iterator[Plant]:
    """A lower layer imports an upper one, and of two layers on one line each imports the other."""
    program = contract["containers"][0]
    layers = [[name.strip(" ()") for name in layer.split("|")] for layer in contract["layers"]]
    for upper, lower in combinations(layers, 2):
        yield f"{program}.{lower[0]}", f"{program}.{upper[-1]}"
    for layer in layers:
        for importer, imported in permutations(layer, 2):
            yield f"{program}.{importer}", f"{program}.{imported}"


def independence_plants(contract: dict[str, Any]) -> Iterator[Plant]:
    """Each program imports each other one."""
    yield from permutations(contract["modules"], 2)


def forbidden_plants(contract: dict[str, Any]) -> Iterator[Plant]:
    """Each of the sources imports each forbidden module."""
    for source in contract["source_modules"]:
        for forbidden in contract["forbidden_modules"]:
            yield source, forbidden


def protected_plants(contract: dict[str, Any]) -> Iterator[Plant]:
    """Every program, and two layers of the node beside the doors, import what only the doors may."""
    for protected in contract["protected_modules"]:
        for importer in (*PROGRAMS, "sandbox.actions", "sandbox.hub"):
            if importer not in contract["allowed_importers"] and not protected.startswith("sandbox."):
                yield importer, protected
        if protected.startswith("sandbox."):
            yield from (("sandbox.actions", protected), ("sandbox.domain", protected))


PLANTS: dict[str, Callable[[dict[str, Any]], Iterator[Plant]]] = {
    "layers": layers_plants,
    "independence": independence_plants,
    "forbidden": forbidden_plants,
    "protected": protected_plants,
}


@pytest.fixture
def tree(tmp_path):
    """A copy of the packages and of the rules."""
    for program in PROGRAMS:
        shutil.copytree(ROOT / program, tmp_path / program, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def check(tree: Path, contract: str) -> tuple[bool, str]:
    """Whether the copy keeps a contract, and what the checker said."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    options = ["--config", str(tree / "pyproject.toml"), "--contract", contract, "--no-cache"]
    done = subprocess.run(
        [*command, *options], cwd=tree, env={"PYTHONPATH": str(tree)}, capture_output=True, text=True, check=False
    )
    return done.returncode == 0, done.stdout + done.stderr


def plant(tree: Path, package: str, imported: str) -> str:
    """Put a module that imports `imported` into `package`; return its name."""
    folder = tree.joinpath(*package.split("."))
    if folder.with_suffix(".py").exists():
        module, path = package, folder.with_suffix(".py")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
        name = f"planted_{imported.replace('.', '_')}"
        module, path = f"{package}.{name}", folder / f"{name}.py"
    path.write_text(f"import {imported}\n" + (path.read_text() if path.exists() else ""))
    return module


def make_importable(tree: Path, module: str) -> None:
    """Add a layer that this version does not have yet, so that something can import it."""
    folder = tree.joinpath(*module.split("."))
    if module.split(".")[0] in PROGRAMS and not folder.exists() and not folder.with_suffix(".py").exists():
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()


@pytest.mark.parametrize("contract", CONTRACTS)
def test_contract_is_kept_and_every_violation_of_it_is_caught(tree, contract):
    kept, said = check(tree, contract)
    assert kept, said
    plants = list(PLANTS[CONTRACTS[contract]["type"]](CONTRACTS[contract]))
    for package, imported in plants:
        make_importable(tree, imported)
        make_importable(tree, package)

    planted = [(plant(tree, package, imported), imported) for package, imported in plants]
    kept, said = check(tree, contract)

    assert planted
    assert not kept
    unwrapped = " ".join(said.split())  # the checker breaks long lines
    missed = [f"{one} -> {imported}" for one, imported in planted if f"{one} -> {imported} (l." not in unwrapped]
    assert not missed, f"{missed}\n{said}"


def test_domain_is_pure_even_through_another_module(tree):
    (tree / "sandbox/errors.py").write_text((tree / "sandbox/errors.py").read_text() + "\nimport subprocess\n")

    kept, said = check(tree, "pure-domain")

    assert not kept
    assert "sandbox.errors -> subprocess" in said


def committed_files() -> list[Path]:
    """Every file that is, or could be, committed: what git ignores is not ours."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    if not (ROOT / ".git").exists() or shutil.which("git") is None:  # an unpacked archive
        skipped = {".venv", ".run", ".git"}
        return [path for path in ROOT.rglob("*") if path.is_file() and not skipped & set(path.relative_to(ROOT).parts)]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


@pytest.mark.parametrize("folder", [*PROGRAMS, "compose", "algorithms", "benches", "tests"])
def test_no_file_is_longer_than_one_can_read_at_once(folder):
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py")}

    too_long = {path: length for path, length in lengths.items() if length > longest(path)}

    assert lengths
    assert not too_long


def longest(path: Path) -> int:
    """How many lines a file may have."""
    return LONGEST_TABLE if path.parts[0] == "tests" or path.parts[:2] == ("algorithms", "hostile") else LONGEST_FILE


@pytest.mark.parametrize("folder", FOLDERS)
def test_layout_has_the_folder(folder):
    assert any((ROOT / folder).iterdir())


def test_no_committed_file_names_a_package_index():
    index = re.compile(
        "py" + r"pi\.org|files\.python" + r"hosted|(?:extra-)?index-" + r"url\s*[=:]|registry\.np" + "mjs"
    )
    texts = {path: path.read_bytes().decode("utf-8", "ignore") for path in committed_files()}

    assert texts
    assert [str(path.relative_to(ROOT)) for path, text in texts.items() if index.search(text)] == []


def test_every_locked_distribution_has_hashes_and_no_address():
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^[a-z0-9][a-z0-9._-]*(?:\[[a-z,]+\])?==\S+.*?(?=^\S|\Z)", lock, flags=re.MULTILINE | re.DOTALL)

    assert len(pins) > 50
    assert all("--hash=sha256:" in pin for pin in pins)
    assert "://" not in lock


@pytest.mark.parametrize("package", ["sandbox/domain", "registry/domain", "protocol"])
def test_pure_packages_ask_no_clock(package):
    """The `datetime` module is needed for its types; its clock is not for pure code."""
    clocks = re.compile(r"\b(?:datetime|date)\.(?:now|utcnow|today)\(")
    files = sorted((ROOT / package).rglob("*.py"))

    assert files
    assert [str(path.relative_to(ROOT)) for path in files if clocks.search(path.read_text())] == []
