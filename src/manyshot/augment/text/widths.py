"""Full-width and half-width forms of letters, digits and punctuation."""

from dataclasses import dataclass

from manyshot.augment.ops.op import Params, check_choice
from manyshot.augment.text.text_op import TextOp, draw_numbers
from manyshot.augment.text.words import find_outside_protected, replace_matches

_ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
LETTERS = {character: chr(ord(character) + 0xFEE0) for character in _ALPHANUMERIC}
"""Full-width forms of letters and digits."""
SIGNS = {",": "，", "?": "？", "!": "！", ";": "；", ":": "：", "(": "（", ")": "）"}
"""Full-width forms of punctuation; the full stop is left out, since Chinese has another."""
HALF = {full: half for table in (LETTERS, SIGNS) for half, full in table.items()}
TABLES = {"letters": LETTERS, "punctuation": SIGNS, "half": HALF}


@dataclass(frozen=True)
class Widths(TextOp):
    """Write the letters and digits of each text full-width, or its punctuation, or everything half-width.

    Input methods do so where Chinese and Latin text are mixed. Addresses and placeholders stay.

    Args:
        to: "letters", "punctuation" or "half", or "any" for a random choice among those that change something.

    Raises:
        InputError: For another word.

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
        results = []
        for text, (number,) in zip(texts, draw_numbers(params["seed"], [1] * len(texts)), strict=True):
            variants = [self._write(text, TABLES[form]) for form in (TABLES if self.to == "any" else (self.to,))]
            choices = [other for other in variants if other != text] or [text]
            results.append(choices[int(number * len(choices))])
        return results

    def _write(self, text: str, table: dict[str, str]) -> str:
        matches = find_outside_protected(text, f"[{''.join(table)}]")
        return replace_matches(text, matches, [table[match.group()] for match in matches])
