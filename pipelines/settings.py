"""The settings of a workspace: partnership.toml read into frozen dataclasses, all problems reported at once."""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desist.intake.linking.settings import TEMPLATE as LINKAGE
from desist.intake.linking.settings import LinkageSettings, threshold_problems
from desist.records.codes import PURPOSES, SOURCES
from desist.records.errors import Problem, Refused

#: Fewer judges could tell the board nothing; more would leave the model too few people to learn from.
LEAST_AUDIT_SHARE, MOST_AUDIT_SHARE = 0.2, 0.6
#: Estimates hide after twice as many days without a delivery: nobody can put that off beyond half a year.
MOST_EXPECTED_DAYS = 92
GOVERNANCE = ("dpia", "eqia", "apd", "atrs")


@dataclass(frozen=True)
class Reference:
    """A governance document and the date by which it must be reviewed (REQUIREMENTS GAT-6)."""

    name: str
    reference: str
    review_by: dt.date


@dataclass(frozen=True)
class Settings:
    """What one partnership decided about its runs. Nothing that decides about people has a default."""

    name: str
    area: str
    made_up: bool
    purpose: str
    seed: int
    first_as_of: dt.date
    months_between: int
    data_lag_days: int
    list_valid_days: int
    replicates: int
    audit_share: float
    audit_dates: int
    refits: int
    expected_every_days: Mapping[str, int]
    governance: tuple[Reference, ...]
    contact: str
    today: dt.date | None = None
    linkage: LinkageSettings = field(default_factory=LinkageSettings)
    tracking_uri: str = ""  # where runs are tracked changes nothing in them, so it is not among the settings told

    def as_json(self) -> dict[str, Any]:
        """The settings as they go into a run's files."""
        return {
            "name": self.name,
            "area": self.area,
            "made_up": self.made_up,
            "purpose": self.purpose,
            "seed": self.seed,
            "first_as_of": self.first_as_of.isoformat(),
            "months_between": self.months_between,
            "data_lag_days": self.data_lag_days,
            "list_valid_days": self.list_valid_days,
            "replicates": self.replicates,
            "audit_share": self.audit_share,
            "audit_dates": self.audit_dates,
            "refits": self.refits,
            "expected_every_days": dict(self.expected_every_days),
            "linkage": self.linkage.as_json(),
            "governance": {entry.name: [entry.reference, entry.review_by.isoformat()] for entry in self.governance},
        }


_EXPECTED: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "partnership": {"name": str, "area": str, "made_up": bool, "contact": str},
    "run": {
        "purpose": str, "seed": int, "first_as_of": dt.date, "months_between": int, "data_lag_days": int,
        "replicates": int, "audit_share": float, "audit_dates": int, "refits": int,
    },
    "list": {"valid_days": int},
    "data": {"expected_every_days": dict},
    "governance": dict.fromkeys(GOVERNANCE, dict),
}  # fmt: skip
_OPTIONAL: Mapping[str, Mapping[str, type]] = {"run": {"today": dt.date}, "tracking": {"uri": str}, "linkage": {}}
#: Where MLflow may keep runs; it refuses plain folders itself.
_TRACKING = re.compile(r"(sqlite|https?|(postgresql|mysql|mssql)(\+\w+)?)://\S+")


