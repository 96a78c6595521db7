"""Chinese characters replaced by characters that sound or look alike."""

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from manyshot.augment.ops.op import Params
from manyshot.augment.text.characters import HAN
from manyshot.augment.text.chinese_tools import homophones, lookalikes
from manyshot.augment.text.text_op import FractionOp, count_of, draw_numbers, pick_distinct
from manyshot.augment.text.words import find_outside_protected, replace_matches


class ChineseCharOp(FractionOp):
    """An op that replaces a fraction of the Han characters of each text."""

    @abstractmethod
    def replacements(self) -> Mapping[str, str]:
        """The characters that each character may be replaced by."""

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed; of n Han characters, `max(1, fraction * n)` change."""
        characters = [[] if text.isascii() else find_outside_protected(text, f"[{HAN}]") for text in texts]
        table = self.replacements() if any(characters) else {}
        known = [[match for match in matches if match.group() in table] for matches in characters]
        counts = [
            min(count_of(self.fraction, len(all_)), len(some)) for all_, some in zip(characters, known, strict=True)
        ]
        drawn = draw_numbers(params["seed"], [2 * count for count in counts])
        return [_rewrite(text, some, table, numbers) for text, some, numbers in zip(texts, known, drawn, strict=True)]


@dataclass(frozen=True)
class Homophones(ChineseCharOp):
    """Replace random Han characters of each text by common ones of the same syllable, as people mistype in pinyin.

    The syllable is that of a character's most usual reading, whatever its tone. It needs
    `pip install "manyshot[chinese]"`.

    Args:
        fraction: Fraction of Han characters that are replaced, at least one.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> Homophones().apply(["今天天气真好，like it?"], {"seed": torch.tensor([1])})
        ['今天天气砧好，like it?']
    """

    fraction: float = 0.1

    def replacements(self) -> Mapping[str, str]:
        """The characters that sound alike."""
        return homophones()


@dataclass(frozen=True)
class Lookalikes(ChineseCharOp):
    """Replace random Han characters of each text by common ones that look alike, as optical recognition misreads them.

    Characters look alike if they differ in one component. It needs `pip install "manyshot[chinese]"`.

    Args:
        fraction: Fraction of Han characters that are replaced, at least one if any looks like another.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> Lookalikes().apply(["请坐，好吗？"], {"seed": torch.tensor([1])})
        ['请在，好吗？']
    """

    fraction: float = 0.1

    def replacements(self) -> Mapping[str, str]:
        """The characters that look alike."""
        return lookalikes()


def _rewrite(text: str, matches: list[re.Match[str]], table: Mapping[str, str], numbers: list[float]) -> str:
    if not numbers:
        return text
    count = len(numbers) // 2
    chosen = sorted(zip(pick_distinct(range(len(matches)), count, numbers), numbers[count:], strict=True))
    some = [matches[index] for index, _ in chosen]
    new = [table[m.group()][int(number * len(table[m.group()]))] for m, (_, number) in zip(some, chosen, strict=True)]
    return replace_matches(text, some, new)
