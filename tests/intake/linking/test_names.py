"""Names made comparable: the same name in other letters, and names that are only alike."""

import pytest

from desist.intake.linking.names import alike, is_initial, likeness, short_forms, slips, sound, spelling, words


@pytest.mark.parametrize(("one", "other"), [
    ("Wojciech Łukasik", "WOJCIECH LUKASIK"), ("O'Brien", "OBRIEN"), ("Smith-Jones", "smith  jones"),
    ("Ştefănescu", "Stefanescu"), 
    ("مُحَمَّد", "محمد"), ("Иван ПЕТРОВ", "иван петров"),
    ("Mohd", "Mohammed"), ("D’Souza", "dsouza"), ("Al-Hassan", "al hassan"),
])  # fmt: skip
def test_case_accents_and_punctuation_make_no_other_name(one, other):
    assert words(one) == words(other)


@pytest.mark.parametrize(("one", "other"), [("महेश", "महश"), ("คำ", "คา"), ("কাজী", "কজ")])
def test_vowel_signs_of_other_alphabets_are_part_of_the_name(one, other):
    assert len(words(one)) == 1 and words(one) != words(other)


def test_one_sign_of_another_writing_is_a_name_and_one_latin_letter_an_initial():
    assert [is_initial(word) for (word,) in map(words, ("伟", "O", "Ł", "k"))] == [False, True, True, True]
    assert not alike("伟", "王")


@pytest.mark.parametrize("names", [
    ("mohammed", "muhammad", "mohamed", "mohamad"), ("hussein", "husain", "hussain"), ("rahman", "rehman"),
    ("chowdhury", "choudhry", "chaudhry"), ("yusuf", "youssef", "yousef"), ("krystyna", "kristina"),
])  # fmt: skip
def test_one_name_in_other_letters_sounds_alike(names):
    assert len({sound(name) for name in names}) == 1


@pytest.mark.parametrize(
    "names", [("ali", "aali", "alee", "alli"), ("adeel", "adil"), ("mia", "miah"), ("kan", "khan")]
)
def test_short_names_are_spelled_alike_without_doubled_letters_and_silent_h(names):
    assert len({spelling(name) for name in names}) == 1


@pytest.mark.parametrize(("one", "other"), [("hassan", "hussein"), ("alia", "aliyana"), ("jayden", "kayden")])
def test_names_that_twins_may_have_are_not_the_same_by_sound_or_spelling(one, other):
    assert sound(one) != sound(other) and spelling(one) != spelling(other)


def test_short_forms_are_known():
    assert "bob" in short_forms("robert") and alike("bob", "robert")
    assert not alike("albert", "edmund")  # Ed and Bert may be short forms of one name
    assert not alike("robert", "william")
    assert alike("j", "jonathan") and not alike("k", "jonathan")


def test_slips_count_one_change_and_nothing_beyond():
    assert [slips("19900517", other) for other in ("19900517", "19900571", "19900518", "1990051", "19900715")] == [
        0, 1, 1, 1, 2,
    ]  # fmt: skip


def test_likeness_is_jaro_winkler_as_published():
    # Source: Winkler 1990, table of examples.
    assert likeness("martha", "marhta") == pytest.approx(0.961, abs=0.001)
    assert likeness("dwayne", "duane") == pytest.approx(0.84, abs=0.001)
    assert likeness("abc", "xyz") == 0.0
