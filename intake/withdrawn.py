"""People who withdrew consent leave store, vault and equality store, also where whoever wrote them was killed."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from desist.intake.checks import NO_CONSENT
from desist.intake.ended import Ended
from desist.intake.equality_writer import EqualityWriter
from desist.intake.judge import JudgedFile
from desist.intake.store import Store, held_names
from desist.intake.vault import Vault


def withdrawn(files: Mapping[str, JudgedFile]) -> list[str]:
    """Numbers of people whose client row says that they do not, or no longer, consent (REQUIREMENTS INT-9)."""
    clients = files.get("trt_client")
    if clients is None:
        return []
    refused = pa.array(clients.checked.verdicts.having(NO_CONSENT))
    return sorted(clients.checked.array("agency_person").filter(refused).drop_null().unique().to_pylist())


def settle(store: Store, vault: Vault, equality: EqualityWriter) -> None:
    """Make vault and equality store agree with the store's snapshot: called after each change of it, and at each start.

    Between the switch to a new snapshot and this a kill leaves names of people who withdrew: the next start ends it.
    """
    ended = Ended(store.root)
    for source, numbers in ended.numbers().items():
        vault.erase_numbers(source, numbers)
        equality.forget_numbers(source, numbers)
    held = [name for history in store.manifest()["extracts"].values() for one in history for name in held_names(one)]
    vault.keep_only(held)
    equality.keep_only(held)
    ended.forget()
