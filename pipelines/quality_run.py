"""``desist report quality``: figures of the newest extracts, and what to ask the agencies, as a page and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.intake.holding.store import Store
from desist.intake.reading.quality import table_qualities, what_to_look_at
from desist.pipelines.session import Session
from desist.records.codes import SOURCES
from desist.records.errors import Refused
from desist.records.files import write_json, write_text
from desist.reports.quality import (
    Coverage,
    QualityFacts,
    QualityPage,
    SourceState,
    quality_page,
    shown,
    told_on_console,
)

#: What it means that an agency has no record of somebody on probation.
NONE_MEANS = {
    "probation": "named by no current identity row",
    "prison": "never in prison, as far as is recorded",
    "police": "not shared: unknown, not none",
    "treatment": "no treatment, or no consent: unknown",
    "council": "no duty, outcome or programme recorded: unknown",
}
#: Supervision that is none: these people are not counted.
NOT_SUPERVISED = "NONE"


@dataclass(frozen=True)
class QualityReport:
    """The files written and what they say."""

    files: tuple[Path, ...]
    page: QualityPage

    def as_json(self) -> dict[str, Any]:
        return {"files": [str(path) for path in self.files], "report": self.page.as_json()}

    def as_text(self) -> str:
        return "\n".join([told_on_console(self.page), *(f"  {path}" for path in self.files)])


def report_quality(session: Session, out: Path | None) -> QualityReport:
    """Write quality.html and quality.json into ``out``, or into the workspace's reports."""
    store = Store(session.workspace.store, session.workspace.quarantine)
    if not store.sources():
        raise Refused("The store holds no extract. Take one in with `desist intake`.")
    tables = table_qualities(store)
    facts = QualityFacts(
        partnership=session.settings.name,
        made_up=session.settings.made_up or store.made_up,
        made_on=session.today,
        sources=tuple(_state(session, store, source) for source in SOURCES if source in store.sources()),
        tables=tables,
        looks=what_to_look_at(tables),
        coverage=_coverage(store),
    )
    page = shown(facts)
    folder = out or session.workspace.reports
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"No folder can be made at {folder} ({error.strerror}). Name another with --out.") from error
    files = (folder / "quality.html", folder / "quality.json")
    write_text(files[0], quality_page(page))
    write_json(files[1], page.as_json())
    return QualityReport(files, page)


def _state(session: Session, store: Store, source: str) -> SourceState:
    cut = store.snapshot_date(source)
    return SourceState(source, cut, (session.today - cut).days, session.settings.expected_every_days.get(source))


def _coverage(store: Store) -> Coverage | None:
    """Of the people under supervision, how many each agency has a record of; None while they are not linked."""
    try:
        links, _ = store.links()
    except Refused:
        return None
    if "prob_person" not in store.tables():
        return None
    status = store.read("prob_person")[["agency_person", "supervision_status"]]
    numbers = status.loc[status["supervision_status"] != NOT_SUPERVISED, "agency_person"]
    by_source = {str(source): rows for source, rows in links.groupby("source")}
    if "probation" not in by_source:
        return None
    own = by_source["probation"]
    people = set(own.loc[own["agency_person"].isin(numbers), "person_id"])
    known = {
        source: len(people & set(by_source[source]["person_id"]))
        for source in SOURCES if source in by_source and source != "probation"
    }  # fmt: skip
    return Coverage(len(people), known, NONE_MEANS)
