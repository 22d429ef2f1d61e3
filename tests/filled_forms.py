"""A researcher's two long forms, filled in as people do: a request to committees, and a job."""

from factory import COMMITTEE, DATASET, NODE, PROJECT, PURPOSE, RESEARCHER
from playwright.sync_api import Page
from registry_process import Registry

ENTRY = {
    "dataset": DATASET, "snapshot": "s", "country": "FI", "assembly": "GRCh38", "people": 12_800, "slots": 12_800,
    "unit": "family", "maximum_family_size": 4, "columns": ["age", "sex"], "sites": None, "duo": [],
}  # fmt: skip


def offer(registry: Registry) -> None:
    """Let the node say what it has."""
    registry.request("PUT", f"/nodes/{NODE}/catalogue", NODE, json={"datasets": [ENTRY]}).raise_for_status()


def fill_request(page: Page, project: str = PROJECT) -> None:
    """Fill in a request to the committee, and go on to the page that shows its answers."""
    for label in (COMMITTEE, f"{DATASET} at {NODE}", PURPOSE):
        page.get_by_label(label).check()
    answers = {
        "Project": project, "What is it for": "Which variants go with the disease?", "Who may order?": RESEARCHER,
        "How many runs": "4", "ρ for one job": "0.03125", "ρ in total": "0.125", "Last day": "2099-12-31",
    }  # fmt: skip
    for label, answer in answers.items():
        page.get_by_label(label).fill(answer)
    check_answers(page)


def send_request(page: Page) -> None:
    """Confirm the answers."""
    page.get_by_role("button", name="Send to the committees").click()


def fill_job(page: Page) -> None:
    """Fill in a new job, and go on to the page that shows its answers."""
    page.get_by_label("variant").fill("rs7903146")
    page.get_by_label(f"{DATASET} at {NODE}").check()
    page.get_by_label("How many blocks?").fill("128")
    page.get_by_label("How much privacy").fill("0.03125")
    check_answers(page)


def check_answers(page: Page) -> None:
    """Send what is filled in."""
    page.get_by_role("button", name="Check your answers").click()


def confirm_job(page: Page) -> str:
    """Confirm the answers; return the code of the command that signs them."""
    page.get_by_role("button", name="Confirm, then sign").click()
    return page.get_by_text("safeconduct job sign").inner_text().split()[-1]
