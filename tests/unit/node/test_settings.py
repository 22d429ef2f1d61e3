"""Settings are read once, typed, and a wrong one stops the node by its name."""

from pathlib import Path

import pytest

from sandbox.errors import Misconfigured
from sandbox.settings import ENVIRONMENT, Settings, load_settings

LEAST = f'node = "node-fi"\ncountry = "FI"\nregistry = "http://r.test"\nfingerprint = "{"a" * 64}"\n'


def written(folder: Path, text: str) -> Path:
    (folder / "node.toml").write_text(text)
    return folder


def test_least_file_is_enough(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, LEAST), {})
    assert settings.database_url == f"sqlite:///{tmp_path / 'node.db'}"
    assert settings.run_directory.parent == Path("/dev/shm")
    assert settings.worker_concurrency == 2


def test_two_nodes_have_two_run_directories(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    assert len({load_settings(written(folder, LEAST), {}).run_directory for folder in folders}) == 2


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('node = "Node FI"', "node"),
        ('country = "Finland"', "country"),
        ('registry = "ftp://r.test"', "registry"),
        ('fingerprint = "abc"', "fingerprint"),
        ('redis_url = "amqp://r.test"', "redis_url"),
        ('database_url = "mysql://r.test/node"', "database_url"),
        ('docker_url = "docker"', "docker_url"),
        ('oci_runtime = "run c"', "oci_runtime"),
        ("worker_concurrency = 0", "worker_concurrency"),
        ("lease_seconds = 1", "lease_seconds"),
        ("slice_seconds = 55", "slice_seconds"),
        ("poll_seconds = 60", "poll_seconds"),
        ('unknown = "x"', "unknown"),
    ],
)
def test_wrong_setting_is_named(tmp_path: Path, line: str, name: str) -> None:
    key = line.split(" ", 1)[0]
    kept = "".join(f"{each}\n" for each in LEAST.splitlines() if not each.startswith(f"{key} "))
    with pytest.raises(Misconfigured) as caught:
        load_settings(written(tmp_path, f"{kept}{line}\n"), {})
    assert caught.value.code == "setting-invalid"
    assert repr(name) in caught.value.sentence


@pytest.mark.parametrize("missing", ["node", "country", "registry", "fingerprint"])
def test_missing_setting_is_named(tmp_path: Path, missing: str) -> None:
    kept = "".join(f"{each}\n" for each in LEAST.splitlines() if not each.startswith(f"{missing} "))
    with pytest.raises(Misconfigured, match=repr(missing)):
        load_settings(written(tmp_path, kept), {})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SAFECONDUCT_REDIS_URL", "redis://redis.test:6379/3"),
        ("DOCKER_HOST", "unix:///run/other.sock"),
        ("SAFECONDUCT_OCI_RUNTIME", "runsc"),
    ],
)
def test_environment_goes_before_the_file(tmp_path: Path, variable: str, value: str) -> None:
    folder = written(tmp_path, LEAST + 'redis_url = "redis://file.test"\noci_runtime = "crun"\n')
    assert getattr(load_settings(folder, {variable: value}), ENVIRONMENT[variable]) == value


def test_folder_without_a_node_says_so(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        load_settings(tmp_path, {})
    assert caught.value.code == "node-missing"


def test_file_that_is_no_toml_says_so(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="TOML"):
        load_settings(written(tmp_path, "node = ["), {})


def test_slice_and_lease_leave_room_below_the_hard_limit() -> None:
    from sandbox.worker.app import HARD_LIMIT_SECONDS, VISIBILITY_SECONDS

    longest = next(rule.le for rule in Settings.model_fields["slice_seconds"].metadata if hasattr(rule, "le"))
    assert longest < HARD_LIMIT_SECONDS < VISIBILITY_SECONDS
