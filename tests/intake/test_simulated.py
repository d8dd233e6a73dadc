"""The made-up partnership comes in through the same door as everybody's files."""

import datetime as dt
import shutil

import pandas as pd
import pytest

from desist.intake.holding.linked import read_linked
from desist.intake.holding.store import Store
from desist.intake.linking.run import link
from desist.intake.reading.read import read_extracts
from desist.intake.rows.checks import REFUSED_ROWS
from desist.intake.terms.contracts import CONTRACTS
from desist.records.log import EventLog
from desist.records.workspace import Workspace
from desist.simulation.write import simulate

TODAY = dt.date(2026, 10, 1)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    root = tmp_path_factory.mktemp("simulated")
    simulate(root / "sent", people=300, seed=5)
    workspace = Workspace(root / "workspace")
    workspace.create()
    shutil.copytree(root / "sent" / "agreements", workspace.agreements)
    log = EventLog(workspace.log, clock=lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
    report = read_extracts(
        root / "sent", workspace, today=TODAY, purpose="iom_selection_support", log=log, actor="an.alyst"
    )
    link(workspace, today=TODAY, key=b"a made-up key", log=log, actor="an.alyst")
    return root / "sent", workspace, report


def test_every_table_comes_in_and_only_refused_classes_stay_out(simulated):
    _, _, report = simulated
    not_made = {name for name, contract in CONTRACTS.items() if contract.held_in == "aggregate"}
    assert {file.table for file in report.files} == set(CONTRACTS) - not_made - {"trt_outcome_profile"}
    for file in report.files:
        assert set(file.quarantined) <= set(REFUSED_ROWS), file.table
        assert file.rows_read == file.accepted + sum(file.quarantined.values())
        assert file.dropped_columns == ()


def test_every_accepted_row_is_held_under_a_person(simulated):
    _, workspace, report = simulated
    linked = read_linked(workspace)
    held = {file.table: file.accepted for file in report.files if CONTRACTS[file.table].held_in == "store"}
    assert {table: len(rows) for table, rows in linked.tables.items()} == held
    assert linked.left_out == {} and linked.made_up


def test_no_two_people_become_one_and_police_and_probation_find_each_other(simulated):
    sent, workspace, _ = simulated
    links, _ = Store(workspace.store).links()
    both = links.merge(pd.read_parquet(sent / "truth" / "links.parquet"), on=["source", "agency_person"])
    assert len(both) == len(links)
    assert (both.groupby("person_id")["person"].nunique() == 1).all()
    known = both[both["source"].isin(["police", "probation"])]
    joined = known.groupby("person")["person_id"].nunique() == 1
    assert joined.mean() > 0.9
