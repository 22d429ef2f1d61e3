"""An image with the tools that honest algorithms call (R, bcftools, plink2 and more), for the tests only.

It is made from the distribution's packages, extracted and not configured, when a test first asks for it: a minute and
a half. What only builds programs is left out. The tag names the recipe; `make clean` removes it with the engine's
other images of this checkout.
"""

import hashlib
import io
import re
import tarfile
import tempfile
from pathlib import Path

import base_image
import engine as docker
from errors import CannotSetUp
from machine import Machine, say

PACKAGES = "python3,python3-numpy,python3-scipy,python3-pandas,python3-pysam,r-base-core,bcftools,plink2"
SHELL = "bash,dash,sed,coreutils,debianutils"
"""What R's own starting script calls."""

CONFIGURED = {
    "usr/bin/sh": "dash",
    "usr/bin/which": "which.debianutils",
    "etc/R/Renviron": "../../usr/lib/R/etc/Renviron.ucf",
}

LEFT_OUT = re.compile(
    r"""^(?:
      (?:dev|proc|sys|run|boot|var|root|home)/
    | usr/(?:include|games|src)/ | usr/share/(?:doc|man|locale|info|icons|fonts|perl)/
    | usr/lib/(?:gcc|apt|dpkg|systemd|debug)/ | usr/lib/python3[.\d]*/(?:test|config-[^/]*)/
    | usr/lib/[^/]*-linux-gnu/(?:perl|gconv|lib[^/]*\.a$|lib[a-z]*san\.|dri/)
    | usr/bin/(?:[^/]*-)?(?:lto-dump|gcc|g\+\+|gfortran|cpp|ld|as|gdb|perl)[^/]*$
    | .*/numpy/(?:.*/)?tests/ | .*/scipy/(?:.*/)?tests/ | .*/pandas/tests/
    )""",
    re.VERBOSE,
)


def tools_image(machine: Machine) -> str:
    """Return the tag of the image, which is made if it is not there; `CannotSetUp` where it cannot be."""
    engine = docker.find(machine)
    if engine is None:
        raise CannotSetUp("No Docker engine answers.")
    tag = f"safeconduct/tools:{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]}"
    if not engine.has_image(tag):
        say("tools image", "making it from the distribution's packages (a minute and a half)")
        with machine.alone(), tempfile.TemporaryDirectory(dir=machine.run, prefix="tools-") as folder:
            root = base_image.root_of_packages(machine, Path(folder), f"{PACKAGES},{SHELL}")
            _trim(root, Path(folder) / "trimmed.tar")
            label = f"LABEL {docker.LABEL}={machine.name}"
            engine.docker("import", "--change", label, str(Path(folder) / "trimmed.tar"), tag, seconds=300)
    return tag


def _trim(source: Path, target: Path) -> None:
    """Copy what chambers need, and add the links that configuring the packages would have made."""
    with tarfile.open(source) as untrimmed, tarfile.open(target, "w") as trimmed:
        names = set()
        for member in untrimmed:
            name = member.name.removeprefix("./").strip("/")
            if LEFT_OUT.match(f"{name}/" if member.isdir() else name) or member.isdev():
                continue
            names.add(name)
            trimmed.addfile(member, untrimmed.extractfile(member) if member.isreg() else None)
        for name, target_name in _links(names):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target_name
            trimmed.addfile(link)
        for name in {"mnt", "tmp", "proc", "sys", "dev"} - names:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            trimmed.addfile(folder, io.BytesIO())


def _links(names: set[str]) -> list[tuple[str, str]]:
    """Those of `CONFIGURED`, and the libraries for linear algebra, of which a system may have several."""
    found: list[tuple[str, str]] = []
    for name in sorted(names):
        match = re.fullmatch(
            r"(usr/lib/[^/]+-linux-gnu)/((?:[a-z]+-pthread|blas|lapack)/(lib(?:blas|lapack)\.so\.3))", name
        )
        if match and f"{match[1]}/{match[3]}" not in [link for link, _ in found]:
            found.append((f"{match[1]}/{match[3]}", match[2]))
    return found + [(name, to) for name, to in CONFIGURED.items() if name not in names]
