"""Worlds whose detection is set: their stated truth is what many drawn rows show."""

import numpy as np
import pytest

from desist.simulation.detection_worlds import GROUP, OTHERS, DetectionWorld, draw_world

WORLD = DetectionWorld(
    listed=np.array([0.4, 0.2]),
    offend=np.array([[0.75, 0.5], [0.5, 0.25]]),
    detected=np.array([[0.8, 0.4], [0.6, 0.4]]),
    score=np.array([[0.6, 0.2], [0.6, 0.2]]),
)


def test_true_rates_are_those_worked_out_by_hand():
    """Of 100 in the group 40 are listed: 30 offend, 10 do not; of 60 unlisted 30 offend. Of 100 others 20 are listed:
    10 offend; of 80 unlisted 20 offend."""
    true = WORLD.rates()
    assert true["fpr"] == pytest.approx([10 / 40, 10 / 70])
    assert true["fnr"] == pytest.approx([30 / 60, 20 / 30])
    assert true["ppv"] == pytest.approx([0.75, 0.5])
    assert true["base_rate"] == pytest.approx([0.6, 0.3])
    assert true["calibration_in_the_large"] == pytest.approx([0.36 - 0.6, 0.28 - 0.3])
    # Implied by the scores: the group 40 x .4 of 16 + 48, the others 20 x .4 of 8 + 64.
    assert true["excess_fpr"] == pytest.approx([10 / 40 - 16 / 64, 10 / 70 - 8 / 72])


def test_recorded_rates_count_an_offence_not_found_out_as_none():
    """The group: 24 of 40 listed and 12 of 60 unlisted proven. The others: 6 of 20 and 8 of 80."""
    recorded = WORLD.rates(recorded=True)
    assert recorded["fpr"] == pytest.approx([16 / 64, 14 / 86])
    assert recorded["fnr"] == pytest.approx([12 / 36, 8 / 14])
    assert recorded["base_rate"] == pytest.approx([0.36, 0.14])


def test_drawn_rows_show_the_stated_rates():
    rows = WORLD.draw_rows((30_000, 30_000), np.random.default_rng(1), most_dates=3)
    for side, name in ((GROUP, "A"), (OTHERS, "B")):
        mine = rows[rows["side"] == name]
        clean, clean_recorded = mine[~mine["offended"]], mine[~mine["recorded"]]
        assert clean["listed"].mean() == pytest.approx(WORLD.rates()["fpr"][side], abs=0.01)
        assert clean_recorded["listed"].mean() == pytest.approx(WORLD.rates(recorded=True)["fpr"][side], abs=0.01)
        over = mine["score"].mean() - mine["offended"].mean()
        assert over == pytest.approx(WORLD.rates()["calibration_in_the_large"][side], abs=0.01)
    assert ((rows["score"] >= 0.5) == rows["listed"]).all() and rows["score"].between(0, 1).all()
    assert not rows.duplicated(["person_id", "as_of"]).any() and not (rows["recorded"] & ~rows["offended"]).any()


def test_drawn_counts_show_the_recorded_rates():
    counts = WORLD.draw_counts((100_000, 100_000), np.random.default_rng(1))
    assert counts[:, :, 0].sum(axis=1).tolist() == [100_000, 100_000]
    assert counts[:, 0, 1] / counts[:, 0, 0] == pytest.approx(WORLD.rates(recorded=True)["ppv"], abs=0.01)


def test_drawn_worlds_keep_to_the_ranges_among_listed_and_among_unlisted():
    draw = np.random.default_rng(4)
    for alike in (True, False):
        for _ in range(200):
            s = draw_world(draw, (0.3, 0.8), (0.8, 1.25), (1.0, 1.3), alike=alike).detected
            ratios = s[GROUP] / s[OTHERS]
            assert 0.3 <= s[OTHERS, 1] <= 0.8 and (ratios >= 0.8).all() and (ratios <= 1.25).all() and s.max() <= 1
            assert (s[:, 0] / s[:, 1] >= 1 - 1e-12).all() and (s[:, 0] / s[:, 1] <= 1.3 + 1e-12).all()
            if alike:
                assert ratios[0] == pytest.approx(ratios[1])


def test_a_chance_above_one_is_no_world():
    with pytest.raises(ValueError, match="four chances"):
        DetectionWorld(WORLD.listed, WORLD.offend, WORLD.detected * 2, WORLD.score)
