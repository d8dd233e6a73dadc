"""Made-up people for the audit, and a made-up workspace with a sealed candidate and a board that can sign."""

import datetime as dt
import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from desist.fairness.approval.release import release as make_release
from desist.fairness.approval.release import seal_candidate, verify_release, write_policy_files
from desist.fairness.approval.signoff import Condition, SignOff, sign
from desist.fairness.audit import audit
from desist.fairness.policy import parse_policy
from desist.features.tables import Outcomes, Scores
from desist.records.files import write_json, write_text
from desist.records.hashing import hash_bytes, hash_json
from desist.records.keys import KeyRegister
from desist.records.workspace import Workspace

TODAY = dt.date(2026, 10, 1)

POLICY = """
version = "test-1"
purpose = "iom_selection_support"
expiry_months = 6
[cut_offs]
steps = [0.2, 0.4, 0.6]
selection = 0.5
consequence = "both"
[groups]
minimum_people = 20
minimum_events = 20
minimum_non_events = 20
[sign_off]
roles = ["board_chair", "data_protection_officer"]
[[finding]]
id = "wrongly-listed-sex"
metric = "fpr"
characteristic = "sex"
margin = 0.1
minimum = 20
role = "primary"
harm = "both"
reason = "Nobody should be listed wrongly for being a man or a woman."
[[finding]]
id = "over-prediction-ethnicity"
metric = "calibration_in_the_large"
characteristic = "ethnicity"
margin = 0.1
minimum = 20
role = "primary"
harm = "both"
reason = "An estimate too high for one community brings its people to review without cause."
"""

#: The board's policy: it lets a pilot out where a group of a primary finding cannot be told.
BOARD_POLICY = POLICY + """
[pilot]
most_people = 50
months = 6
gross_gap = 0.15
reviewed_share = 0.5
"""
REVIEW = Condition("Look at the groups that cannot be told again", "Analyst team", dt.date(2027, 3, 1))


def made_up_rows(groups, *, dates=1, seed=0, gap=0.0, chance=0.3):
    """Scores, outcomes and groups: ``groups`` maps a (sex, ethnicity) to a number of people.

    A selected row has score 0.7, the others 0.1; women who do not reoffend are selected ``gap`` more often.
    """
    random = np.random.default_rng(seed)
    rows, scores, outcomes = [], [], []
    person = 0
    for (sex, ethnicity), people in groups.items():
        for _ in range(people):
            person += 1
            event = random.random() < chance
            chosen = random.random() < (0.6 if event else 0.2 + (gap if sex == "Female" else 0.0))
            for number in range(dates):
                rows.append((f"P{person:05d}", pd.Timestamp(2024 + number, 1, 1), sex, ethnicity))
                scores.append(0.7 if chosen else 0.1)
                outcomes.append(float(event))
    table = pd.DataFrame(rows, columns=["person_id", "as_of", "sex", "ethnicity"])
    keys = table[["person_id", "as_of"]]
    return (
        Scores(keys.assign(score=scores), "made-up model"),
        Outcomes(keys.assign(proven=outcomes, why_missing=""), ("proven",), {"proven": "a made-up outcome"}),
        table,
    )


@pytest.fixture
def rows():
    return made_up_rows


@pytest.fixture
def policy():
    return parse_policy(POLICY)


@pytest.fixture
def policy_text():
    return POLICY


@pytest.fixture
def board_policy_text():
    return BOARD_POLICY


