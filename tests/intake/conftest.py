"""A tiny made-up partnership on disk, small enough to check by eye. Its identifiers are not issued to anybody."""

import csv
import datetime as dt
import io

import pandas as pd
import pytest

from desist.intake.holding.linked import read_linked
from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.linking.run import link
from desist.intake.reading.read import read_extracts
from desist.intake.terms.contracts import CONTRACTS
from desist.records import codes
from desist.records.errors import Refused
from desist.records.identifiers import check_letter
from desist.records.log import EventLog
from desist.records.workspace import Workspace

TODAY = dt.date(2026, 10, 1)
CUT = dt.date(2026, 9, 30)
PURPOSE = "iom_selection_support"


def make_pnc(serial):
    """A PNC of the year 1899, which no force has issued."""
    return f"1899/{serial:07d}{check_letter(f'99{serial:07d}')}"


class Partnership:
    """Writes deliveries and reads them in. ``tables[source][table]`` are rows as dicts; missing cells are empty."""

    def __init__(self, root):
        self.root = root
        self.delivery = root / "delivery"
        self.workspace = Workspace(root / "workspace")
        self.workspace.create()
        self.log = EventLog(self.workspace.log, clock=lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
        self.tables = {}
        self.cut = CUT
        self.head = {}
        self.agreement_changes = {}
        self.columns = {}
        self.bytes = {}

    def identity(self, source, number, **cells):
        return self.row(source, "identity", agency_person=number, **{"dob": "1990-05-17", "sex": "M", **cells})

    def row(self, source, table, **cells):
        stamps = {"subject_category": "convicted", "record_kind": "fact", "recorded_on": "2025-03-02"}
        if CONTRACTS[table].event:
            stamps["occurred_on"] = "2025-03-01"
        self.tables.setdefault(source, {}).setdefault(table, []).append(stamps | cells)
        return self

    def folder(self, source):
        return self.delivery / "extracts" / source

    def write(self):
        for source, tables in self.tables.items():
            self.folder(source).mkdir(parents=True, exist_ok=True)
            self._write_agreement(source)
            head = {"source": f'"{source}"', "extract_date": self.cut.isoformat(), "made_up": "true"}
            head |= self.head.get(source, {})
            lines = [f"{key} = {value}" for key, value in head.items() if value is not None]
            for table, rows in tables.items():
                lines += ["", "[[file]]", f'table = "{table}"', f'path = "{table}.csv"', f'agreement = "{source}-26"']
                columns = self.columns.get(table, list(CONTRACTS[table].names))
                self.path(source, table).write_bytes(self.bytes.get(table) or to_csv(columns, rows))
            (self.folder(source) / "delivery.toml").write_text("\n".join(lines), encoding="utf-8")
        return self

    def path(self, source, table):
        return self.folder(source) / f"{table}.csv"

    def _write_agreement(self, source):
        values = {
            "id": f'"{source}-26"', "source": f'"{source}"', "parties": '["Council", "Agency"]',
            "purposes": str(list(codes.PURPOSES)), "gateway": '"Crime and Disorder Act 1998 s.115"',
            "regime": '"part3"', "start": "2026-01-01", "expires": "2026-12-31", "retention_days": "90",
            "subject_categories": '["convicted"]', "consent": '"per_person"' if source == "treatment" else '"none"',
            "dpia": '"DPIA-1"', "apd": '"APD-1"',
        }  # fmt: skip
        values |= self.agreement_changes.get(source, {})
        tables = values.pop("tables", None) or "\n".join(
            f"{name} = {list(contract.names)}" for name, contract in CONTRACTS.items() if source in contract.sources
        )
        text = "\n".join(f"{key} = {value}" for key, value in values.items() if value is not None)
        self.workspace.agreements.mkdir(parents=True, exist_ok=True)
        path = self.workspace.agreements / f"{source}-26.toml"
        path.write_text(f"{text}\n[tables]\n{tables}\n", encoding="utf-8")

    def read(self, *, write=True, today=TODAY, purpose=PURPOSE, folder=None):
        if write:
            self.write()
        return read_extracts(
            folder or self.delivery, self.workspace, today=today, purpose=purpose, log=self.log, actor="an.alyst"
        )

    def link(self, key=b"a made-up key"):
        return link(self.workspace, today=TODAY, key=key, log=self.log, actor="an.alyst")

    def linked(self):
        return read_linked(self.workspace)

    @property
    def store(self):
        return Store(self.workspace.store, self.workspace.quarantine)

    @property
    def vault(self):
        return Vault(self.workspace.vault)

    def file(self, report, table):
        return next(file for file in report.files if file.table == table)

    def content(self):
        """Every file of the workspace by path, except the log."""
        root = self.workspace.root
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and not path.name.startswith(("desist.db", "desist.head", ".lock"))
        }

    def words(self, under=None):
        """All that is written in the workspace, as one text: Parquet is unpacked, since it may be compressed."""
        texts = []
        for path in sorted((under or self.workspace.root).rglob("*")):
            if path.suffix == ".parquet":
                texts.append(pd.read_parquet(path).to_csv())
            elif path.is_file():
                texts.append(path.read_bytes().decode("utf-8", errors="replace"))
        return "\n".join(texts)


def to_csv(columns, rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """A test survives no power cut, so it need not wait for the disk; a kill loses nothing that was written."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.fixture
def partnership(tmp_path):
    return Partnership(tmp_path)


@pytest.fixture
def probation(partnership):
    """One person on probation with one sentence, all in order."""
    partnership.identity("probation", "P1", crn="X100001", pnc=make_pnc(1), prison_number="A1111AA", forename="Ada",
                         surname="Madeup")  # fmt: skip
    partnership.row("probation", "prob_person", agency_person="P1", supervision_status="COMMUNITY_ORDER", lao="false")
    partnership.row(
        "probation", "prob_event", agency_person="P1", event_id="E1", offence_code="04600",
        conviction_date="2025-03-02", sentence_type="COMMUNITY_ORDER", sentence_start="2025-03-02",
        sentence_end="2027-03-01",
    )  # fmt: skip
    return partnership


@pytest.fixture
def pnc():
    """A function from a serial number to a PNC whose check letter is right."""
    return make_pnc


@pytest.fixture
def agencies(partnership, pnc):
    """P1 is N1 (PNC), A1 (prison number), C1 and T1 (CRN); P2 and N2 share nothing."""
    partnership.identity("probation", "P1", pnc=pnc(1), crn="X100001", prison_number="A1111AA")
    partnership.identity("probation", "P2", pnc=pnc(2), crn="X100002")
    partnership.identity("police", "N1", pnc=pnc(1))
    partnership.identity("police", "N2", pnc=pnc(3))
    partnership.identity("prison", "A1", prison_number="A1111AA")
    partnership.identity("council", "C1", crn="X100001")
    partnership.identity("treatment", "T1", crn="X100001")
    partnership.row("treatment", "trt_client", agency_person="T1", consent="true", basis="consent")
    return partnership


@pytest.fixture
def refusal():
    """A function that runs a step, expects it to be refused, and gives the problems as one text."""

    def problems(step):
        with pytest.raises(Refused) as refused:
            step()
        return "\n".join([str(refused.value), *(str(problem) for problem in refused.value.problems)])

    return problems
