"""Full-width forms and half-width ones, of letters, digits and punctuation."""

from dataclasses import dataclass

from manyshot.augment.ops.op import Params, check_choice
from manyshot.augment.text.text_op import TextOp, draws
from manyshot.augment.text.words import found_outside_kept, replaced

_ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
LETTERS = {character: chr(ord(character) + 0xFEE0) for character in _ALPHANUMERIC}
"""Full-width forms of letters and digits."""
SIGNS = {",": "，", "?": "？", "!": "！", ";": "；", ":": "：", "(": "（", ")": "）"}
"""Full-width forms of punctuation; the full stop is left out, since Chinese has another."""
HALF = {full: half for table in (LETTERS, SIGNS) for half, full in table.items()}
TABLES = {"letters": LETTERS, "punctuation": SIGNS, "half": HALF}


@dataclass(frozen=True)
class Widths(TextOp):
    """Write letters and digits of each text full-width, or its punctuation, or all of it half-width.

    As input methods do where Chinese and Latin stand side by side. Addresses and placeholders stay.

    Args:
        to: letters, punctuation or half, to leave no choice; or any, a choice among those that change something.

    Raises:
        InputError: for another word.

    Example:
        >>> import torch
        >>> Widths("letters").apply(["我有3个A, {n}"], {"seed": torch.tensor([1])})
        ['我有３个Ａ, {n}']
    """

    to: str = "any"

    def __post_init__(self) -> None:
        check_choice(self, "to", (*TABLES, "any"))

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed."""
        changed = []
        for text, (number,) in zip(texts, draws(params["seed"], [1] * len(texts)), strict=True):
            written = [self._written(text, way) for way in (TABLES if self.to == "any" else (self.to,))]
            choices = [other for other in written if other != text] or [text]
            changed.append(choices[int(number * len(choices))])
        return changed

    def _written(self, text: str, way: str) -> str:
        table = TABLES[way]
        matches = found_outside_kept(text, f"[{''.join(table)}]")
        return replaced(text, matches, [table[match.group()] for match in matches])
