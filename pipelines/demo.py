"""``desist demo``: a whole quarter on a made-up partnership, through the same steps as with one's own files."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.fairness.policy import load_policy
from desist.pipelines.adults import write_adults
from desist.pipelines.decisions import sign_candidate
from desist.pipelines.gate import candidate_of, release_candidate
from desist.pipelines.pages import Pages, write_pages
from desist.pipelines.quality_run import report_quality
from desist.pipelines.retrain import Retrained, retrain
from desist.pipelines.score import Scored, score_caseload
from desist.pipelines.session import Session, open_session
from desist.pipelines.settings import load_settings
from desist.pipelines.steps import link_people, take_in
from desist.pipelines.tracking import promote
from desist.pipelines.workspaces import MADE_UP_POLICY, made_up_workspace
from desist.records.errors import Refused, UserError, Withheld
from desist.records.files import write_text
from desist.records.keys import KeyRegister
from desist.records.workspace import Workspace
from desist.simulation.adults import borough_adults
from desist.simulation.world import World
from desist.simulation.write import simulate

TODAY = dt.date(2026, 10, 1)
FIRST_AS_OF = dt.date(2021, 4, 1)
#: Features look back up to ten years: records must reach back far enough when the first past caseload is drawn.
HISTORY_START = dt.date(2012, 10, 1)
PASSWORD = b"demo"
TRAINER = "Demo analyst"
#: Holder and role of each demo key; the keys say in the register that they are made up.
PEOPLE = (
    (TRAINER, "analyst"),
    ("Demo chair", "board_chair"),
    ("Demo data protection officer", "data_protection_officer"),
)
NO_SHADOW = "Everything here is made up: there is no panel beside which a shadow could run."
CONDITION = "Look again at the groups that cannot be told, with the quarters until then"
ANSWER = "A demo key accepts this so that the demo can go on. A real board writes its own reasons here."


@dataclass(frozen=True)
class Demo:
    """What a demo left behind."""

    workspace: Path
    extracts: Path
    run: Retrained
    before: Withheld
    scored: Scored | None
    pages: Pages
    seconds: float
    withheld: Withheld | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "workspace": str(self.workspace),
            "extracts": str(self.extracts),
            "run": self.run.as_json(),
            "withheld_before_signatures": list(self.before.causes),
            "list": self.scored.as_json() if self.scored else None,
            "withheld": list(self.withheld.causes) if self.withheld else [],
            "pages": self.pages.as_json(),
            "seconds": round(self.seconds, 1),
        }

    def as_text(self) -> str:
        reports = self.workspace / "runs" / self.run.run / "reports"
        told = (
            "The gate lets nothing out on this evidence, so the list has no estimates: that is how it ends for a "
            "partnership of so few people, unless it joins a region (docs/guides/small-partnership.md)."
        )
        return "\n".join(
            [
                "",
                *([told] if self.withheld else []),
                f"Done in {self.seconds:.0f} seconds. Everything here is made up. Open these pages:",
                f"  cases to review        {self.workspace / 'reports' / 'cases-to-review.html'}",
                f"  support waiting        {self.workspace / 'reports' / 'support-waiting.html'}",
                f"  the board's report     {reports / 'fairness.html'}",
                f"  the points card        {reports / 'card.html'}",
                f"  the analyst's page     {reports / 'run.html'}",
                f"  what agencies sent     {self.workspace / 'reports' / 'quality.html'}",
                f"  who is who             {self.workspace / 'reports' / 'linkage.html'}",
                "",
                "Now with your own files: desist init my-partnership, and follow docs/guides/analyst.md.",
            ]
        )


def run_demo(
    root: Path,
    *,
    people: int,
    seed: int,
    enforcement_gap: float,
    sharing: str,
    say: Callable[[str], None],
    policy: Path | None = None,
) -> Demo:
    """Run a whole quarter into ``root``, replacing an earlier demo there; the agencies' files lie beside it.

    ``policy``: another than the made-up board's own. Where the evidence lets nothing out, the quarter ends with
    the list without estimates, and ``withheld`` says why. Raises Refused where ``root`` holds anything but a demo.
    """
    began = time.monotonic()
    agreed = policy_text(policy) if policy else MADE_UP_POLICY
    extracts = root.with_name(f"{root.name}-extracts")
    _clear(root, extracts)
    say(f"1  A made-up borough: {people:,} people known to its agencies, fourteen years of records (seed {seed}).")
    simulate(
        extracts, people=people, seed=seed, world=World(enforcement_gap=enforcement_gap), sharing=sharing,
        history_start=HISTORY_START,
    )  # fmt: skip
    session = open_made_up(root, extracts, seed, say, agreed)
    say("2  Intake: each file through its sharing agreement; what does not fit goes to quarantine with a reason.")
    say(_indented(take_in(session, extracts / "extracts").as_text()))
    say("3  Linkage: the same person in several agencies' files, by identifiers, then by probability.")
    say(_indented(link_people(session).as_text()))
    report_quality(session, None)
    say("4  Retrain: profiles of past caseloads, four models back-tested, one chosen, audited across communities.")
    run = retrain(session, TODAY, trainer=TRAINER, password=PASSWORD)
    say(_indented(run.as_text()))
    before = _ask_before(session, say)
    say("6  Demo keys sign. They say that they are demo keys: outside a made-up workspace they open nothing.")
    sign_made_up(session, run.run, say)
    try:
        made = release_candidate(session, run.run)
    except Withheld as withheld:
        say(_indented(str(withheld)))
        return Demo(root, extracts, run, before, None, write_pages(session), time.monotonic() - began, withheld)
    say(_indented(made.as_text()))
    say(_indented(promote(session, run.run)))
    say("7  Estimates for today's caseload, under that release and no other.")
    scored = score_caseload(session, TODAY)
    say(_indented(scored.as_text()))
    pages = write_pages(session)
    if pages.withheld is not None:
        raise pages.withheld
    return Demo(root, extracts, run, before, scored, pages, time.monotonic() - began)


def policy_text(path: Path) -> str:
    """The text of a policy file. Raises Refused, with all problems, where it is none, before anything is made."""
    load_policy(path)
    return path.read_text(encoding="utf-8")


def _clear(root: Path, extracts: Path) -> None:
    """Remove an earlier demo; anything else stays and is refused."""
    if root.exists() and any(root.iterdir()):
        try:
            made_up = load_settings(Workspace(root).partnership).made_up
        except UserError:
            made_up = False
        if not made_up:
            raise Refused(f"{root} is not an earlier demo, so nothing in it was touched. Name another --workspace.")
        shutil.rmtree(root)
    if extracts.exists():
        if not (extracts / "truth" / "world.json").exists():
            raise Refused(f"{extracts} is not an earlier demo's; nothing in it was touched. Name another --workspace.")
        shutil.rmtree(extracts)


def open_made_up(
    root: Path, extracts: Path, seed: int, say: Callable[[str], None], policy: str = MADE_UP_POLICY
) -> Session:
    """A new made-up workspace with the agreements beside its extracts and keys for everybody who trains or signs."""
    key = hashlib.sha256(f"desist demo partnership {seed}".encode()).digest()
    workspace = made_up_workspace(root, today=TODAY, first_as_of=FIRST_AS_OF, seed=seed, key=key, policy=policy)
    for agreement in sorted((extracts / "agreements").glob("*.toml")):
        shutil.copyfile(agreement, workspace.agreements / agreement.name)
    write_adults(root, borough_adults())
    session = open_session(workspace, actor="demo", say=lambda text: say(_indented(text)))
    for holder, role in PEOPLE:
        own = hashlib.sha256(f"desist demo key {seed} {holder}".encode()).digest()
        keys = KeyRegister(workspace.keys)
        key_id = keys.create(holder, role, PASSWORD, created_on=session.today, made_up=True, seed=own)
        session.log.append("key.created", actor="demo", role="administrator", **keys.get(key_id).created_event)
    return session


def _ask_before(session: Session, say: Callable[[str], None]) -> Withheld:
    """What the gate answers before anybody has signed; the list without estimates is already of use."""
    say("5  The gate, asked before anybody has signed:")
    try:
        score_caseload(session, TODAY)
    except Withheld as withheld:
        say(_indented(str(withheld)))
        pages = write_pages(session)
        say(f"   The list is there all the same: {pages.people:,} people, {pages.with_estimate} estimates.")
        return withheld
    raise AssertionError("the gate let estimates through before anybody had signed")


def sign_made_up(session: Session, run: str, say: Callable[[str], None]) -> None:
    """Have the demo keys approve a run; outside a made-up workspace they open nothing."""
    evidence = candidate_of(session, run).evidence
    scope = next(iter(evidence.allowed.scopes), "release")
    answers = "\n".join(f'"{question.id}" = "{ANSWER}"' for question in evidence.questions)
    expires = dt.date(2027, 3, 31)
    condition = f'[[condition]]\ntext = "{CONDITION}"\nowner = "{TRAINER}"\ndue = {expires}\n'
    with tempfile.TemporaryDirectory() as folder:
        decision = Path(folder) / "decision.toml"
        write_text(
            decision,
            f'decision = "approve"\nscope = "{scope}"\nreasons = "{ANSWER}"\ninterests = "none"\n'
            f'no_shadow_reason = "{NO_SHADOW}"\nexpires_on = {expires}\n\n'
            f"[answers]\n{answers}\n\n{condition if scope == 'conditions' else ''}",
        )
        for holder, role in PEOPLE:
            if role != "analyst":
                say(_indented(sign_candidate(session, run, decision, holder, PASSWORD)))


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.splitlines())
