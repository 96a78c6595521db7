"""A text as words and what stands between them, which is never taken apart: `"".join(parts)` is the text."""

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from manyshot.augment.text.characters import HAN, KEPT, LETTERS, OTHER, PARTING, is_simple, marks, may_hold_kept
from manyshot.augment.text.characters import other_letters as letters_of_other_scripts
from manyshot.augment.text.chinese import is_han, segment

# No possessive groups: before Python 3.11.5 they take characters of a repetition that failed half-way.
_RUN = rf"(?<![{LETTERS}0-9_])[{LETTERS}]++(?:['’\-][{LETTERS}]++)*(?![0-9_]|['’\-][{LETTERS}])"
_ASCII = re.compile(r"(\b[A-Za-z]++(?:['\-][A-Za-z]++)*(?![0-9_]|['\-][A-Za-z]))")
_PLAIN = re.compile(rf"({_RUN}|[{HAN}]++)")
_WITH_KEPT = re.compile(rf"{KEPT}|({_RUN}|[{HAN}]++)")


class Words(NamedTuple):
    """A text, taken apart.

    Args:
        parts: what stands between words and words in turn; words are at the odd places, and parts may be empty.
        free: the odd places of words that may be moved or left out, and before which others may be put in: nothing
            that must stay whole (an address, a placeholder, an emoji) touches them.
        simple: whether all characters are simple.
    """

    parts: list[str]
    free: list[int]
    simple: bool

    @property
    def total(self) -> int:
        """How many words there are."""
        return len(self.parts) // 2

    @property
    def places(self) -> list[int]:
        """The places of words whose characters are simple, so that each may be changed."""
        found = range(1, len(self.parts), 2)
        return list(found) if self.simple else [place for place in found if OTHER.search(self.parts[place]) is None]


def words_of(text: str, segmented: bool = True) -> Words:
    """Take a text apart.

    A word is a run of letters with inner apostrophes or hyphens. A run of Han characters is segmented into words.
    Numbers, letters with digits, addresses, placeholders and emoji are no words: they stand between words.

    Args:
        text: of any length.
        segmented: whether runs of Han characters are segmented, or left as they are.

    Raises:
        InputError: if Han characters are to be segmented and the package for it is not there.

    Example:
        >>> words_of("Don't mail a@b.com, {name}!").parts
        ['', "Don't", ' ', 'mail', ' a@b.com, {name}!']
        >>> words_of("Mail a@b.com now").free
        [1, 3]
        >>> words_of("今天天气真好。").parts
        ['', '今天天气', '', '真', '', '好', '。']
    """
    plain = _plain_words(text)
    if plain:
        parts = [" "] * (2 * len(plain) + 1)
        parts[1::2] = plain
        parts[0] = parts[-1] = ""
        return Words(parts, list(range(1, len(parts), 2)), True)
    simple = is_simple(text)
    if not simple:
        parts = _taken_apart(text, _full_pattern())
    elif may_hold_kept(text):
        parts = _taken_apart(text, _WITH_KEPT)
    else:
        parts = (_ASCII if text.isascii() else _PLAIN).split(text)
    if segmented and not text.isascii():
        parts = _segmented(parts)
    return Words(parts, _free(parts, simple), simple)


def found_outside_kept(text: str, pattern: str) -> list[re.Match[str]]:
    """Where a pattern matches in a text, but for addresses, placeholders and characters with marks.

    Args:
        text: any.
        pattern: with named groups alone; it must not match nothing.

    Example:
        >>> [match.start() for match in found_outside_kept("v2.5 of {7} costs 7", "[0-9]+")]
        [18]
    """
    return [match for match in _outside_kept(pattern, is_simple(text)).finditer(text) if match["found"] is not None]


def replaced(text: str, matches: Iterable[re.Match[str]], replacements: Iterable[str]) -> str:
    """A text with others in the place of matches, which are in rising order.

    Example:
        >>> replaced("a1b2", re.finditer("[0-9]", "a1b2"), ["#", "##"])
        'a#b##'
    """
    parts: list[str] = []
    end = 0
    for match, replacement in zip(matches, replacements, strict=True):
        parts += (text[end : match.start()], replacement)
        end = match.end()
    return "".join((*parts, text[end:]))


def _plain_words(text: str) -> list[str]:
    """The words of a text of ASCII letters and single spaces alone, which many are; none if it holds anything else."""
    if not (text.isascii() and text.replace(" ", "").isalpha()):
        return []
    words = text.split(" ")
    return [] if "" in words else words


@cache
def _outside_kept(pattern: str, simple: bool) -> re.Pattern[str]:
    if simple:
        return re.compile(f"{KEPT}|(?P<found>{pattern})")
    return re.compile(f"{KEPT}|.[{marks()}]++|(?P<found>(?:{pattern})(?![{marks()}]))", re.DOTALL)


@cache
def _mark() -> re.Pattern[str]:
    return re.compile(f"[{marks()}]")


@cache
def _full_pattern() -> re.Pattern[str]:
    """Words in any script, with their marks; a Han character with a mark is none."""
    letter, mark = f"[{LETTERS}{letters_of_other_scripts()}]", f"[{marks()}]"
    run = rf"(?:{letter}{mark}*+)+"
    before = f"(?<![{LETTERS}{letters_of_other_scripts()}{marks()}0-9_])"
    after = rf"(?![0-9_]|{letter}|{mark}|['’\-]{letter})"
    return re.compile(rf"{KEPT}|({before}{run}(?:['’\-]{run})*{after}|(?:[{HAN}](?!{mark}))+)")


def _taken_apart(text: str, pattern: re.Pattern[str]) -> list[str]:
    parts: list[str] = []
    end = 0
    for match in pattern.finditer(text):
        if match.lastindex:
            parts += (text[end : match.start()], match.group())
            end = match.end()
    parts.append(text[end:])
    return parts


def _segmented(parts: list[str]) -> list[str]:
    result = [parts[0]]
    for place in range(1, len(parts), 2):
        word = parts[place]
        if len(word) > 1 and is_han(word):
            for part in segment(word):
                result += (part, "")
            result[-1] = parts[place + 1]
        else:
            result += (word, parts[place + 1])
    return result


def _free(parts: list[str], simple: bool) -> list[int]:
    free, last = [], len(parts) - 1
    left = not parts[0] or parts[0][-1] in PARTING
    for place in range(1, last, 2):
        between = parts[place + 1]
        if between == " ":
            right = following = True
        elif between:
            right = between[0] in PARTING and (simple or _mark().match(between, 1) is None)
            following = between[-1] in PARTING
        else:
            right = following = place + 1 == last or same_script(parts[place], parts[place + 2])
        if left and right:
            free.append(place)
        left = following
    return free


def same_script(word: str, other: str) -> bool:
    """Whether both words begin with a Han character, or neither does.

    Example:
        >>> same_script("天", "气"), same_script("天", "sky")
        (True, False)
    """
    return is_han(word) == is_han(other)
