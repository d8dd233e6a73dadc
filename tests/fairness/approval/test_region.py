"""A region's audit of one model file: which of its answers count beside a small partnership's own, and when none do."""

import datetime as dt
import json
from dataclasses import replace

import pytest

from desist.fairness.approval.region import (
    RegionFinding,
    RegionGroup,
    RegionPack,
    read_pack,
    region_answers,
    region_causes,
)
from desist.records.errors import Refused
from desist.records.hashing import canonical_json, hash_bytes
from desist.records.keys import KeyRegister

TODAY = dt.date(2026, 10, 1)
MODEL = b'{"a": "model"}'
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
id = "own-name"
metric = "fpr"
characteristic = "ethnicity"
margin = 0.05
minimum = 50
role = "primary"
harm = "higher"
reason = "Nobody should be listed wrongly for their community."
"""


def finding(**other):
    told = {
        "id": "the-regions-name", "metric": "fpr", "characteristic": "ethnicity", "margin": 0.05, "role": "primary",
        "harm": "higher", "answer": "cannot_be_assessed",
        "groups": (
            RegionGroup("Black", "4,200", "meets", 0.01, -0.09, 0.04),
            RegionGroup("Other", "[c]", "cannot_be_assessed", None, None, None),
        ),
    }  # fmt: skip
    return RegionFinding(**{**told, **other})


@pytest.fixture
def keys(tmp_path):
    return KeyRegister(tmp_path / "here")


@pytest.fixture
def region(tmp_path):
    """The region's own register, with the role holder who signs for it."""
    own = KeyRegister(tmp_path / "region")
    own.create("R. Chair", "board_chair", b"pass", created_on=TODAY)
    return own


@pytest.fixture
def pack(region, keys):
    key = region.find("R. Chair")
    keys.add_public("A region", "region", key.public, created_on=TODAY)
    unsigned = RegionPack(
        region="A region", run="run-1", model=hash_bytes(MODEL), audit_hash="a" * 64, policy_version="r-1",
        policy_hash="b" * 64, outcome="proven_reoffending", purpose="iom_selection_support", cut_off=0.5, level=0.95,
        people="48,000", audited_on="2025-04-01", made_up=False, made_on=TODAY, expires_on=dt.date(2027, 4, 1),
        findings=(finding(),), key_id=key.key_id, public=key.public,
    )  # fmt: skip
    return unsigned.signed(region, b"pass")


def files(pack, **other):
    told = {
        "region.json": canonical_json(pack.as_json()),
        "model.json": MODEL,
        "policy.toml": POLICY.encode(),
        "audit.json": b'{"outcome": "proven_reoffending"}',
    }
    return {**told, **other}


def causes(pack, keys, *, today=TODAY, made_up=False, **other):
    return [cause.text for cause in region_causes(files(pack, **other), keys, today=today, made_up=made_up)]


def test_a_group_the_region_could_tell_is_answered_under_the_own_findings_name(pack, keys):
    assert region_answers(files(pack)) == {"own-name": {"Black": "meets", "Other": "cannot_be_assessed"}}
    assert causes(pack, keys) == []


def test_without_a_pack_there_is_no_answer_and_nothing_wrong(keys):
    own = {"model.json": MODEL, "policy.toml": POLICY.encode(), "audit.json": b"{}"}
    assert region_answers(own) == {}
    assert list(region_causes(own, keys, today=TODAY, made_up=False)) == []


def test_an_answer_about_another_model_file_counts_for_nothing(pack, keys):
    moved = {"model.json": MODEL + b"\n"}
    assert region_answers(files(pack, **moved)) == {}
    assert causes(pack, keys, **moved) == ["the region A region audited another model file than this one"]


@pytest.mark.parametrize(
    "other",
    [
        {"metric": "fnr"},
        {"characteristic": "sex"},
        {"harm": "both", "groups": ()},
        {"margin": 0.06},
    ],
)
def test_an_answer_to_another_question_or_within_a_wider_margin_counts_for_nothing(pack, other):
    assert region_answers(files(replace(pack, findings=(finding(**other),)))) == {}


