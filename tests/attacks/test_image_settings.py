"""What an image says about running has no effect: the chamber is told everything itself."""

import json
from collections.abc import Iterator
from pathlib import Path

import chamber_help as help_
import docker
import pytest

from sandbox.chambers.cgroups import Cgroups
from sandbox.chambers.runtime import ChamberRuntime
from sandbox.errors import InfrastructureLost

DOCKERFILE = """
FROM {base}
COPY hostile.py /hostile.py
ENV LD_PRELOAD=/evil.so PYTHONSTARTUP=/evil.py PATH=/evil HOME=/evil
USER 0
WORKDIR /usr
ENTRYPOINT ["/evil"]
CMD ["evil"]
STOPSIGNAL SIGCONT
HEALTHCHECK --interval=1s CMD ["/evil"]
LABEL eu.safeconduct.node=another eu.safeconduct.job=another
"""


@pytest.fixture(scope="module")
def image_id(
    engine: docker.APIClient,
    runtime: ChamberRuntime,
    image: help_.Image,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """An image that asks for everything, put into the engine behind the back of `load_image`, which refuses it."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "hostile.py").write_text((help_.HOSTILE / "hostile.py").read_text())
    base = runtime.load_image(image.archive, image.identity)
    (folder / "Dockerfile").write_text(DOCKERFILE.format(base=base))
    built = build_behind(engine, folder)
    yield built
    engine.remove_image(built)  # with its parents, of which the base is one


def build_behind(engine: docker.APIClient, folder: Path) -> str:
    """Build an image in the engine itself."""
    steps = list(engine.build(path=str(folder), network_mode="none", rm=True, forcerm=True, decode=True))
    return next(str(step["aux"]["ID"]) for step in steps if "aux" in step)


def test_settings_of_the_image_have_no_effect(
    hall: help_.Hall, runtime: ChamberRuntime, engine: docker.APIClient, image_id: str
) -> None:
    outcomes = hall.run(["environment", "rights", "honest"], image_id=image_id)

    environment, rights = (json.loads(outcome or b"") for outcome in outcomes[:2])
    assert not {"LD_PRELOAD", "PYTHONSTARTUP"} & set(environment)
    assert "/evil" not in str(environment)
    assert rights["Uid"] == [str(help_.FIRST_UID + 1)] * 4
    assert outcomes[2] == help_.HONEST


def test_image_that_asks_for_a_volume_is_not_run_although_it_is_loaded(
    hall: help_.Hall, runtime: ChamberRuntime, engine: docker.APIClient, tmp_path: Path
) -> None:
    """A volume would be a writable place on the host's disk; `load_image` refuses it as well."""
    (tmp_path / "Dockerfile").write_text(f"FROM {hall.image_id}\nVOLUME /kept\n")
    image_id = build_behind(engine, tmp_path)
    volumes = engine.volumes()["Volumes"]

    with pytest.raises(InfrastructureLost, match="image-volume"):
        hall.run(["honest"], image_id=image_id)

    assert engine.volumes()["Volumes"] == volumes
    engine.remove_image(image_id, noprune=True)


def test_settings_of_the_container_are_ours(
    hall: help_.Hall, runtime: ChamberRuntime, engine: docker.APIClient, image_id: str
) -> None:
    plan = hall.plan(["never_ends"], image_id=image_id, slot_seconds=30)
    runtime.run_slice(plan, 0, hall.outputs, help_.in_seconds(1.5))  # leaves it running

    (found,) = engine.containers(filters={"label": f"eu.safeconduct.job={plan.job}"})
    container = engine.inspect_container(found)
    assert container["State"].get("Health") is None
    assert container["Config"]["StopSignal"] == "SIGKILL"
    assert container["Config"]["Labels"]["eu.safeconduct.job"] == plan.job
    assert container["Config"]["Cmd"] is None
    assert container["Mounts"] == [] or {mount["Type"] for mount in container["Mounts"]} == {"bind"}
    assert runtime.remove_below(plan.job, plan.fence) == 0
    assert runtime.remove_below(plan.job, plan.fence + 1) == 1
    hall.run([None], fence=plan.fence + 1)  # sweeps the desk of the lower fence


def test_traced_first_process_outlives_its_container_and_is_found(hall: help_.Hall, engine: docker.APIClient) -> None:
    """The control: without launcher and list of calls the engine says "exited" of a process that runs on."""
    code = "import ctypes,os,time\nctypes.CDLL(None).ptrace(0,0,0,0)\nos.kill(1,10)\nwhile 1: time.sleep(1)"
    uid = help_.FIRST_UID + 77
    created = engine.create_container(
        hall.image_id,
        entrypoint=["/usr/bin/python3", "-I", "-S", "-c", code],
        user=f"{uid}:{uid}",
        network_disabled=True,
        host_config=engine.create_host_config(network_mode="none", security_opt=["no-new-privileges:true"]),
    )
    engine.start(created["Id"])
    engine.wait(created["Id"], timeout=20)

    assert engine.inspect_container(created["Id"])["State"]["Status"] == "exited"
    assert help_.living(uid)
    assert not Cgroups(engine.info()["CgroupDriver"]).clear(created["Id"])
    engine.remove_container(created["Id"], v=True, force=True)
    assert not help_.living(uid)
