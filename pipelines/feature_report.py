"""``desist report features``: the workspace's register as a page and a sheet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.features.standard_features import standard_register
from desist.pipelines.own_features import register_of
from desist.pipelines.session import Session
from desist.records.errors import Refused
from desist.records.files import write_text
from desist.reports.features_page import SHEET, Described, RegisterPage, register_page, register_sheet


@dataclass(frozen=True)
class FeatureReport:
    """The files written, and how many features they describe."""

    files: tuple[Path, ...]
    page: RegisterPage

    def as_json(self) -> dict[str, Any]:
        return {
            "files": [str(path) for path in self.files],
            "features": len(self.page.features),
            "own": [feature.name for feature in self.page.features if feature.own],
            "register": self.page.register_hash,
        }

    def as_text(self) -> str:
        own = [f"  {one.name}: {one.words}" for one in self.page.features if one.own]
        lines = [f"Features in words: {self.page.counted}.", *(f"  {path}" for path in self.files)]
        return "\n".join([*lines, *(["Your own:", *own] if own else [])])


def report_features(session: Session, out: Path | None) -> FeatureReport:
    """Write features.html and features.csv into ``out``, or into the workspace's reports."""
    folder = out or session.workspace.reports
    register = register_of(session.workspace)
    standard = set(standard_register().names)
    rows = register.as_table().to_dict("records")
    page = RegisterPage(
        partnership=session.settings.name,
        made_up=session.settings.made_up,
        made_on=session.today,
        register_hash=register.hash,
        features=tuple(
            Described(**{name: str(row[name]) for name in SHEET if name != "own"}, own=row["name"] not in standard)
            for row in rows
        ),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"No folder can be made at {folder} ({error.strerror}). Name another with --out.") from error
    files = (folder / "features.html", folder / "features.csv")
    write_text(files[0], register_page(page))
    write_text(files[1], register_sheet(page))
    return FeatureReport(files, page)
