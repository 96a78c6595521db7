"""Splitting a text into words and what stands between them; `"".join(parts)` is the text again."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from manyshot.augment.text.characters import (
    HAN,
    LETTERS,
    OTHER,
    PROTECTED,
    SEPARATORS,
    is_simple,
    marks,
    may_hold_protected,
)
from manyshot.augment.text.characters import other_letters as letters_of_other_scripts
from manyshot.augment.text.chinese_tools import is_han, segment

# No possessive groups: before Python 3.11.5 they take characters of a repetition that failed half-way.
_RUN = rf"(?<![{LETTERS}0-9_])[{LETTERS}]++(?:['’\-][{LETTERS}]++)*(?![0-9_]|['’\-][{LETTERS}])"
_ASCII = re.compile(r"(\b[A-Za-z]++(?:['\-][A-Za-z]++)*(?![0-9_]|['\-][A-Za-z]))")
_PLAIN = re.compile(rf"({_RUN}|[{HAN}]++)")
_WORDS_AND_SPACES = re.compile(r"[A-Za-z]++(?:[ '\-][A-Za-z]++)*[.?!]?")
_WITH_PROTECTED = re.compile(rf"{PROTECTED}|({_RUN}|[{HAN}]++)")


class Words(NamedTuple):
    """A text, split into words and what stands between them.

    Args:
        parts: What stands between words and words in turn, so that words have odd indices; parts may be empty.
        movable: Indices of words that may be moved or left out, and before which others may be inserted: nothing that
            must stay whole (an address, a placeholder, an emoji) touches them.
        simple: Whether all characters are simple.
    """

    parts: list[str]
    movable: Sequence[int]
    simple: bool

    @property
    def total(self) -> int:
        """The number of words."""
        return len(self.parts) // 2

    @property
    def indices(self) -> list[int]:
        """The indices of words whose characters are simple, so that each character may be changed."""
        words = range(1, len(self.parts), 2)
        return list(words) if self.simple else [index for index in words if OTHER.search(self.parts[index]) is None]


def split_words(text: str, segmented: bool = True) -> Words:
    """Split a text into words and what stands between them.

    A word is a run of letters with inner apostrophes or hyphens. A run of Han characters is segmented into words.
    Numbers, letters with digits, addresses, placeholders and emoji are not words: they stand between words.

    Args:
        text: A text of any length.
        segmented: Whether runs of Han characters are segmented, or left as they are.

    Raises:
        InputError: If Han characters are to be segmented and the package for it is not installed.

    Example:
        >>> split_words("Don't mail a@b.com, {name}!").parts
        ['', "Don't", ' ', 'mail', ' a@b.com, {name}!']
        >>> split_words("Mail a@b.com now").movable
        [1, 3]
        >>> split_words("今天天气真好。").parts
        ['', '今天天气', '', '真', '', '好', '。']
    """
    if _WORDS_AND_SPACES.fullmatch(text):
        end = text[-1] if text[-1] in ".?!" else ""
        words = text.removesuffix(end).split(" ")
        parts = [" "] * (2 * len(words) + 1)
        parts[1::2] = words
        parts[0], parts[-1] = "", end
        return Words(parts, range(1, len(parts), 2), True)
    simple = is_simple(text)
    if not simple:
        parts = _split(text, _full_pattern())
    elif may_hold_protected(text):
        parts = _split(text, _WITH_PROTECTED)
    else:
        parts = (_ASCII if text.isascii() else _PLAIN).split(text)
    if segmented and not text.isascii():
        parts = _segment_all(parts)
    return Words(parts, _movable(parts, simple), simple)


def find_outside_protected(text: str, pattern: str) -> list[re.Match[str]]:
    """The matches of a pattern in a text outside addresses, placeholders and characters with marks.

    Args:
        text: Any text.
        pattern: A regular expression that has only named groups and does not match the empty text.

    Example:
        >>> [match.start() for match in find_outside_protected("v2.5 of {7} costs 7", "[0-9]+")]
        [18]
    """
    return [match for match in _outside_protected(pattern, is_simple(text)).finditer(text) if match["hit"] is not None]


def replace_matches(text: str, matches: Iterable[re.Match[str]], replacements: Iterable[str]) -> str:
    """Replace matches, given in rising order, by other texts.

    Example:
        >>> replace_matches("a1b2", re.finditer("[0-9]", "a1b2"), ["#", "##"])
        'a#b##'
    """
    parts: list[str] = []
    end = 0
    for match, replacement in zip(matches, replacements, strict=True):
        parts += (text[end : match.start()], replacement)
        end = match.end()
    return "".join((*parts, text[end:]))


@cache
def _outside_protected(pattern: str, simple: bool) -> re.Pattern[str]:
    if simple:
        return re.compile(f"{PROTECTED}|(?P<hit>{pattern})")
    return re.compile(f"{PROTECTED}|.[{marks()}]++|(?P<hit>(?:{pattern})(?![{marks()}]))", re.DOTALL)


@cache
def _mark() -> re.Pattern[str]:
    return re.compile(f"[{marks()}]")


@cache
def _full_pattern() -> re.Pattern[str]:
    """Words in any script, with their marks; a Han character with a mark is not a word."""
    letter, mark = f"[{LETTERS}{letters_of_other_scripts()}]", f"[{marks()}]"
    run = rf"(?:{letter}{mark}*+)+"
    before = f"(?<![{LETTERS}{letters_of_other_scripts()}{marks()}0-9_])"
    after = rf"(?![0-9_]|{letter}|{mark}|['’\-]{letter})"
    return re.compile(rf"{PROTECTED}|({before}{run}(?:['’\-]{run})*{after}|(?:[{HAN}](?!{mark}))+)")


def _split(text: str, pattern: re.Pattern[str]) -> list[str]:
    parts: list[str] = []
    end = 0
    for match in pattern.finditer(text):
        if match.lastindex:
            parts += (text[end : match.start()], match.group())
            end = match.end()
    parts.append(text[end:])
    return parts


def _segment_all(parts: list[str]) -> list[str]:
    result = [parts[0]]
    for index in range(1, len(parts), 2):
        word = parts[index]
        if len(word) > 1 and is_han(word):
            for part in segment(word):
                result += (part, "")
            result[-1] = parts[index + 1]
        else:
            result += (word, parts[index + 1])
    return result


def _movable(parts: list[str], simple: bool) -> list[int]:
    movable, last = [], len(parts) - 1
    left = not parts[0] or parts[0][-1] in SEPARATORS
    for index in range(1, last, 2):
        between = parts[index + 1]
        if between == " ":
            right = following = True
        elif between:
            right = between[0] in SEPARATORS and (simple or _mark().match(between, 1) is None)
            following = between[-1] in SEPARATORS
        else:
            right = following = index + 1 == last or same_script(parts[index], parts[index + 2])
        if left and right:
            movable.append(index)
        left = following
    return movable


def same_script(word: str, other: str) -> bool:
    """Whether both words begin with a Han character, or neither does.

    Example:
        >>> same_script("天", "气"), same_script("天", "sky")
        (True, False)
    """
    return (word.isascii() and other.isascii()) or is_han(word) == is_han(other)