def test_an_answer_within_a_narrower_margin_counts(pack):
    narrower = (finding(margin=0.045),)
    assert region_answers(files(replace(pack, findings=narrower))) == {
        "own-name": {"Black": "meets", "Other": "cannot_be_assessed"}
    }


@pytest.mark.parametrize(
    "other", [{"outcome": "escalation"}, {"purpose": "needs_and_pathways"}, {"cut_off": 0.4}, {"level": 0.9}]
)
def test_an_answer_about_another_use_of_the_model_counts_for_nothing(pack, other):
    assert region_answers(files(replace(pack, **other))) == {}


def test_a_pack_whose_answer_does_not_follow_from_its_interval_cannot_be_made_or_read(pack):
    with pytest.raises(ValueError, match="does not follow"):
        finding(groups=(RegionGroup("Black", "4,200", "meets", 0.01, -0.09, 0.05),))
    with pytest.raises(ValueError, match="does not follow"):
        finding(harm="both", groups=(RegionGroup("Black", "4,200", "meets", 0.01, -0.05, 0.04),))
    with pytest.raises(ValueError, match="does not follow"):
        finding(groups=(RegionGroup("Black", "4,200", "meets", None, None, None),))
    told = pack.as_json()
    told["findings"][0]["groups"][0]["gap_high"] = 0.07
    with pytest.raises(Refused, match="not whole, or was edited"):
        read_pack(json.dumps(told).encode())
    assert region_answers(files(pack, **{"region.json": json.dumps(told).encode()})) == {}


def test_only_the_harmful_side_of_a_one_sided_finding_has_to_hold():
    assert finding(harm="lower", groups=(RegionGroup("Black", "4,200", "meets", 0.02, -0.04, 0.3),)).harm == "lower"


def test_one_changed_letter_breaks_the_regions_signature(pack, keys):
    edited = replace(pack, people="49,000")
    assert causes(edited, keys) == ["the signature of the region A region does not fit its pack"]


def test_a_region_whose_key_nobody_noted_is_not_believed(pack, tmp_path):
    found = causes(pack, KeyRegister(tmp_path / "elsewhere"))
    assert found == [f"the key {pack.key_id} is not in the key register"]


def test_a_key_that_was_noted_in_another_role_does_not_speak_for_a_region(pack, region, tmp_path):
    here = KeyRegister(tmp_path / "other")
    here.add_public("R. Chair", "board_chair", region.find("R. Chair").public, created_on=TODAY)
    assert causes(pack, here) == [f"the key {pack.key_id} of the region's pack belongs to R. Chair (board_chair) here"]


def test_a_region_whose_key_was_revoked_is_not_believed_any_more(pack, keys):
    keys.revoke(pack.key_id, TODAY)
    assert causes(pack, keys) == ["the key of A region was revoked on 2026-10-01"]


def test_a_pack_counts_on_its_last_day_and_not_after_it(pack, keys):
    assert causes(pack, keys, today=dt.date(2027, 4, 1)) == []
    assert causes(pack, keys, today=dt.date(2027, 4, 2)) == [
        "the region's answers counted until 2027-04-01: ask it for a new pack"
    ]


def test_a_pack_from_after_today_shows_a_clock_set_back(pack, keys):
    keys_of_then = KeyRegister(keys.folder)
    found = causes(pack, keys_of_then, today=dt.date(2026, 9, 30))
    assert "the region's audit is of 2026-10-01, after today: check the clock" in found


def test_a_made_up_region_says_nothing_of_real_people(pack, region, keys):
    made_up = replace(pack, made_up=True).signed(region, b"pass")
    assert causes(made_up, keys) == ["the region's audit was made from made-up data; the data here are not made up"]
    assert causes(made_up, keys, made_up=True) == []
