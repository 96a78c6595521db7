"""Chinese characters in the place of others: that sound alike, or look alike."""

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.text.characters import HAN
from manyshot.augment.text.chinese import homophones, lookalikes
from manyshot.augment.text.text_op import TextOp, draws, pick, portion
from manyshot.augment.text.words import found_outside_kept, replaced


class CharacterOp(TextOp):
    """An op that replaces some Han characters of each text; every one has the option `share`."""

    share: float

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)

    @abstractmethod
    def table(self) -> Mapping[str, str]:
        """What each character may be replaced by."""

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed; of n Han characters, `max(1, share n)` change."""
        found = [[] if text.isascii() else found_outside_kept(text, f"[{HAN}]") for text in texts]
        table = self.table() if any(found) else {}
        known = [[match for match in matches if match.group() in table] for matches in found]
        counts = [min(portion(self.share, len(all_)), len(some)) for all_, some in zip(found, known, strict=True)]
        drawn = draws(params["seed"], [2 * count for count in counts])
        return [_changed(text, some, table, numbers) for text, some, numbers in zip(texts, known, drawn, strict=True)]


@dataclass(frozen=True)
class Homophones(CharacterOp):
    """Replace random Han characters of each text by common ones of the same syllable, as people mistype by pinyin.

    The syllable is that of a character's most usual reading, whatever its tone. It needs
    `pip install "manyshot[chinese]"`.

    Args:
        share: of Han characters that are replaced; at least one is.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> Homophones().apply(["今天天气真好，like it?"], {"seed": torch.tensor([1])})
        ['今天天气砧好，like it?']
    """

    share: float = 0.1

    def table(self) -> Mapping[str, str]:
        """What sounds alike."""
        return homophones()


@dataclass(frozen=True)
class Lookalikes(CharacterOp):
    """Replace random Han characters of each text by common ones that look alike, as optical recognition misreads them.

    Alike are characters that are the same but for one component. It needs `pip install "manyshot[chinese]"`.

    Args:
        share: of Han characters that are replaced; at least one is, if any has one that looks like it.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> Lookalikes().apply(["请坐，好吗？"], {"seed": torch.tensor([1])})
        ['请在，好吗？']
    """

    share: float = 0.1

    def table(self) -> Mapping[str, str]:
        """What looks alike."""
        return lookalikes()


def _changed(text: str, matches: list[re.Match[str]], table: Mapping[str, str], numbers: list[float]) -> str:
    if not numbers:
        return text
    count = len(numbers) // 2
    chosen = sorted(zip(pick(range(len(matches)), count, numbers), numbers[count:], strict=True))
    some = [matches[place] for place, _ in chosen]
    new = [table[m.group()][int(number * len(table[m.group()]))] for m, (_, number) in zip(some, chosen, strict=True)]
    return replaced(text, some, new)