def load_settings(path: Path) -> Settings:
    """The settings in ``path``. Raises Refused with every problem found in the file."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Refused(f"There is no {path}. Make a workspace with `desist init {path.parent}`.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is not TOML: {error}. Mend that line and try again.") from error
    problems = [*_shape_problems(content, path.name)]
    problems += [] if problems else _value_problems(content, path.name)
    if problems:
        raise Refused(f"{path} cannot be used as it stands:", problems)
    run, partnership = content["run"], content["partnership"]
    return Settings(
        name=partnership["name"],
        area=partnership["area"],
        made_up=partnership["made_up"],
        contact=partnership["contact"],
        purpose=run["purpose"],
        seed=run["seed"],
        first_as_of=run["first_as_of"],
        months_between=run["months_between"],
        data_lag_days=run["data_lag_days"],
        replicates=run["replicates"],
        audit_share=run["audit_share"],
        audit_dates=run["audit_dates"],
        refits=run["refits"],
        today=run.get("today"),
        tracking_uri=content.get("tracking", {}).get("uri", ""),
        linkage=LinkageSettings(**content.get("linkage", {})),
        list_valid_days=content["list"]["valid_days"],
        expected_every_days=content["data"]["expected_every_days"],
        governance=tuple(
            Reference(name, entry["reference"], entry["review_by"]) for name, entry in content["governance"].items()
        ),
    )


def _shape_problems(content: Mapping[str, Any], file: str) -> list[Problem]:
    found = []
    known = _EXPECTED.keys() | _OPTIONAL.keys()
    for section in sorted(content.keys() - known):
        expected = f"one of {sorted(known)}"
        found.append(Problem(f"the section [{section}]", file, expected, "Remove it or mend its name."))
    for section, keys in _EXPECTED.items():
        values = content.get(section)
        if not isinstance(values, dict):
            found.append(Problem("nothing", f"{file} [{section}]", "a section of that name", "Add it."))
            continue
        for key, kind in keys.items():
            if key not in values:
                found.append(Problem("nothing", f"{file} [{section}] {key}", _words(kind), "Add the line."))
            elif type(values[key]) is not kind:
                where = f"{file} [{section}] {key}"
                found.append(Problem(type(values[key]).__name__, where, _words(kind), "Mend the line."))
        for key in sorted(values.keys() - keys.keys() - _OPTIONAL.get(section, {}).keys()):
            where = f"{file} [{section}]"
            found.append(Problem(f"the key {key}", where, f"one of {sorted(keys)}", "Remove it or mend its name."))
    linkage = content.get("linkage", {})
    found += threshold_problems(linkage if isinstance(linkage, dict) else {"": linkage}, f"{file} [linkage]")
    return [*found, *_tracking_problems(content.get("tracking"), file)]


def _tracking_problems(section: Any, file: str) -> list[Problem]:
    """What is wrong with the section [tracking], which there need not be."""
    where, expected = f"{file} [tracking] uri", "an address: https://..., or sqlite, postgresql, mysql or mssql"
    if section is None:
        return []
    uri = section.get("uri") if isinstance(section, dict) and section.keys() == {"uri"} else None
    if not isinstance(uri, str) or not _TRACKING.fullmatch(uri):
        remedy = "Mend the line, or leave the section out to track in the workspace."
        return [Problem("another value, or other keys", where, expected, remedy)]
    if "@" in uri and not uri.startswith("sqlite"):
        remedy = "Put them into the environment (MLFLOW_TRACKING_USERNAME, PGPASSWORD): this file is copied about."
        return [Problem("a user or password in the address", where, expected, remedy)]
    return []


def _words(kind: type | tuple[type, ...]) -> str:
    words = {
        str: "text in quotes",
        int: "a whole number",
        float: "a number such as 0.4",
        bool: "true or false",
        dt.date: "a date like 2026-10-01",
    }
    return words.get(kind, "a table") if isinstance(kind, type) else "a value"


def _value_problems(content: Mapping[str, Any], file: str) -> list[Problem]:
    run, found = content["run"], []
    if run["purpose"] not in PURPOSES:
        where = f"{file} [run] purpose"
        found.append(Problem(repr(run["purpose"]), where, f"one of {list(PURPOSES)}", "State the run's purpose."))
    for section, key, least in (
        ("run", "months_between", 1),
        ("run", "data_lag_days", 0),
        ("run", "replicates", 100),
        ("run", "audit_dates", 1),
        ("run", "refits", 10),
        ("list", "valid_days", 1),
    ):
        if content[section][key] < least:
            where = f"{file} [{section}] {key}"
            found.append(Problem(str(content[section][key]), where, f"at least {least}", "Mend the number."))
    if not LEAST_AUDIT_SHARE <= run["audit_share"] <= MOST_AUDIT_SHARE:
        where, expected = f"{file} [run] audit_share", f"a share from {LEAST_AUDIT_SHARE} to {MOST_AUDIT_SHARE}"
        found.append(Problem(str(run["audit_share"]), where, expected, "Mend the number."))
    for source, days in content["data"]["expected_every_days"].items():
        if source not in SOURCES or type(days) is not int or not 1 <= days <= MOST_EXPECTED_DAYS:
            where, expected = (
                f"{file} [data.expected_every_days] {source}",
                f"days (1 to {MOST_EXPECTED_DAYS}) for one of {list(SOURCES)}",
            )
            found.append(Problem(repr(days), where, expected, "Mend the line."))
    for name, entry in content["governance"].items():
        if type(entry.get("reference")) is not str or type(entry.get("review_by")) is not dt.date:
            where, expected = f"{file} [governance] {name}", '{ reference = "...", review_by = 2027-01-01 }'
            found.append(Problem(repr(entry), where, expected, "Name the document and its review date."))
    if run.get("today") is not None and not content["partnership"]["made_up"]:
        where = f"{file} [run] today"
        found.append(
            Problem("a fixed date", where, "none", "Only a made-up partnership stands still: remove the line.")
        )
    return found


def new_settings(
    *,
    name: str,
    area: str,
    made_up: bool,
    today: dt.date | None,
    seed: int,
    first_as_of: dt.date,
    made_on: dt.date,
) -> str:
    """A commented partnership.toml to start from. A real partnership must fill in the governance references."""
    fixed = f"today = {today.isoformat()}        # a made-up partnership stands still on this day\n" if today else ""
    refits = 10 if made_up else 20  # a demo should not keep anybody waiting
    review = (made_on + dt.timedelta(days=365)).isoformat()
    reference = "MADE-UP-{}" if made_up else ""
    documents = "\n".join(
        f'{key} = {{ reference = "{reference.format(key.upper())}", review_by = {review} }}' for key in GOVERNANCE
    )
    return f"""# What this partnership decided about its runs. Every line is needed; nothing here has a silent default.

[partnership]
name = {json.dumps(name, ensure_ascii=False)}
area = {json.dumps(area, ensure_ascii=False)}
made_up = {str(made_up).lower()}            # true only where no row is about a real person
contact = "the analyst team"               # whom a page tells its reader to ask

[run]
purpose = "iom_selection_support"          # from the closed list of purposes; the agreements must cover it
seed = {seed}                            # every random draw of a run starts here
{fixed}first_as_of = {first_as_of.isoformat()}            # the first past caseload to learn from
months_between = 6                         # months between past caseloads
data_lag_days = 30                         # extra days before a label counts as known, where courts report late
replicates = 400                           # bootstrap replicates behind every interval
audit_share = 0.4                          # the share of people who teach the model nothing and judge it in the audit
audit_dates = 2                            # the audit judges so many of the latest caseloads with a known outcome
refits = {refits}                                # refits on people drawn again: how steady estimates and reasons are

[list]
valid_days = 28                            # a list of cases to review is withheld after this many days

[data.expected_every_days]                 # a source is late after so many days; after twice as many estimates hide
probation = 31
prison = 31
police = 31
treatment = 92
council = 92

{LINKAGE}
# [tracking]                               # only if MLflow is to keep runs elsewhere than in the workspace:
# uri = "https://mlflow.example.org"       # figures, hashes and models go there, never a row about a person

[governance]                               # documents that must exist and be in date before a release
{documents}
"""
