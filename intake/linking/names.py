"""Names made comparable: case, accents and punctuation, short forms, and the same name in other letters.

Nothing here decides that two people are one: it only makes "Wojciech Łukasik", "WOJCIECH LUKASIK" and
"Mohd Hussein", "Muhammad Hussain" comparable, whatever alphabet a name came from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set
from functools import cache

#: Letters that Unicode does not take apart into a plain letter and an accent.
_LETTERS = str.maketrans({
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h",
    "’": "", "'": "", "`": "", "ʼ": "", "ʻ": "", "‘": "", ".": "",
})  # fmt: skip
#: Latin letters lose their accents, Hebrew and Arabic ones their points, which are written or not. The signs of other
#: writings (vowels of Devanagari, Thai) are part of the name.
_LAST_LATIN, _FIRST_POINTED, _LAST_POINTED = "\u0370", "\u0590", "\u0700"
#: Written short forms that no list of nicknames holds.
_WRITTEN_SHORT = {"mohd": "mohammed", "muhd": "mohammed", "mhd": "mohammed", "md": "mohammed"}
_SOUNDS = (
    ("sch", "s"), ("tsch", "s"), ("cz", "s"), ("sz", "s"), ("sh", "s"), ("ch", "s"), ("ph", "f"), ("ck", "k"),
    ("ce", "se"), ("ci", "si"), ("cy", "si"), ("c", "k"), ("q", "k"), ("x", "ks"), ("z", "s"),
)  # fmt: skip
_LONG_U = re.compile(r"[ao][uw](?![aeiouy])|ou|oo")
_SILENT_H = re.compile(r"(?<=[^aeiouy])h|(?<!^)h(?![aeiouy])")
_VOWELS = str.maketrans({"e": "a", "o": "u", "y": "i"})
#: Shorter sounds stand for too many names to say anything ("jan": Jan, Jane, Jean).
LEAST_SOUND = 4
#: From which likeness (Jaro-Winkler) on two spellings may be one name where an identifier is shared.
ALIKE = 0.8
#: From which on they are one name where it is all that tells two people of one forename and address apart.
ONE_NAME = 0.92


@cache
def words(text: str) -> tuple[str, ...]:
    """The words of a name in plain small letters: no accents, apostrophes or hyphens."""
    kept: list[str] = []
    accented = False
    for sign in unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS)):
        if unicodedata.category(sign) in ("Mn", "Mc"):
            kept += [] if accented else [sign]
        else:
            accented = sign < _LAST_LATIN or _FIRST_POINTED < sign < _LAST_POINTED
            kept.append(sign if sign.isalpha() else " ")
    return tuple(_WRITTEN_SHORT.get(word, word) for word in "".join(kept).translate(_LETTERS).split())


def is_initial(word: str) -> bool:
    """Whether a word is one letter that stands for a name. One sign of another writing may be a whole name."""
    return len(word) == 1 and word < _LAST_LATIN


def _heard(name: str) -> str:
    """The letters of a name as they are heard, in one way of writing."""
    for written, heard in _SOUNDS:
        name = name.replace(written, heard)
    return _SILENT_H.sub("", _LONG_U.sub("u", name).replace("w", "v"))


@cache
def sound(name: str) -> str:
    """What stays of a name in whichever letters it was written: its consonants and its first vowel, roughly.

    "mohammed", "muhammad" and "mohamed" are one; so are "hussein" and "husain", "chowdhury" and "chaudhry". The first
    vowel stays because twins are often called Hassan and Hussein.
    """
    text = _heard(name)
    found = re.search(r"[aeiou]|(?<!^)y", text)
    if found is None:
        return re.sub(r"(.)\1+", r"\1", text)
    before, vowel, after = text[: found.start()], found[0].translate(_VOWELS), text[found.end() :]
    return re.sub(r"(.)\1+", r"\1", before + vowel + re.sub(r"[aeiouy]", "", after))


@cache
def spelling(name: str) -> str:
    """The name without what scribes add and leave out: doubled letters, a silent h, y for i, ee for i.

    Less is thrown away than in ``sound``, so it holds for short names too: "ali", "aali" and "alee"; "mia" and "miah".
    """
    text = _heard(name)
    text = text[:1] + re.sub(r"ee|ea|ie|iy|ey|y", "i", text[1:])
    return re.sub(r"(.)\1+", r"\1", text)


@cache
def _nicknames() -> dict[str, set[str]]:
    from nicknames import NickNamer

    listed: dict[str, set[str]] = NickNamer().nickname_lookup
    return listed


@cache
def short_forms(name: str) -> frozenset[str]:
    """The short forms that the package ``nicknames`` lists for a name.

    Only a name and its own short form are taken for one, never two short forms of a third: the list is loose enough
    to make one of Robert and William by way of Bill.
    """
    return frozenset(_nicknames().get(name, ()))


@cache
def _listed() -> frozenset[str]:
    lookup = _nicknames()
    return frozenset(lookup) | frozenset(name for names in lookup.values() for name in names)


def is_listed(name: str) -> bool:
    """Whether the package ``nicknames`` knows it as a name: then it is nobody's slip for another name it knows."""
    return name in _listed()


