"""Other numbers, where the class allows it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.text.dates import PATTERN
from manyshot.augment.text.text_op import TextOp, draws, pick, portion
from manyshot.augment.text.words import found_outside_kept, replaced

_NUMBER = r"(?<![\w.,/:\-])[0-9]++(?:,[0-9]{3})*(?:\.[0-9]++)?(?![\w@/:]|[.,\-][0-9])"


@dataclass(frozen=True)
class Numbers(TextOp):
    """Replace random numbers of each text by others of as many digits: only where a class does not hang on them.

    Commas, points and zeros in front keep their places: `1,250.50` may become `7,316.84`. Dates and times, numbers
    with letters (`4th`, `A4`), and those in addresses and placeholders are left alone.

    Args:
        share: of a text's numbers that change; at least one does.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> Numbers().apply(["Send 1,250.50 to v2.5 at 12:30"], {"seed": torch.tensor([1])})
        ['Send 5,198.72 to v2.5 at 12:30']
    """

    share: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed."""
        found = [_numbers(text) for text in texts]
        counts = [len(matches) + sum(len(match.group()) for match in matches) for matches in found]
        drawn = draws(params["seed"], counts)
        return [self._changed(*each) for each in zip(texts, found, drawn, strict=True)]

    def _changed(self, text: str, matches: list[re.Match[str]], numbers: list[float]) -> str:
        chosen = pick(range(len(matches)), portion(self.share, len(matches)), numbers)
        left = iter(numbers[len(matches) :])
        others = [_another(m.group(), left) if place in chosen else m.group() for place, m in enumerate(matches)]
        return replaced(text, matches, others)


def _numbers(text: str) -> list[re.Match[str]]:
    """The numbers of a text that are in no date."""
    dates = [match.span() for match in found_outside_kept(text, PATTERN)]
    found = found_outside_kept(text, _NUMBER)
    return [match for match in found if not any(start <= match.start() < end for start, end in dates)]


def _another(number: str, draws: Iterator[float]) -> str:
    """A number written like this one, and not the same."""
    digits = []
    for place, character in enumerate(number):
        draw = next(draws)
        low = 1 if place == 0 and character != "0" else 0
        zero_in_front = character == "0" and not number[:place].strip("0") and place + 1 < len(number)
        digits.append(character if not character.isdigit() or zero_in_front else str(low + int(draw * (10 - low))))
    if "".join(digits) == number:
        digits[-1] = str((int(digits[-1]) + 1) % 10) if len(number) > 1 else str(int(digits[-1]) % 9 + 1)
    return "".join(digits)
