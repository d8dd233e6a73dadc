"""What a policy allows now that it did not allow when an earlier audit was made, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from desist.fairness.policy import Policy

#: Minima of groups: raised, they take a group out of what is assessed.
MINIMA = {
    "minimum_people": "the fewest people of a group",
    "minimum_events": "the fewest people with the outcome",
    "minimum_non_events": "the fewest people without it",
}
#: Sections without which less is let out: what each limit is, and whether more of it lets more out.
LETS_OUT = {
    "pilot": {"most_people": True, "months": True, "gross_gap": True, "reviewed_share": False},
    "refit": {"largest_difference": True, "moved_share": True},
}
PROXIES = {"single": True, "together": True}
ROUNDING = 1e-12


def loosened(before: Policy, now: Policy) -> Iterator[str]:
    """Each way in which ``now`` lets through more, or assesses fewer, than ``before``; margins stand in the audit.

    Steps, consequence and detection ranges have no looser side: any change of them is told. A finding's minimum is
    compared by metric and characteristic, whatever the finding is called.
    """
    for name, words in MINIMA.items():
        first, then = getattr(before, name), getattr(now, name)
        if then > first:
            yield f"{words} was {first} and is {then}"
    asked = {(rule.metric, rule.characteristic): rule for rule in now.findings}
    for rule in before.findings:
        same = asked.get((rule.metric, rule.characteristic))
        if same is not None and same.minimum > rule.minimum:
            yield f"the minimum of {rule.id} was {rule.minimum} and is {same.minimum}"
    yield from _cut_offs(before, now)
    for name, limits in LETS_OUT.items():
        yield from _section(name, getattr(before, name), getattr(now, name), limits, lets_out=True)
    yield from _section("proxies", before.proxies, now.proxies, PROXIES, lets_out=False)
    yield from _section("linkage", before.linkage, now.linkage, {"gap": True}, lets_out=False)
    yield from _detection(before, now)
    if now.expiry_months > before.expiry_months:
        yield f"an approval ended after {before.expiry_months} months and ends after {now.expiry_months}"
    if gone := [role for role in before.roles if role not in now.roles]:
        yield f"no longer signed by {', '.join(role.replace('_', ' ') for role in gone)}"


def _cut_offs(before: Policy, now: Policy) -> Iterator[str]:
    first, then = before.cut_offs, now.cut_offs
    if first.steps != then.steps:
        yield f"the steps were {_listed(first.steps)} and are {_listed(then.steps)}"
    if first.consequence != then.consequence:
        yield f"a listing was called {first.consequence} and is called {then.consequence}"


def _section(name: str, first: Any, then: Any, limits: dict[str, bool], *, lets_out: bool) -> Iterator[str]:
    """``lets_out``: whether the section's being there at all lets more out, or its not being there."""
    if first is None or then is None:
        if (first is None) is not (then is None) and (then is not None) is lets_out:
            yield f"[{name}] was {'not there and is' if first is None else 'there and is not'}"
        return
    for key, more_is_looser in limits.items():
        old, new = getattr(first, key), getattr(then, key)
        if (new - old if more_is_looser else old - new) > ROUNDING:
            yield f"[{name}] {key} was {old:g} and is {new:g}"


def _detection(before: Policy, now: Policy) -> Iterator[str]:
    """A range stated after results may be chosen for what it makes of them, wide or narrow."""
    first, then = before.detection, now.detection
    if first is None or then is None:
        if first is not then:
            yield f"[detection] was {'not there and is' if first is None else 'there and is not'}"
        return
    for key in ("overall", "between_groups", "selected"):
        old, new = getattr(first, key), getattr(then, key)
        if old != new:
            yield f"[detection] {key} was {_listed(old)} and is {_listed(new)}"


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
