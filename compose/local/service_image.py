"""One image with PostgreSQL, Redis, nginx and Prometheus from the distribution's packages: what the test of the
deployment puts in the place of the well-known images that compose files name, where no image registry is reached.

Packages are extracted and not configured. The entry point does what the well-known PostgreSQL image's does with the
same three variables: it makes the database where there is none.
"""

import hashlib
import io
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

import base_image
import engine as docker
from machine import Machine, say

PACKAGES = "postgresql,redis-server,nginx-light,prometheus,dash,coreutils"
ENTRY = Path(__file__).parent.with_name("images") / "service-entry.sh"
LEFT_OUT = (
    *("usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/lib/llvm", "var/", "dev/", "etc/passwd/"),
    *("usr/share/fonts/", "usr/share/javascript/", "usr/share/nodejs/", "etc/prometheus/"),  # Prometheus's old pages
)
FOLDERS = {"tmp", "proc", "sys", "dev", "run", "var", "var/lib", "var/lib/nginx", "var/log", "var/log/nginx"}
USERS = "root:x:0:0::/:/bin/sh\npostgres:x:10002:10002::/tmp:/bin/sh\nredis:x:10003:10003::/tmp:/bin/sh\n"
USERS += "proxy:x:10004:10004::/tmp:/bin/sh\nprometheus:x:10005:10005::/tmp:/bin/sh\n"


def service_image(machine: Machine, engine: docker.Engine) -> str:
    """Return the tag of the image, which is made if it is not there."""
    tag = f"safeconduct/services:{hashlib.sha256(Path(__file__).read_bytes() + ENTRY.read_bytes()).hexdigest()[:12]}"
    if not engine.has_image(tag):
        say(
            "services",
            "making PostgreSQL, Redis, nginx and Prometheus from the distribution's packages (half a minute)",
        )
        with tempfile.TemporaryDirectory(dir=machine.run, prefix="services-") as folder:
            root = base_image.root_of_packages(machine, Path(folder), PACKAGES)
            _trim(root, Path(folder) / "trimmed.tar")
            changes = [f"LABEL {docker.LABEL}={machine.name}", 'ENTRYPOINT ["/entry.sh"]']
            changes.append(f"ENV PATH={_servers(root)}:/usr/sbin:/usr/bin:/sbin:/bin")
            options = [word for change in changes for word in ("--change", change)]
            engine.docker("import", *options, str(Path(folder) / "trimmed.tar"), tag, seconds=300)
    return tag


def _servers(root: Path) -> str:
    """The folder of PostgreSQL's programs, which has its version in its name."""
    with tarfile.open(root) as packages:
        names = (member.name.removeprefix(".") for member in packages)
        return next(str(PurePosixPath(name).parent) for name in names if name.endswith("/bin/postgres"))


def _trim(source: Path, target: Path) -> None:
    """Copy what the services need, and add what configuring the packages would have made."""
    with tarfile.open(source) as untrimmed, tarfile.open(target, "w") as trimmed:
        names = set()
        for member in untrimmed:
            name = member.name.removeprefix("./").rstrip("/")
            if not f"{name}/".startswith(LEFT_OUT) and not member.isdev() and name not in names:
                names.add(name)
                trimmed.addfile(member, untrimmed.extractfile(member) if member.isreg() else None)
        _add(trimmed, "entry.sh", ENTRY.read_bytes(), 0o755)
        _add(trimmed, "etc/passwd", USERS.encode(), 0o644)
        for name in sorted(FOLDERS - names):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            trimmed.addfile(folder)
        link = tarfile.TarInfo("usr/bin/sh")
        link.type, link.linkname = tarfile.SYMTYPE, "dash"
        if link.name not in names:
            trimmed.addfile(link)


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    archive.addfile(member, io.BytesIO(content))
