"""Two neighbouring datasets, and an algorithm that crashes on one person: the page of a running job is the same.

The chamber kills itself, fills its time or answers, as soon as its block holds the person it waits for; in the
neighbouring dataset that person has another name, and it never does. At each scheduled instant every page is compared
byte for byte; what is masked is the same random text that any two page loads differ by.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from admin_place import Browser, make_place

from sandbox.chambers.fake import Ending

HONEST = Ending(wrote=b'{"share": 0.5}')
HOSTILE = {
    "crashes": Ending(exit_code=139),
    "runs out of memory": Ending(out_of_memory=True),
    "overruns its slot": Ending(wrote=b'{"share": 0.5}', seconds=3600.0),
    "floods": Ending(wrote=b"x" * 10_000_000),
}
RANDOM = re.compile(r'(name="form_token" value="|data-options=")[^"]*"')
PAGES = ("/status/part", "/jobs", "/jobs/{}", "/jobs/{}/part", "/datasets", "/incidents")


def course(kit: Any, person: bool, ending: Ending) -> list[tuple[str, str, str]]:
    """Every page at every instant of a padded job's schedule until its release has left."""
    seen: list[int] = []

    def chamber(_input: bytes, block: Path) -> Ending:
        seen.append(len(seen))
        return ending if person and len(seen) == 2 else HONEST  # the second block holds the person

    kit.chamber = chamber
    place = make_place(kit)
    kit.with_policy(timing="padded", epoch_seconds=600)
    browser = place.log_in("meri")
    order = kit.take()
    kit.tick(order)
    row = kit.row(order)
    instants = [row.start_at, row.start_at + (row.slots_end_at - row.start_at) / 2, row.slots_end_at, row.release_at]
    shown = []
    for instant in instants:
        while (due := kit.row(order).due_at) is not None and due <= instant:
            kit.clock.at = max(kit.clock.at, due)
            kit.tick(order)
        kit.clock.at = instant
        if instant != row.release_at:
            shown += look(browser, order, str(instant))
    assert len(seen) == 4
    assert kit.row(order).state == "reported"
    return shown


def look(browser: Browser, order: str, instant: str) -> list[tuple[str, str, str]]:
    texts = [(page, browser.get(page.format(order)).text) for page in PAGES]
    return [(instant, page, RANDOM.sub("", text)) for page, text in texts]


@pytest.mark.parametrize("what", HOSTILE)
def test_running_job_looks_the_same_beside_a_neighbouring_dataset(kit: Any, twin: Any, what: str) -> None:
    with_person, without = course(kit, True, HOSTILE[what]), course(twin, False, HOSTILE[what])

    assert len(with_person) == 3 * len(PAGES)
    assert with_person == without
