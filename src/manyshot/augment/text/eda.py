"""Easy data augmentation (Wei and Zou 2019)."""

from dataclasses import dataclass

import torch
from torch import Generator

from manyshot.augment.ops.combine import Layers, apply_layers, chosen
from manyshot.augment.ops.op import Op, Params, check_number
from manyshot.augment.text.delete import DeleteWords
from manyshot.augment.text.swap import SwapWords
from manyshot.augment.text.synonyms import InsertWords, Synonyms
from manyshot.augment.text.text_op import TextOp


@dataclass(frozen=True)
class EDA(TextOp):
    """Change each text by one of four ops: synonyms, insertion, swap or deletion of words (Wei and Zou 2019).

    The same as `oneof(synonyms insert_words swap_words delete_words)`, each with the same share; how these differ from
    the paper's is said with each. It needs `pip install "manyshot[text]"`.

    Args:
        share: of words that are changed; at least one is. The paper's alpha.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> params = EDA().sample(4, torch.Generator().manual_seed(0))
        >>> len(EDA().apply(["Where can I buy tea?"] * 4, params))
        4
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)

    @property
    def ops(self) -> tuple[Op, ...]:
        """The four."""
        return Synonyms(self.share), InsertWords(self.share), SwapWords(self.share), DeleteWords(self.share)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `choice [n]`, a place among the four, and `seed [n]`."""
        return {"choice": torch.randint(len(self.ops), (n,), generator=generator), **super().sample(n, generator)}

    def layers(self, params: Params) -> Layers:
        """One layer, in which each text goes through the op of its choice."""
        seeds = {"seed": params["seed"]}
        return [[chosen(op, seeds, params["choice"] == place) for place, op in enumerate(self.ops)]]

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change each text by its op."""
        changed: list[str] = apply_layers(texts, self.layers(params))
        return changed
