"""Style and scripts: our own, and those that set-up installed from the package registry into one folder.

All are read once, and served under a digest of them all: whatever changes gets a new address, so that browsers may keep
what they have for ever, and a script finds another one beside it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from faces.errors import FilesMissing

INSTALLED: Final = ("govuk-frontend.min.css", "govuk-frontend.min.js", "htmx.min.js")
FOR_EVER: Final = "public, max-age=31536000, immutable"
TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_FONTS: Final = re.compile(rb"@font-face\{[^}]*\}")  # another organisation's; ours come with the reader's machine
_OWN: Final = Path(__file__).parent / "static"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """The files by name and the digest of them all; `missing` says why there are none."""

    files: Mapping[str, bytes]
    digest: str
    missing: str | None = None

    def url(self, name: str) -> str:
        """Return the address of a file; raises FilesMissing unless set-up installed them."""
        if self.missing is not None:
            raise FilesMissing("web-files-missing", self.missing)
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.digest}/{name}"


@cache
def read_assets(folder: Path | None) -> Assets:
    """Return our own files and the installed ones of `folder`."""
    own = {path.name: path.read_bytes() for path in sorted(_OWN.iterdir())}
    try:
        if folder is None:
            return Assets(
                files={}, digest="", missing="The pages' files are not set. Set SAFECONDUCT_WEB to their folder."
            )
        files = own | {name: _FONTS.sub(b"", (folder / name).read_bytes()) for name in INSTALLED}
    except OSError as error:
        return Assets(
            files={}, digest="",
            missing=f"The pages' file {error.filename} cannot be read: {error.strerror}. Run the set-up again, or set "
            "SAFECONDUCT_WEB to the folder that it filled.",
        )  # fmt: skip
    whole = hashlib.sha256(b"".join(hashlib.sha256(name.encode() + body).digest() for name, body in files.items()))
    return Assets(files=files, digest=whole.hexdigest()[:16])


@router.get("/static/{digest}/{name}")
def get_asset(request: Request, digest: str, name: str) -> Response:
    """Return one file; an old digest finds nothing, since its page is old, too."""
    assets: Assets = request.app.state.pages.assets
    if digest != assets.digest or name not in assets.files:
        raise HTTPException(404)
    headers = {"Cache-Control": FOR_EVER}
    return Response(assets.files[name], media_type=TYPES[Path(name).suffix], headers=headers)
