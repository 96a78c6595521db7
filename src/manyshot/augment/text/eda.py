"""Easy data augmentation (Wei and Zou 2019)."""

from dataclasses import dataclass

import torch
from torch import Generator

from manyshot.augment.ops.combine import Layers, apply_layers, chosen
from manyshot.augment.ops.op import Op, Params
from manyshot.augment.text.delete import DeleteWords
from manyshot.augment.text.swap import SwapWords
from manyshot.augment.text.synonyms import InsertWords, Synonyms
from manyshot.augment.text.text_op import FractionOp


@dataclass(frozen=True)
class EDA(FractionOp):
    """Change each text by one of four ops: synonyms, insertion, swap or deletion of words (Wei and Zou 2019).

    The same as `oneof(synonyms insert_words swap_words delete_words)`, each with the same fraction; their descriptions
    say how they differ from the paper's. It needs `pip install "manyshot[text]"`.

    Args:
        fraction: Fraction of words that are changed, at least one word; the paper's alpha.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> params = EDA().sample(4, torch.Generator().manual_seed(0))
        >>> len(EDA().apply(["Where can I buy tea?"] * 4, params))
        4
    """

    fraction: float = 0.1

    @property
    def ops(self) -> tuple[Op, ...]:
        """The four ops."""
        return Synonyms(self.fraction), InsertWords(self.fraction), SwapWords(self.fraction), DeleteWords(self.fraction)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `choice [n]`, an index of one of the four ops, and `seed [n]`."""
        return {"choice": torch.randint(len(self.ops), (n,), generator=generator), **super().sample(n, generator)}

    def layers(self, params: Params) -> Layers:
        """One layer, in which each text goes through the op chosen for it."""
        seeds = {"seed": params["seed"]}
        return [[chosen(op, seeds, params["choice"] == index) for index, op in enumerate(self.ops)]]

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change each text by the op chosen for it."""
        result: list[str] = apply_layers(texts, self.layers(params))
        return result
