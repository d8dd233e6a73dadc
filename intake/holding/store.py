"""What was accepted, as Parquet partitions that can be rewritten for erasure, with the history of their hashes.

``current.json`` names a manifest, ``snapshots/<id>.json``; the id is the manifest's own hash. Partitions are named by
their content, so a new snapshot never touches the files of the old one: whoever is killed while writing
leaves the old snapshot or the new one. For each source and table the manifest lists every extract, the
current one first; older ones stay as history.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from desist.intake.holding.ended import Ended
from desist.intake.holding.partitions import each, partitions
from desist.intake.rows.stream import as_packed, as_stored
from desist.intake.terms.contracts import CONTRACTS
from desist.records.errors import Refused
from desist.records.files import read_json, write_bytes, write_json
from desist.records.hashing import hash_bytes, hash_file, hash_json

SCHEMA_VERSION = 1
#: A table is cut into as many partitions as keep each near this size; erasing a person rewrites one of them.
ROWS_PER_PARTITION = 250_000
#: Where a contract says its rows are held for the store to keep them; aggregate tables are about no person.
HELD_HERE = ("store", "aggregate")
STAMPS = ("source", "extract_date", "agreement_id")

Manifest = dict[str, Any]
Extract = dict[str, Any]


class Store:
    """The accepted rows of one workspace under the agencies' own numbers. Is a Holding: see ``erase``.

    ``quarantine`` lies beside the store unless given; its rows are part of the same snapshots.
    """

    name = "store"

    def __init__(self, root: Path, quarantine: Path | None = None) -> None:
        self.root = root
        self.quarantine = quarantine or root.parent / "quarantine"

    # --- manifests

    def manifest(self) -> Manifest:
        """The current manifest; an empty one before the first extract. Raises Refused if it was altered."""
        pointer = self.root / "current.json"
        if not pointer.exists():
            return {"schema": SCHEMA_VERSION, "previous": None, "because": "", "deliveries": {}, "extracts": {}}
        name = read_json(pointer)["snapshot"]
        manifest: Manifest = read_json(self.root / "snapshots" / f"{name}.json")
        if hash_json(manifest) != name:
            raise Refused(f"The manifest {name[:12]} of {self.root} was altered. Restore the store from a backup.")
        return manifest

    def commit(
        self, manifest: Manifest, *, because: str, ended: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Make ``manifest`` the current one, in one step, then remove files that nothing refers to.

        ``ended``: agency numbers by source that the vault must forget once it is current.
        """
        pointer = self.root / "current.json"
        previous = read_json(pointer)["snapshot"] if pointer.exists() else None
        manifest = manifest | {"previous": previous, "because": because}
        name = hash_json(manifest)
        write_json(self.root / "snapshots" / f"{name}.json", manifest)
        Ended(self.root).note(name, ended or {})
        write_json(pointer, {"snapshot": name})
        self.sweep()

    def sweep(self) -> None:
        """Remove what a killed writer left behind. Old manifests stay: they are the history of the hashes."""
        used = {self.path(part["file"]) for extract in self._all_extracts() for part in _files(extract)}
        kept = [*(self.root / "data").rglob("*.parquet"), *self.quarantine.rglob("*.parquet")]
        leftovers = [*self.root.rglob(".writing-*"), *self.quarantine.rglob(".writing-*")]
        for path in [*leftovers, *(path for path in kept if path not in used)]:
            path.unlink(missing_ok=True)

    def _all_extracts(self) -> Iterator[Extract]:
        for history in self.manifest()["extracts"].values():
            yield from history

    def path(self, file: str) -> Path:
        """Where a manifest's file lies: ``quarantine/...`` beside the store, all else in it."""
        first, _, rest = file.partition("/")
        return self.quarantine / rest if first == "quarantine" else self.root / file

    def extract(self, source: str, table: str) -> Extract | None:
        """The current extract of a table, None where there is none."""
        history = self.manifest()["extracts"].get(f"{source}/{table}")
        return history[0] if history else None

    # --- what is held

    def tables(self) -> tuple[str, ...]:
        """Tables about people whose rows are held here; identity and equality are not."""
        return self._held("store")

    def aggregates(self) -> tuple[str, ...]:
        """Tables held here that are about no person: monthly counts, populations."""
        return self._held("aggregate")

    def _held(self, place: str) -> tuple[str, ...]:
        names = {key.split("/")[1] for key in self.manifest()["extracts"]}
        return tuple(sorted(name for name in names if CONTRACTS[name].held_in == place))

    def sources(self) -> tuple[str, ...]:
        """Sources that sent rows about people; who sent aggregates alone is not among them."""
        keys = [key.split("/") for key in self.manifest()["extracts"]]
        return tuple(sorted({source for source, table in keys if CONTRACTS[table].of_people}))

    @property
    def made_up(self) -> bool:
        """Whether any current extract says that its people are made up: then every page must say so."""
        return any(history[0]["made_up"] for history in self.manifest()["extracts"].values())

    def snapshot_hash(self) -> str:
        """Changes with any content held, here, in the vault or in the equality store; empty store: hash of nothing."""
        current = {key: history[0] for key, history in self.manifest()["extracts"].items()}
        return hash_json({
            key: [text for piece in pieces(extract) for text in (
                piece["input_sha256"], piece["held_as"], *(part["sha256"] for part in piece["partitions"])
            )]
            for key, extract in current.items()
        })  # fmt: skip

    def snapshot_date(self, source: str) -> dt.date:
        """The day up to which everything of ``source`` is known: the earliest of its tables' current extract dates.

        Aggregates do not count: a census is years old, and says nothing of when a person was last heard of.
        """
        extracts = self.manifest()["extracts"]
        dates = [
            history[0]["extract_date"]
            for key, history in extracts.items()
            if key.split("/")[0] == source and CONTRACTS[key.split("/")[1]].of_people
        ]
        if not dates:
            raise Refused(f"The store holds no extract of {source}. Take one in with `desist intake`.")
        return dt.date.fromisoformat(min(dates))

    def read(self, table: str) -> pd.DataFrame:
        """The current rows of one table, typed, with source, extract_date and agreement_id; dates are datetime64."""
        return to_frame(self.read_arrow(table), table)

    def read_arrow(self, table: str) -> pa.Table:
        """As ``read``, as an Arrow table. Raises Refused for a table not held here or an altered partition."""
        if table not in (*self.tables(), *self.aggregates()):
            raise Refused(f"The store holds no table {table!r}; it holds {', '.join(self.tables()) or 'none'}.")
        extracts = [self.extract(source, table) for source in CONTRACTS[table].sources]
        parts = [part for extract in extracts if extract for piece in pieces(extract) for part in piece["partitions"]]
        return pa.concat_tables([self._partition(part) for part in parts])

    def partition(self, part: Mapping[str, Any], *, compact: Sequence[str] = ()) -> pa.Table:
        """The rows of one file that the manifest names, some columns compact. Raises Refused if it was altered."""
        return self._partition(part, compact)

    def _partition(self, part: Mapping[str, Any], compact: Sequence[str] = ()) -> pa.Table:
        content = self.path(part["file"]).read_bytes()
        if hash_bytes(content) != part["sha256"]:
            raise Refused(f"The file {part['file']} of the store was altered. Restore it from a backup.")
        return pq.read_table(pa.BufferReader(content), read_dictionary=list(compact) or None)

    def verify(self) -> list[str]:
        """What is wrong with the store, in words; empty where every file is as its manifest says."""
        try:
            files = [part for extract in self._all_extracts() for part in _files(extract)]
        except (Refused, OSError, ValueError, KeyError) as error:
            return [f"the store's manifest cannot be read: {type(error).__name__}"]
        wrong = []
        for part in files:
            path = self.path(part["file"])
            if not path.exists():
                wrong.append(f"{part['file']} is missing")
            elif hash_file(path) != part["sha256"]:
                wrong.append(f"{part['file']} was altered")
        return wrong

    # --- writing

    def write_rows(self, table: str, rows: pa.Table) -> list[dict[str, Any]]:
        """Partitions of ``rows`` by person, sorted by person. Raises ValueError for a row without its stamps."""
        of_people = CONTRACTS[table].of_people
        stamps = (*STAMPS, "subject_category", "record_kind") if of_people else STAMPS
        unstamped = [name for name in stamps if rows[name].null_count]
        if unstamped:
            raise ValueError(f"rows of {table} lack their stamps {unstamped}")
        if not of_people:
            return [self._write(f"data/{table}", as_stored(rows))]
        count = max(1, -(-len(rows) // ROWS_PER_PARTITION))
        cuts = partitions(rows["agency_person"], count)
        return each(lambda part: self._write(f"data/{table}", as_packed(part)), rows, cuts)

    def write_quarantine(self, source: str, table: str, rows: pa.Table) -> dict[str, Any]:
        """The file of rows that were not accepted."""
        return self._write(f"quarantine/{source}/{table}", rows)

    def _write(self, folder: str, rows: pa.Table) -> dict[str, Any]:
        content = _parquet(rows)
        digest = hash_bytes(content)
        file = f"{folder}/{digest[:32]}.parquet"
        if not self.path(file).exists():
            write_bytes(self.path(file), content)
        return {"file": file, "sha256": digest, "rows": len(rows), "history": []}

    # --- links

    def write_links(self, links: pd.DataFrame) -> str:
        """Put the links of the current snapshot in place of older ones; returns their hash."""
        content = _parquet(pa.Table.from_pandas(links, preserve_index=False).replace_schema_metadata(None))
        digest = hash_bytes(content)
        old = self._links_note()
        write_bytes(self.root / "links" / f"{digest[:32]}.parquet", content)
        write_json(self.root / "links.json", {"snapshot": self.snapshot_hash(), "sha256": digest})
        if old and old["sha256"] != digest:
            (self.root / "links" / f"{old['sha256'][:32]}.parquet").unlink(missing_ok=True)
        return digest

    def _links_note(self) -> dict[str, str]:
        note = self.root / "links.json"
        return dict(read_json(note)) if note.exists() else {}

    def links(self) -> tuple[pd.DataFrame, str]:
        """source, agency_person, person_id, method, weight, confirmed, and their hash.

        Raises Refused where the current snapshot has not been linked, or linking was interrupted.
        """
        note = self._links_note()
        if not note or note["snapshot"] != self.snapshot_hash() or self.linking.exists():
            raise Refused("The people of the current extracts have not been linked. Run `desist link`.")
        content = (self.root / "links" / f"{note['sha256'][:32]}.parquet").read_bytes()
        if hash_bytes(content) != note["sha256"]:
            raise Refused("The store's links were altered. Run `desist link` again.")
        return pq.read_table(pa.BufferReader(content)).to_pandas(), note["sha256"]

    @property
    def linking(self) -> Path:
        """A mark that stands while links, vault and equality store are being rewritten together."""
        return self.root / "linking.json"

    # --- erasure

    def numbers(self, person_id: str) -> dict[str, list[str]]:
        """The agencies' own numbers of one person, by source."""
        links, _ = self.links()
        own = links[links["person_id"] == person_id]
        return {str(source): sorted(rows["agency_person"]) for source, rows in own.groupby("source")}

    def holds(self, person_id: str) -> int:
        """Rows of the person in current and older extracts and in quarantine, and links."""
        numbers = self.numbers(person_id)
        held = sum(int(np.count_nonzero(mine)) for _, _, _, mine in self._parts_of(numbers))
        return held + sum(map(len, numbers.values()))

    def erase(self, person_id: str) -> int:
        """Remove the person's rows from every extract, old ones too, and their content from quarantine.

        Rewrites the partitions in which the person stands and notes the hash before beside the new one.
        A quarantined row keeps its line and reason, so that read = accepted + quarantined still adds up.
        """
        numbers = self.numbers(person_id)
        erased = self.erase_numbers(numbers, because="erasure")
        links, _ = self.links()
        left = links[links["person_id"] != person_id]
        self.write_links(left.reset_index(drop=True))
        return erased + len(links) - len(left)

    def rewritten(self, part: Mapping[str, Any], rows: pa.Table) -> dict[str, Any]:
        """A partition's entry with other rows in its place; the hash before stays in its history."""
        made = self._write(str(part["file"]).rpartition("/")[0], rows)
        return made | {"history": [*part["history"], part["sha256"]]}

    def commit_same_people(self, manifest: Manifest, *, because: str) -> None:
        """As ``commit``, where nobody is linked otherwise by it: links made before stay valid."""
        note = self._links_note()
        linked = bool(note) and note["snapshot"] == self.snapshot_hash()
        self.commit(manifest, because=because)
        if linked:
            write_json(self.root / "links.json", note | {"snapshot": self.snapshot_hash()})

    def erase_numbers(self, numbers: Mapping[str, Sequence[str]], *, because: str) -> int:
        """Remove the rows of agency numbers by source; returns how many.

        Links made before stay valid: no person but those erased is touched.
        """
        manifest = self.manifest()
        erased = self.erase_in(manifest, numbers)
        if erased:
            self.commit_same_people(manifest, because=because)
        return erased

    def erase_in(self, manifest: Manifest, numbers: Mapping[str, Sequence[str]]) -> int:
        """As ``erase_numbers``, in a manifest that the caller commits."""
        erased = 0
        for extract, folder, part, mine in list(self._parts_of(numbers, manifest)):
            if not mine.any():
                continue
            rows, here = self._partition(part), pa.array(mine)
            in_store = part is not extract["quarantine"]
            history = [*part["history"], part["sha256"]]
            part.update(self._write(folder, rows.filter(pc.invert(here)) if in_store else _blank(rows, here)))
            part["history"] = history
            extract["erased"] = extract.get("erased", 0) + (int(mine.sum()) if in_store else 0)
            erased += int(mine.sum())
        return erased

    def _parts_of(
        self, numbers: Mapping[str, Sequence[str]], manifest: Manifest | None = None
    ) -> Iterator[tuple[Extract, str, dict[str, Any], Any]]:
        """Each file of the persons' sources, with the folder it lies in and which of its rows are theirs."""
        manifest = manifest or self.manifest()
        for history in manifest["extracts"].values():
            for extract in history:
                wanted = pa.array(list(numbers.get(extract["source"], ())), type=pa.string())
                if not len(wanted) or not CONTRACTS[extract["table"]].of_people:
                    continue
                for piece in pieces(extract):
                    for part in _own_files(piece):
                        people = self._partition(part)["agency_person"]
                        yield piece, part["file"].rpartition("/")[0], part, np.asarray(pc.is_in(people, wanted))


def rows_hash(rows: pa.Table) -> str:
    """SHA-256 of a table's content as Parquet; nothing is written."""
    return hash_bytes(_parquet(rows))


def _parquet(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    # Without Arrow's own schema compact text is read as plain text again.
    pq.write_table(rows, sink, compression="zstd", store_schema=False)
    return bytes(sink.getvalue())


def pieces(extract: Extract) -> list[Extract]:
    """The extract as sent, then the corrections of its quarantined rows, oldest first: each with files of its own."""
    return [extract, *extract.get("corrections", [])]


def held_names(extract: Extract) -> list[str]:
    """Under which names vault and equality store hold the extract's rows and those of its corrections."""
    return [piece["held_as"] for piece in pieces(extract)]


def _own_files(piece: Extract) -> list[dict[str, Any]]:
    return [*piece["partitions"], *([piece["quarantine"]] if piece["quarantine"] else [])]


def _files(extract: Extract) -> list[dict[str, Any]]:
    return [part for piece in pieces(extract) for part in _own_files(piece)]


#: Columns of a quarantine file that say nothing of a person: they outlive erasure, so that the sums still hold.
BARE = ("line", "reason", "replaced_by")


def _blank(rows: pa.Table, here: pa.Array) -> pa.Table:
    """The rows with every cell emptied where ``here``, except line, reason and the correction that replaced it."""
    blanked: Callable[[str], pa.ChunkedArray] = lambda name: (  # noqa: E731
        rows[name] if name in BARE else pc.if_else(here, None, rows[name])
    )
    return pa.table({name: blanked(name) for name in rows.column_names})


def to_frame(rows: pa.Table, table: str) -> pd.DataFrame:
    """Pandas types that follow the contract, not the data.

    Booleans that may be empty are ``boolean``, whole numbers that may be empty are float; text is ``str``.
    """
    frame: pd.DataFrame = rows.to_pandas()
    for column in CONTRACTS[table].columns:
        if column.kind == "boolean" and column.name in frame:
            frame[column.name] = frame[column.name].astype("bool" if column.required else "boolean")
        elif column.kind in ("integer", "decimal") and column.name in frame:
            frame[column.name] = frame[column.name].astype("float64")
        elif column.kind != "date" and column.name in frame:
            frame[column.name] = frame[column.name].astype("str")
    return frame
