"""What page routes share: who is looking, what they may see, a form of our own page, the pages themselves.

`Anybody` never refuses. `role("member")` refuses whoever lacks the role; a route that takes `TheForm` has one of ours.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from faces.browser import Browser, browser_of
from faces.errors import SignInNeeded
from faces.forms import Form, read_form
from faces.pages import Pages, Visit
from registry.actions import account
from registry.domain.account import Person, check_role
from registry.request import desk_of, now_of

LINKS: Final[tuple[tuple[str, str, str], ...]] = (
    ("", "/", "What ran"),
    ("", "/algorithms", "Algorithms"),
    ("", "/nodes", "Nodes"),
    ("", "/log", "Log"),
    ("", "/docs", "API"),
    ("person", "/reviews", "Reviews"),
    ("person", "/inbox", "Inbox"),
    ("researcher", "/my/algorithms", "My algorithms"),
    ("researcher", "/my/jobs", "My jobs"),
    ("office", "/office", "Office"),
    ("person", "/account", "Account"),
)
"""The navigation: who sees the link (everybody if empty), its address, its label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Whoever looks at a page: the browser, and the person who is signed in there, if any."""

    browser: Browser
    person: Person | None
    why_nobody: SignInNeeded | None = None

    @property
    def visit(self) -> Visit:
        """What the page's frame needs to know."""
        roles = self.person.roles if self.person else frozenset()
        links = tuple((address, label) for role, address, label in LINKS if not role or role in roles)
        nobody = () if self.person else (("/sign-in", "Sign in"),)
        return Visit(browser=self.browser, subject=self.person.subject if self.person else None, links=links + nobody)


async def pages_of(request: Request) -> Pages:
    """Return the pages that the application was made with."""
    pages: Pages = request.app.state.pages
    return pages


def this_browser(request: Request) -> Browser:
    """Return the browser that asks."""
    return browser_of(request, secure=desk_of(request).page.origin.startswith("https://"))


ThePages = Annotated[Pages, Depends(pages_of)]


def looker_of(request: Request) -> Looker:
    """Return who looks; nobody is somebody, too."""
    browser = this_browser(request)
    if browser.fresh:
        return Looker(browser=browser, person=None, why_nobody=SignInNeeded("sign-in-needed", "Sign in to see this."))
    try:
        return Looker(browser=browser, person=account.whose(desk_of(request), browser, now_of(request)))
    except SignInNeeded as error:
        return Looker(browser=browser, person=None, why_nobody=error)


Anybody = Annotated[Looker, Depends(looker_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody with the role that the route asked for."""

    browser: Browser
    person: Person
    visit: Visit


def role(name: str) -> Any:
    """Return the dependency that lets in whoever has a role (`registry.domain.account`)."""

    async def check(looker: Anybody) -> SignedIn:
        if looker.person is None:
            raise looker.why_nobody or SignInNeeded("sign-in-needed", "Sign in to see this page.")
        check_role(looker.person, name)
        return SignedIn(browser=looker.browser, person=looker.person, visit=looker.visit)

    return Depends(check)


APerson = Annotated[SignedIn, role("person")]
AResearcher = Annotated[SignedIn, role("researcher")]
AMember = Annotated[SignedIn, role("member")]
AnOffice = Annotated[SignedIn, role("office")]


async def form_of(request: Request) -> Form:
    """Return the form that was sent, believed to be of our own page; a refusal later on still finds it."""
    form = await read_form(request, this_browser(request), desk_of(request).page.origin)
    request.state.form = form
    return form


TheForm = Annotated[Form, Depends(form_of)]


def own_path(untrusted: str) -> str:
    """Return a path of this site; whatever might lead elsewhere leads to the first page."""
    plain = untrusted.startswith("/") and untrusted.isascii() and untrusted.isprintable()
    return untrusted if plain and not untrusted.startswith("//") and "\\" not in untrusted else "/"
