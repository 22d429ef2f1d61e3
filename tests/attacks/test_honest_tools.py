"""The tools that honest algorithms call run under the list of calls and the limits of a chamber."""

import json
import os
from pathlib import Path

import chamber_help as help_
import docker
import pytest
from errors import CannotSetUp
from machine import Machine
from tools_image import tools_image

ROOT = Path(__file__).parents[2]
EXPECTED = {
    "numpy": 30,
    "scipy": [0.5, 2.0],
    "pandas": 4,
    "pysam": [100, 200],
    "multiprocessing": [0, 1, 4, 9],
    "r": "1 2",
    "r_by_its_script": "1",
    "bcftools": "rs2",
    "plink2": ["0.5", "0.333333"],
}


@pytest.fixture(scope="module")
def tools_image_id(engine: docker.APIClient) -> str:
    """The engine's ID of the image, put into it behind the back of `load_image`: what it holds is no attack."""
    try:
        tag = tools_image(Machine(ROOT, os.environ))
    except CannotSetUp as problem:
        pytest.skip(f"the image with R, bcftools and plink2 cannot be made here: {problem}")
    return str(engine.inspect_image(tag)["Id"])


def test_each_tool_does_its_work_in_a_chamber(hall: help_.Hall, tools_image_id: str) -> None:
    program = (help_.HOSTILE / "tools.py").read_text()
    entrypoint = ("/usr/bin/python3", "-I", "-c", program)

    [report] = hall.run(
        ["tools"], image_id=tools_image_id, entrypoint=entrypoint, memory_bytes=1 << 30, output_bytes=65536
    )

    assert report is not None
    assert json.loads(report) == EXPECTED
