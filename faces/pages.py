"""Pages: one template engine for a program's pages and the shared parts, and what each page knows.

Text is escaped, a misspelt name stops a template, and nothing is marked safe: text from outside is never markup.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from faces.assets import Assets
from faces.browser import Browser
from protocol.documents.amount import write_nano

_OWN: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What stands on every page of a program: its name, and what it is in one sentence."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Whom a page is for: the browser, the person who signed in there if any, and where that person may go.

    links: address and label of the navigation, in order.
    """

    browser: Browser
    subject: str | None = None
    links: tuple[tuple[str, str], ...] = ()


class Pages:
    """Renders templates of `folder`, which may extend `base.html` and import `parts.html`."""

    def __init__(self, site: Site, folder: Path, assets: Assets) -> None:
        """Prepare; templates are read when first shown."""
        self.assets = assets
        self._environment = Environment(
            loader=FileSystemLoader([folder, _OWN]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"site": site, "asset": assets.url}
        self._environment.filters |= {"moment": _moment, "words": _words, "nano": write_nano}

    def show(
        self,
        name: str,
        visit: Visit,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """Return a page; a browser gets its cookie with the first form that needs one."""
        text = self._environment.get_template(name).render(visit=visit, **values)
        response = HTMLResponse(text, status, headers=headers)
        if visit.browser.fresh and visit.browser.form_token in text:
            visit.browser.set_cookie(response)
        return response

    def refused(
        self, visit: Visit, status: int, code: str, sentence: str, *, typed: Sequence[str] = (), back: str = ""
    ) -> HTMLResponse:
        """Return the page that says what was refused and what to do next.

        typed: what somebody wrote in the form that was refused, so that it is not lost. back: the page of that form.
        """
        return self.show("refused.html", visit, status=status, code=code, sentence=sentence, typed=typed, back=back)


def _moment(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC"


def _words(value: object) -> str:
    return str(value).replace("_", " ").replace("-", " ")
