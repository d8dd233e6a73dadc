"""What definitions say of themselves, and what a register lets them be."""

import pytest

from desist.features.language import (
    age_at_as_of,
    count,
    days_since,
    days_since_first,
    decayed_count,
    distinct,
    duration,
    first,
    gap_between,
    has,
    is_open,
    mean,
    most_recent,
    rate_per_year_at_liberty,
    share,
    sum,
    trend,
    where,
    worst,
)
from desist.features.refusals import approval_needed
from desist.features.register import Feature, Register
from desist.features.vocabulary import (
    appointments,
    custody,
    enforcement,
    needs,
    offences,
    programmes,
    release_from_custody,
    sanctions,
    supervision,
    treatment_episode,
    violent,
)
from desist.records.errors import Refused

# in words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("definition", "words", "missing"),
    [
        (sum(needs.drugs, within="2y"),
         "sum of drugs need score over assessments of need in the 2 years before the as-of date",
         "0 where there is none; missing where no probation record of the person is shared"),
        (mean(offences.where(violent).severity, within="1y"),
         "mean severity band of proven offences that are violent in the year before the as-of date",
         "missing where none is known; missing where no police record of the person is shared"),
        (first(needs.drugs, within="3y"),
         "first drugs need score of assessments of need in the 3 years before the as-of date",
         "missing where none is recorded; missing where no probation record of the person is shared"),
        (most_recent(offences.where(offences.severity.at_least(3)).violent, within="1y"),
         "whether the most recent proven offence whose severity band is at least 3 is violent, where that is known, "
         "in the year before the as-of date",
         "missing where none is recorded (not assessed); missing where no police record of the person is shared"),
        (most_recent(needs.where(needs.section.one_of("drugs", "alcohol")).score, within="1y"),
         "most recent need score of assessments of need whose section is drugs or alcohol in the year before the "
         "as-of date",
         "missing where none is recorded (not assessed); missing where no probation record of the person is shared"),
        (trend(offences, within="2y"),
         "number of proven offences in the later half of the window less that in the earlier half, in the 2 years "
         "before the as-of date",
         "missing where no police record of the person is shared"),
        (duration(custody, within="2y"),
         "days spent in spells in custody in the 2 years before the as-of date",
         "missing where prison data is not shared"),
        (gap_between(appointments, within="1y"),
         "days between the last two days with an appointment in the year before the as-of date",
         "missing where there are fewer than two; missing where no probation record of the person is shared"),
        (gap_between(custody, programmes, within="1y"),
         "days from the last spell in custody to the first programme on that day or after it, in the year before the "
         "as-of date",
         "missing where there is none, or nothing followed; missing where prison data is not shared or where no "
         "council record of the person is shared"),
        (decayed_count(offences, half_life="1y", within="5y"),
         "number of proven offences in the 5 years before the as-of date, each counting half as much for every year "
         "gone by",
         "missing where no police record of the person is shared"),
        (decayed_count(offences, half_life="18m", within="5y"),
         "number of proven offences in the 5 years before the as-of date, each counting half as much for every 18 "
         "months gone by",
         "missing where no police record of the person is shared"),
        (rate_per_year_at_liberty(offences.where(violent), custody=custody, within="5y"),
         "proven offences that are violent, as a rate per year at liberty, in the 5 years before the as-of date",
         "missing with fewer than 91 days at liberty; missing where no police record of the person is shared or where "
         "prison data is not shared"),
        (count(offences, within="1y") / count(offences, within="5y"),
         "number of proven offences in the year before the as-of date, divided by the number of proven offences in "
         "the 5 years before the as-of date",
         "missing where the divisor is 0; missing where no police record of the person is shared"),
        ((count(offences, within="1y") * 2 + 1).at_least(3),
         "whether ((number of proven offences in the year before the as-of date, times 2), plus 1) is at least 3",
         "missing where no police record of the person is shared"),
        (where(count(custody, within="1y").at_least(1), days_since(offences, within="1y"), 365),
         "days since the last proven offence in the year before the as-of date if the number of spells in custody in "
         "the year before the as-of date is at least 1, otherwise 365",
         "missing where prison data is not shared; missing where there is none; missing where no police record of "
         "the person is shared"),
        (is_open(supervision, within="1y"),
         "whether a spell of supervision is open on the as-of date, begun in the year before the as-of date",
         "missing where no probation record of the person is shared"),
        (distinct(offences.violent, within="1y"),
         "number of different answers to whether a row is violent, of proven offences in the year before the as-of "
         "date",
         "missing where no police record of the person is shared"),
        (worst(needs.where(needs.linked_reoffending).drugs, within="1y"),
         "highest drugs need score of assessments of need that are linked to reoffending in the year before the "
         "as-of date",
         "0 where there is none; missing where no probation record of the person is shared"),
    ],
)  # fmt: skip
def test_every_function_says_itself_and_its_missing_in_words(definition, words, missing):
    assert definition.in_words() == words
    assert definition.missing_in_words() == missing


