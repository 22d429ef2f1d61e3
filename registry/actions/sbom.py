"""A bill of materials in CycloneDX JSON (ECMA-424, version 1.6): what an image lists of itself, for other programs.

It is the same bytes for the same image, so there is no serial number and no time in it. Package addresses follow the
package-url specification: percent-encoded, Debian's with the distribution that the image names.
"""

import re
from typing import Any, Final
from urllib.parse import quote

from protocol.documents.algorithm import Algorithm
from protocol.documents.strict import canonical
from registry.actions import contents
from registry.actions.desk import Desk
from registry.actions.public import show_algorithm
from registry.domain.caller import Caller, missing
from registry.domain.contents import Contents, Package

MEDIA_TYPE: Final = "application/vnd.cyclonedx+json; version=1.6"
_DISTRIBUTION: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")


def show_sbom(desk: Desk, caller: Caller, digest: str) -> bytes:
    """Return the bill of materials of a version's image to whom the image concerns; Missing for everybody else."""
    spec = show_algorithm(desk, digest).spec
    found = contents.show(desk, caller, spec.image.archive_digest) if spec.image else None
    if found is None or found.refused:
        raise missing("sbom")
    return canonical(write_sbom(spec, found))


def write_sbom(spec: Algorithm, found: Contents) -> dict[str, Any]:
    """Return the document."""
    image = {
        "type": "container",
        "bom-ref": f"archive:{found.archive}",
        "name": spec.name,
        "version": spec.version,
        "hashes": [{"alg": "SHA-256", "content": found.archive}],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": image},
        "components": [_component(each, found.distribution) for each in found.packages],
    }


def _component(package: Package, distribution: str) -> dict[str, str]:
    address = _address(package, distribution)
    fields = {"type": "library", "name": package.name, "version": package.version}
    return {**fields, "bom-ref": f"{package.kind}:{package.name}@{package.version}", "purl": address}


def _address(package: Package, distribution: str) -> str:
    version = quote(package.version, safe="")
    if package.kind == "python":
        name = package.name.lower().replace("_", "-")
        return f"pkg:pypi/{quote(name, safe='')}@{version}"
    vendor = distribution if _DISTRIBUTION.fullmatch(distribution) else "debian"
    return f"pkg:deb/{vendor}/{quote(package.name, safe='')}@{version}"
