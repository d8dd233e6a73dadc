"""Which pairs are looked at where very many records share one value, and where nothing may be written."""

import pytest

from desist.intake.linking import model
from desist.intake.linking.evidence import MOST_IN_BLOCK
from desist.intake.linking.join import join
from desist.records.errors import Refused

SHARED = "1985-01-02"


def crowd(count, **cells):
    """Strangers, each with a name of their own, who share one birth date."""
    return [
        {"source": "police", "agency_person": f"N{n:05d}", "forename": f"F{_letters(n)}", "surname": f"S{_letters(n)}",
         "dob": SHARED} | cells
        for n in range(count)
    ]  # fmt: skip


def _letters(number):
    return "".join("bdfgklmnprst"[number // 12**place % 12] + "aeiou"[number // 5**place % 5] for place in range(4))


def test_a_birth_date_that_very_many_share_is_compared_only_where_names_agree_and_the_report_names_it(made_table):
    rows = crowd(MOST_IN_BLOCK + 1)
    rows[7]["postcode"] = "ZZ1 4AB"
    twice = rows[7] | {"source": "council", "agency_person": "C1"}
    joined = join(made_table([*rows, twice]))
    assert sum(joined.model.blocking.values()) < 2 * MOST_IN_BLOCK
    values, records, left = joined.model.crowded["equal birth date"]
    assert (values, records, left) == (1, MOST_IN_BLOCK + 2, 0)
    asked = joined.queue[["left_number", "right_number"]].to_numpy().tolist()  # the date says nothing any more
    assert ["C1", "N00007"] in asked
    fewer = join(made_table(crowd(MOST_IN_BLOCK)))
    assert fewer.model.crowded == {} and sum(fewer.model.blocking.values()) >= MOST_IN_BLOCK * (MOST_IN_BLOCK - 1) // 2


def test_a_crowd_that_shares_names_too_is_not_looked_at_and_that_is_said(made_table):
    rows = crowd(MOST_IN_BLOCK + 1, forename="Ada", surname="Madeup")
    joined = join(made_table(rows))
    assert joined.model.crowded["equal birth date"] == (1, MOST_IN_BLOCK + 1, MOST_IN_BLOCK + 1)
    assert joined.records["cluster"].is_unique


def test_too_little_memory_is_refused_and_nothing_is_spilled_to_the_folder_one_stands_in(
    made_table, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(model, "MEMORY", "12MB")
    rows = [row | {"postcode": "ZZ1 4AB", "surname": f"S{n}"} for n, row in enumerate(crowd(400))]
    with pytest.raises(Refused, match="memory"):
        join(made_table([row | {"agency_person": f"{n}-{row['agency_person']}", "dob": f"19{50 + n}-01-02"}
                         for n in range(40) for row in rows]))  # fmt: skip
    assert list(tmp_path.iterdir()) == []
