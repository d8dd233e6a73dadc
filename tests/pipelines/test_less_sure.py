"""Who is one person less surely than others: shown beside their estimate, never in its place (LNK-2)."""

from types import SimpleNamespace

import pandas as pd

from desist.pipelines.less_sure import less_sure


def test_a_pair_that_waits_makes_both_less_sure_and_initials_make_nobody():
    key_map = pd.DataFrame([("police", "N1", "p1"), ("police", "N2", "p2"), ("council", "C1", "p3"),
                            ("treatment", "T1", "p4")], columns=["source", "agency_person", "person_id"])  # fmt: skip
    columns = ["left_source", "left_number", "right_source", "right_number", "kind"]
    queue = pd.DataFrame([("police", "N1", "police", "N2", "review"), ("council", "C1", "treatment", "T1", "initials"),
                          ("police", "N9", "prison", "A9", "conflict")], columns=columns)  # fmt: skip
    vault = SimpleNamespace(key_map=lambda: key_map, link_queue=lambda: queue)
    assert less_sure(vault, {}) == {"p1", "p2"}
    assert less_sure(vault, {"p3": 0.05, "p4": 0.049}) == {"p1", "p2", "p3"}
