"""Other numbers, for classes that do not depend on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from manyshot.augment.ops.op import Params
from manyshot.augment.text.characters import HAN
from manyshot.augment.text.dates import PATTERN, TIMES
from manyshot.augment.text.text_op import FractionOp, count_of, draw_numbers, pick_distinct
from manyshot.augment.text.words import find_outside_protected, replace_matches

_LETTER = rf"[^\W{HAN}]"
_NUMBER = rf"(?<!{_LETTER})(?<![.,/:\-])[0-9]++(?:,[0-9]{{3}})*(?:\.[0-9]++)?(?!{_LETTER}|[@/:]|[.,\-][0-9])"


@dataclass(frozen=True)
class Numbers(FractionOp):
    """Replace random numbers of each text by numbers with as many digits.

    Only for classes that do not depend on the numbers. Commas, points and leading zeros stay: `1,250.50` may become
    `7,316.84`, and 3个 may become 8个. Dates, years and times (`17 Jan`, `in 1999`, `10 am`, 5月3日), numbers with
    letters (`4th`, `A4`), and numbers in addresses and placeholders are left alone.

    Args:
        fraction: Fraction of a text's numbers that are replaced, at least one.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> Numbers().apply(["Send 1,250.50 to v2.5 at 12:30"], {"seed": torch.tensor([1])})
        ['Send 5,198.72 to v2.5 at 12:30']
    """

    fraction: float = 1.0

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed."""
        matches = [_numbers(text) for text in texts]
        counts = [len(some) + sum(len(match.group()) for match in some) for some in matches]
        drawn = draw_numbers(params["seed"], counts)
        return [self._rewrite(*each) for each in zip(texts, matches, drawn, strict=True)]

    def _rewrite(self, text: str, matches: list[re.Match[str]], numbers: list[float]) -> str:
        chosen = pick_distinct(range(len(matches)), count_of(self.fraction, len(matches)), numbers)
        left = iter(numbers[len(matches) :])
        others = [_other_number(m.group(), left) if index in chosen else m.group() for index, m in enumerate(matches)]
        return replace_matches(text, matches, others)


def _numbers(text: str) -> list[re.Match[str]]:
    """The numbers of a text that are not part of a date."""
    if not any("0" <= character <= "9" for character in text):
        return []
    kept: set[int] = set()
    for pattern in (PATTERN, TIMES):
        for match in find_outside_protected(text, pattern):
            kept.update(range(*match.span()))
    return [match for match in find_outside_protected(text, _NUMBER) if match.start() not in kept]


def _other_number(number: str, draws: Iterator[float]) -> str:
    """Another number of the same form."""
    digits = []
    for index, character in enumerate(number):
        draw = next(draws)
        low = 1 if index == 0 and character != "0" else 0
        is_leading_zero = character == "0" and not number[:index].strip("0") and index + 1 < len(number)
        digits.append(character if not character.isdigit() or is_leading_zero else str(low + int(draw * (10 - low))))
    if "".join(digits) == number:
        digits[-1] = str((int(digits[-1]) + 1) % 10) if len(number) > 1 else str(int(digits[-1]) % 9 + 1)
    return "".join(digits)