@cache
def alike(one: str, other: str) -> bool:
    """Whether two words may be one name: equal, a short form, the same sounds, or a few slips of the pen.

    An initial fits every name that it begins.
    """
    if not one or not other or one == other:
        return True
    if is_initial(one) or is_initial(other):
        return one[0] == other[0]
    if one in short_forms(other) or other in short_forms(one):
        return True
    if spelling(one) == spelling(other):
        return True
    heard = sound(one)
    if len(heard) >= LEAST_SOUND and heard == sound(other):
        return True
    return likeness(one, other) >= ALIKE


@cache
def one_name(one: str, other: str) -> bool:
    """Whether two words are one name written by two clerks: closer than ``alike``, for Hasan and Hussain are brothers.

    A word that begins another is taken for it (Abdul, Abdulrahman), and so is an initial.
    """
    if one.startswith(other) or other.startswith(one) or one in short_forms(other) or other in short_forms(one):
        return True
    heard = sound(one)
    same = spelling(one) == spelling(other) or (len(heard) >= LEAST_SOUND and heard == sound(other))
    slip = min(len(one), len(other)) >= LEAST_SOUND and slips(one, other) <= 1
    return same or slip or likeness(one, other) >= ONE_NAME


def any_alike(ones: Set[str] | tuple[str, ...], others: Set[str] | tuple[str, ...]) -> bool:
    """Whether any word of one person's names may be one of another's; True where either has none."""
    return not ones or not others or any(alike(one, other) for one in ones for other in others)


@cache
def slips(one: str, other: str) -> int:
    """Fewest letters put in, left out, changed, or swapped with their neighbour, that make one of the other; 2 at most.

    More than one is told as two: who asks only wants to know whether it may be a slip.
    """
    if one == other:
        return 0
    if abs(len(one) - len(other)) > 1:
        return 2
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    fixed = a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
    return 1 if fixed else 2


@cache
def likeness(one: str, other: str) -> float:
    """Jaro-Winkler similarity of two words, from 0 to 1."""
    reach = max(len(one), len(other)) // 2 - 1
    taken = [False] * len(other)
    matched = []
    for place, letter in enumerate(one):
        for there in range(max(0, place - reach), min(len(other), place + reach + 1)):
            if not taken[there] and other[there] == letter:
                taken[there] = True
                matched.append(letter)
                break
    if not matched:
        return 0.0
    found = [letter for letter, used in zip(other, taken, strict=True) if used]
    swapped = sum(a != b for a, b in zip(matched, found, strict=True)) / 2
    jaro = (len(matched) / len(one) + len(matched) / len(other) + (len(matched) - swapped) / len(matched)) / 3
    shared = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return jaro + min(shared, 4) * 0.1 * (1 - jaro)
