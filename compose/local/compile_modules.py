"""Compile every module of the Python that runs this; run inside the root that becomes the base image."""

import compileall
import importlib
import py_compile
import sys
import sysconfig
from pathlib import Path


def link_libraries() -> None:
    """Make the links that the configuration of Debian's BLAS and LAPACK packages would have made ("alternatives")."""
    for name in ("blas", "lapack"):
        for library in Path("/usr/lib").glob(f"*-linux-gnu/{name}/lib{name}.so.3"):
            link = library.parent.parent / library.name
            if not link.exists():
                link.symlink_to(Path(name) / library.name)


def compile_folders() -> None:
    """Compile the library and the packages, in a way that does not depend on the files' times."""
    folders = {sysconfig.get_path("stdlib"), *(path for path in sys.path if path.endswith("-packages"))}
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for folder in sorted(folders):
        compileall.compile_dir(folder, quiet=2, workers=0, invalidation_mode=unchecked)


link_libraries()
compile_folders()
importlib.import_module("numpy")  # the image is of no use without it: fail here, not in a chamber
