"""A region's audit of one model file, signed, for a partnership too small to audit that file by itself.

The pack is about the bytes of one ``model.json``. A partnership that uses these very bytes may read the region's
answers beside its own; one that moved or changed the model may not. The pack holds answers and intervals by group,
and rounded counts: no rows, no people.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from desist.fairness.approval.gate import ALTERED, EXPIRED, NOT_APPROVED, SUSPENDED, Cause, key_causes
from desist.fairness.approval.signoff import Keys, SigningKeys
from desist.fairness.policy import FindingRule, Policy, parse_policy
from desist.fairness.statistics.verdicts import ANSWERS, MEETS
from desist.records.codes import REGION_ROLE
from desist.records.errors import Refused, UserError
from desist.records.hashing import canonical_json, hash_bytes

FILE = "region.json"
MODEL = "model.json"
FORMAT, VERSION = "desist-region-pack", 1
#: A region's interval must be at least as sure as a partnership's own.
LEAST_LEVEL = 0.95


@dataclass(frozen=True)
class RegionGroup:
    """One group's answer in the region, with a rounded count; no figures where it cannot be assessed."""

    group: str
    people: str
    answer: str
    gap: float | None
    gap_low: float | None
    gap_high: float | None


@dataclass(frozen=True)
class RegionFinding:
    """One decision finding of the region's policy, with each group's answer."""

    id: str
    metric: str
    characteristic: str
    margin: float
    role: str
    harm: str
    answer: str
    groups: tuple[RegionGroup, ...]

    def __post_init__(self) -> None:
        """Raises ValueError where a group is said to be within the limit and its interval is not."""
        for one in self.groups:
            if one.answer not in ANSWERS:
                raise ValueError(f"{self.id}: {one.answer!r} is no answer")
            if one.answer == MEETS and not _inside(one, self.margin, self.harm):
                raise ValueError(f"{self.id}: the answer for {one.group} does not follow from its interval")


def _inside(one: RegionGroup, margin: float, harm: str) -> bool:
    """Whether the side, or sides, on which a gap burdens the group lie within the margin."""
    if one.gap_low is None or one.gap_high is None:
        return False
    return (harm == "lower" or one.gap_high < margin) and (harm == "higher" or one.gap_low > -margin)


@dataclass(frozen=True)
class RegionPack:
    """What a region found about one model file.

    ``model``: SHA-256 of the ``model.json`` that its card gives wherever it is used as it came. ``expires_on`` is the
    last day on which its answers count. ``public``: the public key that signed it, in hexadecimal.
    """

    region: str
    run: str
    model: str
    audit_hash: str
    policy_version: str
    policy_hash: str
    outcome: str
    purpose: str
    cut_off: float
    level: float
    people: str
    audited_on: str
    made_up: bool
    made_on: dt.date
    expires_on: dt.date
    findings: tuple[RegionFinding, ...]
    key_id: str
    public: str
    signature: str = ""

    def content(self) -> bytes:
        """The canonical bytes that the region signs: everything but the signature."""
        told = self.as_json()
        del told["signature"]
        return b"desist region pack 1\n" + canonical_json(told)

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        told |= {"made_on": self.made_on.isoformat(), "expires_on": self.expires_on.isoformat()}
        return {"format": FORMAT, "version": VERSION, **told}

    def signed(self, keys: SigningKeys, password: bytes) -> RegionPack:
        """The pack with its signature. Raises Refused for a wrong password."""
        return replace(self, signature=keys.sign(self.key_id, password, self.content()))


def read_pack(content: bytes) -> RegionPack:
    """The pack in a file's bytes, its signature unchecked. Raises Refused where it is none, or contradicts itself."""
    try:
        told = json.loads(content)
        if (told.pop("format"), told.pop("version")) != (FORMAT, VERSION):
            raise Refused("The region's pack has a version that this toolkit does not read. Ask for it again.")
        findings = tuple(
            RegionFinding(**{**one, "groups": tuple(RegionGroup(**group) for group in one["groups"])})
            for one in told["findings"]
        )
        dates = {name: dt.date.fromisoformat(told[name]) for name in ("made_on", "expires_on")}
        return RegionPack(**{**told, **dates, "findings": findings})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused("The region's pack is not whole, or was edited. Ask the region for it again.") from error


def region_causes(files: Mapping[str, bytes], keys: Keys, *, today: dt.date, made_up: bool) -> Iterator[Cause]:
    """What speaks against the region's pack among a candidate's files; nothing where there is none."""
    if FILE not in files:
        return
    try:
        pack = read_pack(files[FILE])
    except Refused as error:
        yield Cause(ALTERED, error.message)
        return
    if hash_bytes(files.get(MODEL, b"")) != pack.model:
        yield Cause(ALTERED, f"the region {pack.region} audited another model file than this one")
    if pack.made_up and not made_up:
        yield Cause(ALTERED, "the region's audit was made from made-up data; the data here are not made up")
    if pack.made_on > today:
        yield Cause(SUSPENDED, f"the region's audit is of {pack.made_on}, after today: check the clock")
    if pack.expires_on < today:
        yield Cause(EXPIRED, f"the region's answers counted until {pack.expires_on}: ask it for a new pack")
    yield from _key_causes(pack, keys, today=today, made_up=made_up)


def _key_causes(pack: RegionPack, keys: Keys, *, today: dt.date, made_up: bool) -> Iterator[Cause]:
    found = key_causes(keys, pack.key_id, today=today, made_up=made_up)
    yield from found
    if found:
        return
    try:
        key = keys.verify(pack.key_id, pack.content(), pack.signature, on=today)
    except Refused:
        yield Cause(ALTERED, f"the signature of the region {pack.region} does not fit its pack")
        return
    if key.role != REGION_ROLE:
        told = f"the key {pack.key_id} of the region's pack belongs to {key.holder} ({key.role}) here"
        yield Cause(NOT_APPROVED, told)


def region_answers(files: Mapping[str, bytes]) -> dict[str, dict[str, str]]:
    """By finding id of this candidate's policy: each group's answer in the region, for the very same model file.

    Only where the region asked the same question: outcome, cut-off, metric, characteristic and direction are equal
    and its margin is no wider. Empty where there is no pack, it cannot be read, or it is about another file. Whether
    it may be believed is for ``region_causes`` to say.
    """
    try:
        pack = read_pack(files[FILE])
        policy = parse_policy(files["policy.toml"].decode("utf-8"), where="policy.toml")
        outcome = json.loads(files["audit.json"])["outcome"]
    except (KeyError, ValueError, TypeError, UserError):
        return {}
    same_file = hash_bytes(files.get(MODEL, b"")) == pack.model
    if not same_file or not _same_use(pack, policy, str(outcome)):
        return {}
    found = {}
    for rule in policy.findings:
        asked = next((one for one in pack.findings if _same_question(one, rule)), None)
        if asked is not None:
            found[rule.id] = {one.group: one.answer for one in asked.groups}
    return found


def _same_use(pack: RegionPack, policy: Policy, outcome: str) -> bool:
    same = (pack.outcome, pack.purpose, pack.cut_off) == (outcome, policy.purpose, policy.cut_offs.selection)
    return same and pack.level >= LEAST_LEVEL


def _same_question(asked: RegionFinding, rule: FindingRule) -> bool:
    same = (asked.metric, asked.characteristic, asked.harm) == (rule.metric, rule.characteristic, rule.harm)
    return same and asked.margin <= rule.margin
