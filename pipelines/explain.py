"""``desist policy explain``: what a policy asks of these people, before any run; counts under disclosure control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.fairness.explain import NEVER, POOLED, UNPLANNED, Expected, Explained, FindingPlan, GroupPlan, explain
from desist.fairness.policy import SHOWN, Policy, load_policy
from desist.measures.disclosure import HIDDEN, LOW, PARTNERSHIP, protect_list, show_count
from desist.pipelines.ground import load_ground
from desist.pipelines.groups import groups_of
from desist.pipelines.session import Session
from desist.records.errors import Refused

#: The characteristic that a share without a name in front of it belongs to.
USUAL = "ethnicity"
REST = "everybody else"


@dataclass(frozen=True)
class Told:
    """A policy explained, and the groups whose people are too few to be counted here."""

    explained: Explained
    hidden: Mapping[str, tuple[str, ...]]
    people: str
    source: str

    def as_json(self) -> dict[str, Any]:
        hidden = {name: list(groups) for name, groups in self.hidden.items()}
        return {**self.explained.as_json(), "hidden_groups": hidden, "people": self.people, "source": self.source}

    def as_text(self) -> str:
        told = self.explained
        lines = [
            f"Policy {told.policy_version}, told for {self.people} people ({self.source}), before any run.",
            f"Planned for estimates that are right on average, {told.expected.base_rate:.0%} reoffending, AUC "
            f"{told.expected.auc:g}, cut-off {told.cut_off:g}; an audit judges {told.judged:.0%} of the people.",
            f"Four caseloads a quarter apart are worth {told.four_quarters_worth:g} caseloads, because they hold "
            "mostly the same people.",
        ]
        for plan in told.findings:
            lines += ["", *_finding_lines(plan, self.hidden.get(plan.characteristic, ()))]
        lines += ["", *(f"Warning: {warning}" for warning in told.warnings)]
        return "\n".join(lines if told.warnings else lines[:-1])


def _finding_lines(plan: FindingPlan, hidden: Sequence[str]) -> list[str]:
    asked = "no number of people would do" if plan.people_needed is None else f"{plan.people_needed:,} judged people"
    planned = not any(group.first == UNPLANNED for group in plan.groups)
    needs = f"  A group needs about {asked}, if everybody else is very many."
    lines = [f"{plan.id} ({plan.role}): {plan.words}.", *((needs,) if planned else ())]
    lines += [f"  {_group_line(group)}" for group in plan.groups]
    lines += [f"  {group}: {HIDDEN}, too few to be counted here; not assessed alone" for group in hidden]
    if not plan.groups and not hidden:
        lines.append(f"  nothing is known of {plan.characteristic}: no group can be assessed")
    return lines


def _group_line(group: GroupPlan) -> str:
    if group.first == UNPLANNED:
        return f"{group.group}: {group.people:,} people; {UNPLANNED}"
    if group.first == NEVER:
        told = "cannot be assessed" if len(group.places) == 3 else "cannot be assessed alone"
    else:
        told = f"can be assessed {group.first}"
    pooled = next(place for place in group.places if place.where == POOLED)
    held = (
        "could be held to no margin"
        if pooled.tightest is None
        else f"could be held to a margin of {pooled.tightest:.2g}"
    )
    worth = f"Over four quarters they are worth {pooled.worth:.0f} and {held}"
    return f"{group.group}: {group.people:,} people; {told}. {worth}"


def explain_shares(
    policy_file: Path, people: int, shares: str, expected: Expected, *, judged: float, region: int | None
) -> Told:
    """The policy in a file, for so many people of these shares. They are planning figures, so none is hidden."""
    counts = {
        name: {group: round(share * people) for group, share in groups.items()}
        for name, groups in read_shares(shares).items()
    }
    told = explain(load_policy(policy_file), counts, expected=expected, judged=judged, region=region)
    return Told(told, {}, f"{people:,}", "as given")


def explain_workspace(session: Session, expected: Expected, *, judged: float | None, region: int | None) -> Told:
    """The workspace's policy for today's caseload. Everything told of a group follows from its rounded count."""
    policy = load_policy(session.workspace.policy)
    counts, everybody = caseload_groups(session, policy)
    shown: dict[str, dict[str, int]] = {}
    hidden: dict[str, tuple[str, ...]] = {}
    for name, groups in counts.items():
        cells, _ = protect_list(groups, PARTNERSHIP)
        shown[name] = {group: _number(cell) for group, cell in cells.items() if cell != HIDDEN}
        hidden[name] = tuple(group for group, cell in cells.items() if cell == HIDDEN)
    share = session.settings.audit_share if judged is None else judged
    told = explain(policy, shown, expected=expected, judged=share, region=region)
    return Told(told, hidden, show_count(everybody, PARTNERSHIP), f"today's caseload, {session.today}")


def caseload_groups(session: Session, policy: Policy) -> tuple[dict[str, dict[str, int]], int]:
    """People on today's caseload by group, of the characteristics that the policy asks about; and how many in all."""
    ground = load_ground(session)
    rows = ground.cohort(session.today).members[["person_id", "as_of"]]
    table = groups_of(session, ground, rows)
    asked = {rule.characteristic for rule in policy.findings if rule.role != SHOWN} & set(table.columns)
    found = {name: table[name].value_counts().sort_index() for name in sorted(asked)}
    return {name: {str(group): int(n) for group, n in of.items()} for name, of in found.items()}, len(rows)


def _number(cell: str) -> int:
    return 0 if cell == LOW else int(cell.replace(",", ""))


def read_shares(text: str) -> dict[str, dict[str, float]]:
    """``Black=0.12,sex:Female=0.1`` by characteristic; what is left of each is everybody else.

    Raises Refused for what is no share, a group named twice, or shares that add up to more than one.
    """
    found: dict[str, dict[str, float]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, number = part.partition("=")
        characteristic, _, group = name.strip().rpartition(":")
        characteristic, group = characteristic.strip() or USUAL, group.strip()
        try:
            share = float(number)
        except ValueError:
            share = -1.0
        if not group or not 0 < share < 1 or group in found.get(characteristic, {}):
            raise Refused(
                f"{part!r} is no share. Write group=share with a share between 0 and 1: Black=0.12,sex:Female=0.1"
            )
        found.setdefault(characteristic, {})[group] = share
    for characteristic, groups in found.items():
        left = 1 - sum(groups.values())
        if left < -1e-9:
            raise Refused(f"The shares of {characteristic} add up to more than 1. Mend them.")
        if left > 1e-9:
            groups[REST] = left
    if not found:
        raise Refused("Name at least one group: --shares Black=0.12,sex:Female=0.1")
    return found
