"""Making a workspace: for a real partnership, or for a made-up one that stands still."""

from __future__ import annotations

import datetime as dt
import secrets
from importlib import resources
from pathlib import Path

from desist.fairness.policy import DEFAULT_POLICY_TOML
from desist.intake.terms.agreements import load_agreements, read_agreement
from desist.pipelines.governance import write_governance
from desist.pipelines.own_features import TEMPLATE
from desist.pipelines.session import write_key
from desist.pipelines.settings import new_settings
from desist.records.codes import use_offences
from desist.records.errors import Problem, Refused
from desist.records.files import write_bytes, write_text
from desist.records.workspace import Workspace

#: An agreement to copy; it is no TOML file by name, so that it is never part of the register.
EXAMPLE = "example-agreement.toml.txt"
_EXAMPLE_TEXT = (resources.files("desist.pipelines") / "data" / "example_agreement.toml").read_text(encoding="utf-8")


def new_workspace(root: Path, *, name: str, area: str, agreements: Path | None = None) -> list[str]:
    """Make a workspace for a real partnership; returns what was made, line by line. Existing files stay.

    ``agreements``: a folder of signed agreements that are checked and copied into the register. The data map and the
    draft impact assessment are made from the register as it then is. Raises Refused, before anything is written,
    where an agreement cannot be used or has other terms than the one of its name in the register.
    """
    workspace = Workspace(root)
    signed = check_agreements(agreements, workspace) if agreements is not None else []
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
    lines = _make(workspace, settings, secrets.token_bytes(32))
    use_offences(workspace.offences)
    for path in signed:
        write_bytes(workspace.agreements / path.name, path.read_bytes())
        lines.append(f"{workspace.agreements / path.name}: taken into the register.")
    lines += write_governance(workspace, name=name, area=area, today=today)
    lines.append("Next: desist intake FOLDER, desist link, desist retrain --as-of DATE.")
    return lines


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
    write_text(workspace.agreements / EXAMPLE, _EXAMPLE_TEXT)
    lines.append(f"{workspace.agreements}: put one TOML file per sharing agreement here; {EXAMPLE} is one to copy.")
    write_key(workspace, key)
    return lines


def check_agreements(folder: Path, workspace: Workspace) -> list[Path]:
    """The files of agreements in ``folder`` that are to be copied into the register, all of them in order.

    Raises Refused with every problem of every file: terms that cannot be used, an id that the register has already.
    """
    if not folder.is_dir():
        raise Refused(f"There is no folder {folder} of agreements.")
    new = load_agreements(folder)
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise Refused(f"The folder {folder} holds no agreement: each is one file that ends in .toml.")
    held = {path.name: path.read_bytes() for path in sorted(workspace.agreements.glob("*.toml"))}
    ids = load_agreements(workspace.agreements)
    same = [path for path in files if held.get(path.name) == path.read_bytes()]
    problems = [
        Problem(f"{path.name} with other terms than the register's", str(folder), "the file that is in the register",
                "Terms that were renewed: put the signed file into the workspace's agreements folder by hand.")
        for path in files
        if path.name in held and path not in same
    ]  # fmt: skip
    if not problems and (twice := sorted(set(new) & set(ids) - {read_agreement(path).id for path in same})):
        problems.append(
            Problem(f"the agreements {', '.join(twice)} under another file name", str(folder), "one file for each id",
                    "Take the file out of the register or out of the folder.")
        )  # fmt: skip
    if problems:
        raise Refused("Nothing was made: the agreements cannot be taken into the register.", problems)
    return [path for path in files if path not in same]
