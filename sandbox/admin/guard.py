"""Who a request is from: a form of this page's own, by an admin's browser. What is not that reads and does nothing."""

from typing import Annotated, Final

from fastapi import Depends, Request

from faces.browser import Browser, browser_of
from faces.forms import Form, read_form
from sandbox.actions.admin_account import Visitor, read_visitor
from sandbox.admin.desk import desk_of

PART: Final = "/part"  # the end of the address of a part that renews itself


def browser(request: Request) -> Browser:
    """The browser that a request comes from."""
    return browser_of(request, secure=desk_of(request).secure)


def visitor(request: Request) -> Visitor:
    """The admin whose session this request belongs to; a part that renews itself does not prolong it."""
    desk = desk_of(request)
    return read_visitor(desk.store, browser(request).hash, desk.now(), prolong=not request.url.path.endswith(PART))


Reader = Annotated[Visitor, Depends(visitor)]


async def form(request: Request) -> Form:
    """The form, if a page of ours sent it from this very browser."""
    return await read_form(request, browser(request), desk_of(request).site.page.origin)


async def own_form(request: Request, _: Reader) -> Form:
    """The form of somebody who is logged in."""
    return await form(request)


AnyForm = Annotated[Form, Depends(form)]
OwnForm = Annotated[Form, Depends(own_form)]
