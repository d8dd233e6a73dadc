"""A region's pack: made where many partnerships' people audit one model file, taken where one uses that file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.fairness.approval.candidate import Candidate
from desist.fairness.approval.region import (
    FILE,
    MODEL,
    RegionFinding,
    RegionGroup,
    RegionPack,
    read_pack,
    region_causes,
)
from desist.fairness.approval.signoff import add_months, same_person
from desist.fairness.policy import FindingRule
from desist.fairness.statistics.verdicts import CANNOT_BE_ASSESSED, Finding, Part
from desist.measures.disclosure import PUBLIC, show_count
from desist.pipelines.gate import candidate_of
from desist.pipelines.session import Session
from desist.pipelines.shared_card import SharedCard, as_it_travels, file_of
from desist.records.codes import REGION_ROLE, SIGNING_ROLES
from desist.records.errors import Problem, Refused
from desist.records.files import write_json
from desist.records.hashing import hash_bytes
from desist.records.keys import KeyRegister

DIGITS = 4


@dataclass(frozen=True)
class PackMade:
    """A pack that was just written."""

    out: Path
    pack: RegionPack

    def as_json(self) -> dict[str, Any]:
        answers = {finding.id: finding.answer for finding in self.pack.findings}
        return {
            "out": str(self.out),
            "run": self.pack.run,
            "model": self.pack.model,
            "key": self.pack.key_id,
            "expires_on": self.pack.expires_on.isoformat(),
            "findings": answers,
        }

    def as_text(self) -> str:
        return (
            f"What the audit of run {self.pack.run} found is in {self.out}: {len(self.pack.findings)} findings by "
            f"group, rounded counts, no people. It counts until {self.pack.expires_on}. A partnership takes it with "
            f"`desist region trust {self.out.name} --key {self.pack.key_id}`, the key told by telephone or in the "
            "minutes, then `desist retrain --shared CARD --region PACK`."
        )


def pack_region(session: Session, run: str, out: Path, *, holder: str, password: bytes) -> PackMade:
    """Write what a candidate run's audit found about its points card, signed by a role holder of the region.

    Raises Refused where the model is no card of its own, ``out`` is there, or the holder trained it or has no
    signing role.
    """
    if not run:
        raise Refused("No run is named. Name the one whose audit is to travel: a folder below runs/.")
    if out.exists():
        raise Refused(f"{out} is there already. Name another file with --out.")
    candidate, keys = candidate_of(session, run), KeyRegister(session.workspace.keys)
    key = keys.find(holder)
    trained = key.key_id == candidate.trainer.key_id or same_person(key.holder, candidate.trainer.holder)
    if key.role not in SIGNING_ROLES or trained:
        raise Refused(
            f"{holder} ({key.role}) cannot sign for the region: one of {list(SIGNING_ROLES)} does, and never whoever "
            "trained the model."
        )
    pack = _pack_of(session, candidate, key.key_id, key.public).signed(keys, password)
    write_json(out, pack.as_json())
    session.log.append("region.packed", actor=key.key_id, role="board", dataset=candidate.run, reason=pack.model)
    return PackMade(out, pack)


def _pack_of(session: Session, candidate: Candidate, key_id: str, public: str) -> RegionPack:
    audit, policy = candidate.audit, candidate.policy
    rules = {rule.id: rule for rule in policy.findings}
    return RegionPack(
        region=session.settings.name,
        run=candidate.run,
        model=hash_bytes(file_of(as_it_travels(candidate))),
        audit_hash=candidate.audit_hash,
        policy_version=policy.version,
        policy_hash=policy.hash,
        outcome=audit.outcome,
        purpose=policy.purpose,
        cut_off=policy.cut_offs.selection,
        level=audit.level,
        people=show_count(audit.counts["people_judged"], PUBLIC),
        audited_on=audit.context.get("dates", ""),
        made_up=candidate.seal.made_up,
        made_on=session.today,
        expires_on=add_months(session.today, policy.expiry_months),
        findings=tuple(_finding(found, rules[found.id]) for found in audit.findings),
        key_id=key_id,
        public=public,
    )


def _finding(found: Finding, rule: FindingRule) -> RegionFinding:
    groups = tuple(_group(part) for part in found.parts)
    return RegionFinding(
        rule.id, rule.metric, rule.characteristic, rule.margin, rule.role, rule.harm, found.answer, groups
    )


def _group(part: Part) -> RegionGroup:
    """One group as it may travel: figures only of groups that could be assessed, which are large."""
    told = part.answer != CANNOT_BE_ASSESSED and part.people >= PUBLIC.least_people
    gap, low, high = (
        round(float(value), DIGITS) if told and value is not None else None
        for value in (part.gap, part.gap_low, part.gap_high)
    )
    return RegionGroup(part.group, show_count(part.people, PUBLIC), part.answer, gap, low, high)


def trust_region(session: Session, path: Path, key_id: str) -> str:
    """Put a region's public key into the key register; returns what was done, in words.

    ``key_id``: as the region told it by another way than the file. Raises Refused where the pack is signed otherwise.
    """
    pack = read_pack(_bytes(path))
    if pack.made_up and not session.settings.made_up:
        raise Refused("This region's pack was made from made-up data; the data here are not made up. Take another.")
    if key_id != pack.key_id or hash_bytes(bytes.fromhex(pack.public))[: len(key_id)] != key_id:
        raise Refused(
            f"The pack is signed with the key {pack.key_id}, not {key_id or 'one that anybody named'}. Ask the region, "
            "by telephone or in the minutes, for the key it signs with."
        )
    keys = KeyRegister(session.workspace.keys)
    with session.workspace.lock():
        added = keys.add_public(pack.region, REGION_ROLE, pack.public, created_on=session.today, made_up=pack.made_up)
        session.log.append("key.created", actor=session.actor, role="administrator", **keys.get(added).created_event)
    return f"{pack.region} has key {key_id} here: its audit of a model counts beside this partnership's own."


def pack_for(session: Session, path: Path, shared: SharedCard | None) -> bytes:
    """The bytes of a pack about this very card. Raises Refused, with everything that speaks against it."""
    if shared is None:
        raise Refused("A region's pack is about its shared card: name that too, with --shared.")
    content = _bytes(path)
    files = {FILE: content, MODEL: file_of(shared.model)}
    keys = KeyRegister(session.workspace.keys)
    causes = region_causes(files, keys, today=session.today, made_up=session.settings.made_up)
    problems = [
        Problem(cause.text, path.name, "a pack that holds today", "Ask the region, or `desist region trust`.")
        for cause in causes
    ]
    if problems:
        raise Refused(f"The region's pack {path} cannot be used:", problems)
    return content


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"There is no file {path} to read. Name the file that `desist region pack` wrote.") from error
