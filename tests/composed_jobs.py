"""A researcher composes a job on the registry's pages, for every browser test that needs one."""

from factory import DATASET, NODE
from playwright.sync_api import Page
from registry_process import Registry

ENTRY = {
    "dataset": DATASET, "snapshot": "s", "country": "FI", "assembly": "GRCh38", "people": 12_800, "slots": 12_800,
    "unit": "family", "maximum_family_size": 4, "columns": ["age", "sex"], "sites": None, "duo": [],
}  # fmt: skip


def offer(registry: Registry) -> None:
    """Let the node say what it has."""
    registry.request("PUT", f"/nodes/{NODE}/catalogue", NODE, json={"datasets": [ENTRY]}).raise_for_status()


def fill_in(page: Page) -> None:
    """Fill in the form of a new job, and go on to the page that shows its answers."""
    page.get_by_label("variant").fill("rs7903146")
    page.get_by_label("cohort-fi at node-fi").check()
    page.get_by_label("How many blocks?").fill("128")
    page.get_by_label("How much privacy").fill("0.03125")
    check_answers(page)


def check_answers(page: Page) -> None:
    """Send what is filled in."""
    page.get_by_role("button", name="Check your answers").click()


def confirm(page: Page) -> str:
    """Confirm the answers; return the code of the command that signs them."""
    page.get_by_role("button", name="Confirm, then sign").click()
    return page.get_by_text("safeconduct job sign").inner_text().split()[-1]