def test_two_spellings_of_a_number_have_one_json():
    assert (count(offences) * 2).to_json() == (count(offences) * 2.0).to_json()
    assert count(offences).at_least(2).to_json() == count(offences).at_least(2.0).to_json()
    assert where(has(custody), count(offences), 1).to_json() == where(has(custody), count(offences), 1.0).to_json()
    one, other = (offences.where(offences.severity.at_least(number)).to_json() for number in (4, 4.0))
    assert repr(one) == repr(other)


# what a register makes of them -------------------------------------------------------------------------------------


def feature(definition, **changes):
    given = {"family": "sanctions", "justification": "Linked with reoffending in studies."}
    phrases = {"raises": "{value}", "lowers": "{value}"}
    return Feature("made_up", definition, **(given | phrases | changes))


@pytest.mark.parametrize(
    "definition",
    [
        days_since(treatment_episode),
        gap_between(release_from_custody, treatment_episode),
        trend(treatment_episode),
        count(treatment_episode) - count(treatment_episode, within="1y"),
        count(treatment_episode) / count(treatment_episode, within="1y"),
        count(treatment_episode) * -1,
        count(treatment_episode) + 1,  # unknown help would score worse than none
        count(treatment_episode).at_most(2),
        count(treatment_episode).at_least(0),
        where(has(treatment_episode), count(treatment_episode), 0),
        mean(needs.drugs) * 0 + count(treatment_episode),
    ],
)  # fmt: skip
def test_help_seeking_is_measured_by_what_only_grows_from_nothing(definition):
    asked = feature(definition, help_seeking=True, sign=-1, missing_as=0.0, family="treatment")
    with pytest.raises(Refused, match=r"only grows with it, from 0"):
        Register((asked,))


@pytest.mark.parametrize(
    "definition",
    [
        count(treatment_episode),
        duration(treatment_episode),
        decayed_count(treatment_episode, half_life="1y"),
        count(treatment_episode) + count(programmes),
        count(treatment_episode) * 2,
        count(treatment_episode).at_least(2),
    ],
)
def test_help_seeking_measures_that_only_grow_are_allowed(definition):
    asked = feature(definition, help_seeking=True, sign=-1, missing_as=0.0, family="treatment")
    assert Register((asked,)).names == ("made_up",)


def test_help_is_not_mixed_with_other_records():
    mixed = feature(count(treatment_episode) + count(offences), help_seeking=True, sign=-1, missing_as=0.0)
    with pytest.raises(Refused, match="mixed with other records"):
        Register((mixed,))


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        (days_since_first(sanctions) - days_since(sanctions), "near to age"),
        (where(has(offences), days_since_first(offences), 0), "near to age"),
        (age_at_as_of() * 2, "protected characteristic"),
        (where(age_at_as_of().at_least(25), count(offences), 0), "protected characteristic"),
        (count(offences) / count(enforcement), "closely a person is supervised"),
        (count(appointments) - count(appointments.where(appointments.kept.is_no())), "missed appointments"),
        (count(appointments) - count(appointments.where(appointments.kept)), "how many were missed"),
        (share(appointments.kept, of=appointments).at_most(0.5), "how many were missed"),
    ],
)
def test_what_needs_a_boards_approval_needs_it_inside_a_combination_too(definition, why):
    assert why in approval_needed(definition)
    with pytest.raises(Refused, match="approval_needed"):
        Register((feature(definition),))
