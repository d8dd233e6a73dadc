import itertools

from desist.records.codes import AGE_BANDS, ETHNICITY_5, offences


def test_breaches_and_repealed_offences_do_not_count():
    assert [code for code, offence in offences().items() if not offence.counts] == ["00001", "01809"]


def test_robbery_and_burglary_of_a_home_are_serious_and_theft_from_a_shop_is_not():
    bands = {code: offences()[code].band for code in ("03401", "02803", "04600", "00101")}
    assert bands == {"03401": 4, "02803": 4, "04600": 2, "00101": 5}


def test_every_band_lies_between_one_and_five():
    assert {offence.band for offence in offences().values()} == {1, 2, 3, 4, 5}


def test_legacy_chinese_and_every_code_for_gypsy_or_irish_traveller_fall_in_one_group():
    assert ETHNICITY_5["A4"] == ETHNICITY_5["O1"] == "Asian"
    assert {ETHNICITY_5[code] for code in ("W3", "W4", "W8")} == {"White"}
    assert ETHNICITY_5["MERGE"] == "Not stated"


def test_age_bands_follow_one_another_from_eighteen():
    assert AGE_BANDS[0][0] == 18
    assert all(low == high + 1 for (_, high), (low, _) in itertools.pairwise(AGE_BANDS))
