"""People who withdrew consent leave store, vault and equality store, also where whoever wrote them was killed."""

from __future__ import annotations

from desist.intake.holding.ended import Ended
from desist.intake.holding.equality_writer import EqualityWriter
from desist.intake.holding.store import Store, held_names
from desist.intake.holding.vault import Vault


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
