"""Making a workspace: for a real partnership, or for a made-up one that stands still."""

from __future__ import annotations

import datetime as dt
import secrets
from importlib import resources
from pathlib import Path

from desist.fairness.policy import DEFAULT_POLICY_TOML
from desist.pipelines.own_features import TEMPLATE
from desist.pipelines.session import write_key
from desist.pipelines.settings import new_settings
from desist.records.files import write_text
from desist.records.workspace import Workspace


def new_workspace(root: Path, *, name: str, area: str) -> list[str]:
    """Make a workspace for a real partnership; returns what was made, line by line. Existing files stay."""
    today = dt.datetime.now(dt.UTC).date()
    settings = new_settings(
        name=name,
        area=area,
        made_up=False,
        today=None,
        seed=today.toordinal(),
        first_as_of=_years_before(today, 6),
        made_on=today,
    )
    return _make(Workspace(root), settings, secrets.token_bytes(32))


#: What a made-up board agreed for the made-up partnership.
MADE_UP_POLICY = (resources.files("desist.pipelines") / "data" / "made_up_policy.toml").read_text(encoding="utf-8")


def made_up_workspace(
    root: Path, *, today: dt.date, first_as_of: dt.date, seed: int, key: bytes, policy: str = MADE_UP_POLICY
) -> Workspace:
    """Make a workspace whose clock stands on ``today`` and in which nothing is about a real person."""
    workspace = Workspace(root)
    settings = new_settings(
        name="Made-up community safety partnership",
        area="a made-up London borough",
        made_up=True,
        today=today,
        seed=seed,
        first_as_of=first_as_of,
        made_on=today,
    )
    _make(workspace, settings, key, policy)
    return workspace


def _years_before(day: dt.date, years: int) -> dt.date:
    return day.replace(year=day.year - years, day=1)


def _make(workspace: Workspace, settings: str, key: bytes, policy: str = DEFAULT_POLICY_TOML) -> list[str]:
    workspace.create()
    lines = []
    files = (
        (workspace.partnership, settings, "read it and fill it in"),
        (workspace.policy, policy, "read it and fill it in"),
        (workspace.features, TEMPLATE, "features of your own, if you want any"),
    )
    for path, text, what in files:
        if path.exists():
            lines.append(f"{path} was there already and stays as it is.")
        else:
            write_text(path, text)
            lines.append(f"{path}: {what}.")
    workspace.agreements.mkdir(exist_ok=True)
    lines.append(f"{workspace.agreements}: put one TOML file per sharing agreement here.")
    write_key(workspace, key)
    lines.append("Next: desist intake FOLDER, desist link, desist retrain --as-of DATE.")
    return lines
