"""The acts of the demo, in order, with their headings and their times."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from client.commands import demo_unit
from client.commands.demo_answers import Answers
from client.commands.demo_cast import COMMITTEE, MEMBERS, OFFICE, QUORUM, RESEARCHER, role_of
from client.commands.demo_evidence import Evidence
from client.commands.demo_genomes import with_variants
from client.commands.demo_refusals import Refusals, changed_folder
from client.commands.demo_statistic import Beside
from client.commands.demo_story import Story
from client.commands.demo_world import ALGORITHMS
from client.commands.job_tables import nano


class Acts:
    """Performs a story act by act."""

    def __init__(self, story: Story) -> None:
        self.story, self.stage, self.world = story, story.stage, story.world
        self.answers, self.refusals, self.evidence = Answers(story), Refusals(story), Evidence(story)
        self.beside = Beside(story)

    def perform(self) -> None:
        """Perform everything."""
        self.stage.tell(
            "Data cannot travel; an algorithm can. Every signature, container, noise and refusal below is real; the "
            "people are " + ("published genomes." if self.story.programme.name == "genomes" else "made up.")
        )
        with self.stage.chapter("prepare", "Who takes part, and what they sign beforehand"):
            self.prepare()
        with self.stage.chapter("start", "The registry and the nodes start, each a program of its own"):
            self.start()
        with self.stage.chapter("propose", f"{RESEARCHER.name} signs an algorithm: image and promises together"):
            self.story.propose()
        with self.stage.chapter(
            "review", f"Committee {COMMITTEE} decides: {QUORUM} of {len(MEMBERS)} must sign the same"
        ):
            self.story.review()
        with self.stage.chapter("order", "One signed order for each node"):
            self.story.sign_orders()
        with self.stage.chapter("run", "Each node checks everything itself, charges its ledger, runs sealed chambers"):
            self.run()
        with self.stage.chapter("results", "The answers: receipt first, then the release, then the key"):
            self.answers.fetch()
            self.answers.combine()
        if self.story.programme.name == "synthetic":
            with self.stage.chapter("statistic", "The same question, asked of the nodes' own code and of each family"):
                self.beside.perform(next(iter(self.answers.truth[self.beside.plans[0].node].values())))
        with self.stage.chapter("refusals", "What must not happen: six attempts"):
            self.refusals.perform()
        with self.stage.chapter("verify", "Nothing of this has to be taken on trust"):
            self.evidence.verify(self.refusals.found)
        self._end()

    # Act one --------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make or find cohorts, images and a furnished world; start the registry and the nodes as soon as they can."""
        story, world = self.story, self.world
        folders = [ALGORITHMS / name for name in story.programme.algorithms]
        folders.append(changed_folder(story, story.programme.nodes[0].algorithm))
        folders += [demo_unit.FOLDER] if story.programme.name == "synthetic" else []
        with ThreadPoolExecutor(max_workers=1) as pool:
            images = pool.submit(lambda: {folder: world.image(folder) for folder in folders})
            found = world.cohorts(dict.fromkeys(plan.cohort for plan in story.programme.nodes))
            if story.programme.name == "genomes":
                story.programme = with_variants(story.programme, found)
                self.refusals.plan = story.programme.nodes[0]
            story.cohorts = {plan.node: found[plan.cohort] for plan in story.programme.nodes}
            world.furnish(story.programme.nodes, found)
            world.start_registry()
            world.start_nodes(story.programme.nodes)
            story.images = images.result()
        self._show_cast()

    def _show_cast(self) -> None:
        self.stage.table(
            ["who", "is", "of"],
            [
                [OFFICE, "accreditation office: says who is who, and who sits in a committee", "-"],
                *([m.name, f"{role_of(m)} of committee {COMMITTEE}", m.institution] for m in MEMBERS),
                [RESEARCHER.name, "accredited researcher", RESEARCHER.institution],
                *(
                    [plan.holder, f"data holder: signs whom {plan.node} believes", "-"]
                    for plan in self.story.programme.nodes
                ),
            ],
        )
        self.stage.tell(
            "The office signed four accreditations, the committee's roster and a list of revocations (empty, valid for "
            "seven days). Everybody has keys of their own."
        )

    # Act two --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Accredit the nodes. The story goes on while they come up: orders wait in the registry."""
        world = self.world
        registry = world.open_registry()
        for plan in self.story.programme.nodes:
            request = world.requests[plan.node]
            signed = world.cast.accredit_node(plan.node, plan.country, plan.institution, request)
            registry.publish("accreditations", signed)
        registry.close()
        self._introduce()
        self._log_in()

    def _introduce(self) -> None:
        self.stage.table(
            ["node", "data set", ">people", "whose", "timing", ">rho a job", ">rho a project"],
            [
                [
                    plan.node,
                    plan.dataset,
                    f"{plan.cohort.people:,}".replace(",", " "),
                    plan.cohort.label,
                    plan.timing,
                    nano(plan.policy()["job_cap_nano"]),
                    nano(plan.policy()["project_cap_nano"]),
                ]
                for plan in self.story.programme.nodes
            ],
        )
        for why in dict.fromkeys(plan.why for plan in self.story.programme.nodes if plan.why):
            nodes = [plan.node for plan in self.story.programme.nodes if plan.why == why]
            self.stage.point(f"{', '.join(nodes)}: {why}")
        self.stage.tell(
            f"Each node pinned its holder's trust root by fingerprint: this office, and {QUORUM} signatures from "
            f"{QUORUM} institutions of committee {COMMITTEE}. It dials out to the registry; nothing dials in. Timing "
            "immediate is for a machine where all nodes share a few cores: such a release says that its claim is "
            "conditional on no timing channel."
        )

    def _log_in(self) -> None:
        world, first = self.world, self.story.programme.nodes[0]
        path, fingerprint = self.evidence.root_of(first)
        self.story.researcher = world.cast.client(RESEARCHER, world.url, path, fingerprint)
        self.story.members = {m.person: world.cast.client(m, world.url, path, fingerprint) for m in MEMBERS}

    # Act six --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Watch the jobs."""
        self.stage.tell(
            "Fifteen steps each: strict reading, trust root, accreditation, image and author, quorum, order, local "
            "policy, plan and exact price; then the charge, once; then the chambers, without network, each with one "
            "block of people; then the gate, which clamps, reduces and adds noise, once; then the seal."
        )

        first_chamber: Callable[[], None] | None = self.stage.mark_first_chamber
        states: dict[str, str] = {}
        for wave in self.story.waves():
            states |= self.story.run_wave(wave, first_chamber)
            first_chamber = None
        released = [node for node, state in states.items() if state == "released"]
        self.stage.promise(len(released) == len(states), f"{len(released)} of {len(states)} nodes released an answer")

    # The end --------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        self.stage.timings["total"] = round(self.stage.seconds, 3)
        self.stage.console.print()
        self.stage.tell("Where the time went:")
        self.stage.show_timings()
        broken = self.stage.broken_promises
        self.stage.console.print()
        self.stage.promise(
            not broken, "The story is told: everything came out as promised." if not broken else "The story failed."
        )

    def report(self) -> dict[str, Any]:
        """Return what happened, for programs."""
        return {
            "programme": self.story.programme.name,
            "nodes": self.answers.nodes(),
            "combined": self.answers.together(),
            "statistic": self.beside.found,
            "refusals": [one.as_data() for one in self.refusals.found],
            "broken_promises": self.stage.broken_promises,
            "timings": {**self.stage.timings, "until_first_chamber": self.stage.until_first_chamber},
        }
