"""Linking a workspace: the current extracts' people get their pseudonyms, and vault, equality store and links agree."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from desist.intake.holding.equality_writer import EqualityWriter
from desist.intake.holding.settle import settle
from desist.intake.holding.store import Store, held_names
from desist.intake.holding.vault import Vault
from desist.intake.linking.join import Joined, join
from desist.intake.linking.marks import MARK, marks, somebody_else
from desist.intake.linking.pseudonyms import Reissued, pseudonyms, reissued
from desist.intake.linking.report import LinkReport, link_report
from desist.intake.linking.settings import LinkageSettings
from desist.records.errors import Refused
from desist.records.files import write_json
from desist.records.log import EventLog
from desist.records.workspace import Workspace

__all__ = ["Joined", "LinkReport", "join", "link"]

COLUMNS = ["source", "agency_person", "person_id", "method", "weight", "doubt", "confirmed"]


def link(
    workspace: Workspace,
    *,
    today: dt.date,
    key: bytes,
    log: EventLog,
    actor: str,
    settings: LinkageSettings | None = None,
) -> LinkReport:
    """Link the people of the current extracts, and hand the key map to vault, equality store and links.

    ``key`` makes the pseudonyms. Somebody linked before keeps their person_id, in a later extract too;
    when two people turn out to be one, the id of the one first in the order of sources and numbers stays.
    Killed half-way, the links are withheld until linking is run again, with the same result.
    The caller holds the workspace's lock.
    """
    settings = settings or LinkageSettings()
    store, vault = Store(workspace.store, workspace.quarantine), Vault(workspace.vault)
    settle(store, vault, EqualityWriter(workspace.equality))
    people = _records(store, vault)
    if people.empty:
        raise Refused("There is nobody to link: no identity table has been taken in. Run `desist intake` first.")
    before, decisions = vault.key_map(), vault.link_decisions()
    people[MARK] = marks(people, key)
    known, others = _still_theirs(vault.known_keys(), people)
    until = max(store.snapshot_date(source) for source in store.sources())
    joined = join(people, settings, decisions, before=known, on=until)
    records = joined.records
    records["person_id"] = pseudonyms(records, known, key, never=set(others["person_id"]))
    links = records.sort_values(["source", "agency_person"], ignore_index=True)[COLUMNS]
    changed = reissued(vault.known_keys(), links)
    log.append(
        "data.combined", actor=actor, role="analyst", dataset=f"links:{store.snapshot_hash()[:16]}",
        counts={"records": len(links), "people": int(links["person_id"].nunique())},
    )  # fmt: skip
    _note_reissued(log, changed, actor, links)
    write_json(store.linking, {"snapshot": store.snapshot_hash(), "begun_on": today.isoformat()})
    current = _held(store, current_only=True)
    EqualityWriter(workspace.equality).hand_key_map(_held(store, current_only=False), links)
    marked = links.merge(people[["source", "agency_person", MARK]], on=["source", "agency_person"])
    vault.write_key_map(current, marked, joined.unmatched, joined.queue)
    digest = store.write_links(links)
    store.linking.unlink()
    return link_report(joined, links, before, changed, decisions, settings, digest, given_again=len(others))


def _still_theirs(known: pd.DataFrame, people: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Entries of the key map whose number names the same person still, and those whose number names somebody else."""
    now = dict(zip(zip(people["source"], people["agency_person"], strict=True), people[MARK], strict=True))
    rows = known[["source", "agency_person", MARK]].itertuples(index=False, name=None)
    others = [somebody_else(mark, now.get((source, number))) for source, number, mark in rows]
    other = pd.Series(others, index=known.index, dtype=bool)
    return known[~other], known[other]


def _note_reissued(log: EventLog, changed: tuple[Reissued, ...], actor: str, links: pd.DataFrame) -> None:
    """One event a person merged or split. Before anything is written: a linking killed here notes nobody twice."""
    if not changed:
        return
    mark = f"links:{int(pd.util.hash_pandas_object(links, index=False).sum()) & (2**64 - 1):016x}"
    noted = set()
    for row in reversed([row for row in log.rows() if row["operation"] == "person.reissued"]):
        if row["dataset"] != mark:
            break
        noted.add(row["subject"])
    for person in changed:
        subject = log.subject_ref(person.person_id)
        if subject not in noted:
            log.append(
                "person.reissued", actor=actor, role="analyst", subject=subject, reason=person.reason, dataset=mark,
                counts={"records_before": person.before, "records_now": person.now},
            )  # fmt: skip


def _held(store: Store, *, current_only: bool) -> list[str]:
    histories = store.manifest()["extracts"].values()
    held = [extract for history in histories for extract in (history[:1] if current_only else history)]
    return [name for extract in held for name in held_names(extract)]


def _records(store: Store, vault: Vault) -> pd.DataFrame:
    """Current identity rows; of treatment only people who consent now."""
    people = vault.identities(_held(store, current_only=True))
    kept = people["source"] != "treatment"
    if "trt_client" in store.tables():
        # Numbers of other agencies may happen to be equal: their rows are kept already.
        kept |= people["agency_person"].isin(store.read_arrow("trt_client")["agency_person"].to_pylist())
    return people[kept].reset_index(drop=True)