@dataclass
class Board:
    """A made-up workspace with one sealed run, and everybody who can sign in it."""

    workspace: Workspace
    keys: KeyRegister
    ids: dict
    run: str = "2026q4"
    today: dt.date = TODAY
    made_up: bool = True
    options: dict = field(default_factory=dict)

    @property
    def run_folder(self):
        return self.workspace.runs / self.run

    @property
    def candidate(self):
        return self.run_folder / "candidate"

    def seal_hashes(self):
        files = json.loads((self.run_folder / "manifest.json").read_text())["candidate"]["files"]
        return hash_json(files), files["audit.json"]

    def draft(self, who, **changes):
        key = self.keys.get(self.ids[who])
        candidate_hash, audit_hash = self.seal_hashes()
        whole = {
            "candidate_hash": candidate_hash,
            "audit_hash": audit_hash,
            "key_id": key.key_id,
            "holder": key.holder,
            "role": key.role if key.role != "analyst" else "board_member",
            "decision": "approve",
            "scope": "conditions",
            "conditions": (REVIEW,),
            "no_shadow_reason": "The panel worked with a rule like this one before.",
            "reasons": "The evidence was read and discussed on 30 September.",
            "interests": "none",
            "signed_on": self.today,
            "expires_on": dt.date(2027, 3, 1),
            "answers": {"too-few-to-tell": "Too few people to tell; we look again in six months."},
        }
        if changes.get("decision") == "refuse":
            whole |= {"scope": "", "conditions": ()}
        return SignOff(**{**whole, **changes})

    def sign(self, who, **changes):
        draft = self.draft(who, **changes)
        return replace(draft, signature=self.keys.sign(draft.key_id, who.encode(), draft.content()))

    def properly(self, who, **changes):
        return sign(self.draft(who, **changes), self.keys, who.encode())

    def both(self, **changes):
        return [self.sign("chair", **changes), self.sign("officer", **changes)]

    def rewrite(self, name, content):
        """Put other content into the candidate and have the trainer seal it again."""
        write_json(self.candidate / name, content)
        return self.seal()

    def release(self, sign_offs=None, **options):
        chosen = self.both() if sign_offs is None else sign_offs
        return make_release(self.workspace, self.run, chosen, self.keys, **self._options(options))

    def verify(self, release_id, **options):
        return verify_release(self.workspace, release_id, self.keys, **self._options(options))

    def seal(self):
        return seal_candidate(
            self.run_folder, key_id=self.ids["trainer"], keys=self.keys, password=b"trainer", sealed_on=self.today,
            made_up=True,
        )  # fmt: skip

    def _options(self, options):
        return {"today": self.today, "made_up": self.made_up, **self.options, **options}


#: Enough White and Asian people to tell of, and four of Mixed ethnicity.
GROUPS = {
    ("Male", "White"): 700, ("Female", "White"): 700, ("Male", "Asian"): 300, ("Female", "Asian"): 300,
    ("Male", "Mixed"): 4,
}  # fmt: skip
HOLDERS = {
    "trainer": ("Tara Trainer", "analyst"),
    "chair": ("Chidi Chair", "board_chair"),
    "officer": ("Olu Officer", "data_protection_officer"),
    "member": ("Mina Member", "board_member"),
    "second": ("tara  TRAINER", "board_member"),
}


def _build(root):
    workspace = Workspace(root / "workspace")
    workspace.create()
    keys = KeyRegister(workspace.keys)
    ids = {
        name: keys.create(
            holder, role, name.encode(), created_on=dt.date(2026, 9, 1), made_up=True,
            seed=bytes.fromhex(hash_bytes(name.encode())),
        )
        for name, (holder, role) in HOLDERS.items()
    }  # fmt: skip
    write_text(workspace.policy, BOARD_POLICY)
    board = Board(workspace, keys, ids)
    policy = write_policy_files(board.candidate, workspace.policy)
    scores, outcomes, table = made_up_rows(GROUPS, seed=3)
    made = audit(scores, outcomes, "proven", table, policy, seed=1, replicates=20)
    write_text(board.candidate / "audit.json", made.to_json())
    write_json(board.candidate / "scrutiny.json", {"format": 1, "questions": [], "attempt": 1, "sections": {}})
    write_json(board.candidate / "model.json", {"points": [1, 2, 3]})
    write_text(board.candidate / "model.lgb", "tree\nversion=v4\n")
    write_json(board.candidate / "register.json", {"features": ["sanctions_2y"]})
    write_json(board.candidate / "schema.json", {"columns": ["sanctions_2y"]})
    write_json(board.candidate / "population.json", {"rule": "caseload"})
    board.seal()
    return board


@pytest.fixture(scope="session")
def board_template(tmp_path_factory):
    return _build(tmp_path_factory.mktemp("board"))


def _copy(board, root):
    shutil.copytree(board.workspace.root, root / "workspace")
    workspace = Workspace(Path(root) / "workspace")
    return Board(workspace, KeyRegister(workspace.keys), board.ids)


@pytest.fixture
def board(board_template, tmp_path):
    return _copy(board_template, tmp_path)


@pytest.fixture(scope="session")
def copy_board():
    return _copy


@pytest.fixture
def condition():
    return Condition("Show override rates by group", "Analyst team", dt.date(2026, 12, 1))
