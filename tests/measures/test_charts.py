"""A chart is drawn from the texts of its table."""

import pytest

from desist.measures.charts import Drawn, bars, drawn, number_of


@pytest.mark.parametrize(
    ("text", "number"),
    [("1,235", 1235.0), ("31%", 0.31), ("+7", 0.07), ("−3", -0.03), ("−0.12", -0.12), ("0.71", 0.71), ("0", 0.0),
     ("[low]", 0.0), ("[c]", None), ("[x]", None), ("[z]", None), ("", None)],
)
def test_a_chart_reads_numbers_as_the_table_writes_them(text, number):
    assert number_of(text) == number


def test_a_cell_that_is_no_number_cannot_be_drawn():
    with pytest.raises(ValueError, match="no number and no marker"):
        number_of("a few")


def test_a_hidden_value_draws_nothing_even_where_a_range_was_left_beside_it():
    assert drawn([("Mixed", "[c]", "4% to 30%")]) == (
        Drawn("Mixed", None, None, None, "hidden, because so few people could be recognised"),)
    assert drawn([("Asian", "12%", "10% to 14%")]) == (Drawn("Asian", 0.12, 0.10, 0.14),)


def test_bars_are_as_high_as_the_rounded_counts():
    assert [bar.value for bar in bars({"drugs": "40", "alcohol": "[c]"})] == [40.0, None]
