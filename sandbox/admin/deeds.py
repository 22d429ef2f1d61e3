"""What an admin does, with a typed reason: one form, one action, one line in the audit. No deed releases anything."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse

from sandbox.actions.admission import admit, prepare_reboot
from sandbox.actions.cancel import cancel_job, lift, retry_job
from sandbox.admin.desk import desk_of
from sandbox.admin.guard import OwnForm, Reader
from sandbox.admin.pages import Order
from sandbox.domain.admission import Admission

router = APIRouter()


@router.post("/node/pause")
def pause(request: Request, who: Reader, form: OwnForm) -> RedirectResponse:
    """Let nothing begin."""
    return _admit(request, who, Admission.PAUSED, form.untrusted("reason"), "pause")


@router.post("/node/drain")
def drain(request: Request, who: Reader, form: OwnForm) -> RedirectResponse:
    """Finish what is charged, charge nothing more."""
    return _admit(request, who, Admission.DRAINING, form.untrusted("reason"), "drain")


@router.post("/node/resume")
def resume(request: Request, who: Reader, form: OwnForm) -> RedirectResponse:
    """Accept orders again."""
    return _admit(request, who, Admission.ACCEPTING, form.untrusted("reason"), "resume")


@router.post("/node/prepare-reboot")
def prepare(request: Request, who: Reader, form: OwnForm) -> RedirectResponse:
    """Drain for a reboot."""
    desk = desk_of(request)
    prepare_reboot(desk.store, form.untrusted("reason"), desk.now(), who.signed)
    return RedirectResponse("/?done=prepare-reboot", 303)


@router.post("/jobs/{order}/cancel")
def cancel(request: Request, who: Reader, form: OwnForm, order: Order) -> RedirectResponse:
    """Ask for a job's end."""
    desk = desk_of(request)
    cancel_job(desk.store, order, form.untrusted("reason"), desk.now(), who.signed)
    return RedirectResponse(f"/jobs/{order}?done=cancel", 303)


@router.post("/jobs/{order}/retry")
def retry(request: Request, who: Reader, form: OwnForm, order: Order) -> RedirectResponse:
    """Look at a waiting job now."""
    desk = desk_of(request)
    retry_job(desk.store, order, form.untrusted("reason"), desk.now(), who.signed)
    return RedirectResponse(f"/jobs/{order}?done=retry", 303)


@router.post("/algorithms/{order}/lift")
def lift_quarantine(request: Request, who: Reader, form: OwnForm, order: Order) -> RedirectResponse:
    """Let an algorithm be ordered again after somebody looked why a job of it failed."""
    desk = desk_of(request)
    lift(desk.store, order, form.untrusted("reason"), desk.now(), who.signed)
    return RedirectResponse("/incidents?done=lift", 303)


def _admit(request: Request, who: Reader, admission: Admission, reason: str, done: str) -> RedirectResponse:
    desk = desk_of(request)
    admit(desk.store, admission, reason, desk.now(), who.signed)
    return RedirectResponse(f"/?done={done}", 303)
