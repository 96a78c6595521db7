"""Easy data augmentation (Wei and Zou 2019)."""

from dataclasses import dataclass

import torch
from torch import Generator

from manyshot.augment.ops.op import Op, Params
from manyshot.augment.text.delete import DeleteWords
from manyshot.augment.text.swap import SwapWords
from manyshot.augment.text.synonyms import InsertWords, Synonyms
from manyshot.augment.text.text_op import NEGATIONS, FractionOp


@dataclass(frozen=True)
class EDA(FractionOp):
    """Change each text by one of four ops: synonyms, insertion, swap or deletion of words (Wei and Zou 2019).

    The same as `oneof(synonyms insert_words swap_words delete_words)`, each with the same fraction, but where an op
    finds nothing to change the next one acts. Their descriptions say how they differ from the paper's. It needs
    `pip install "manyshot[text]"`.

    Args:
        fraction: Fraction of words that are changed, at least one word; the paper's alpha.
        keep: Words that are not replaced, moved or deleted, with spaces between them; negations by default.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> params = EDA().sample(4, torch.Generator().manual_seed(0))
        >>> len(EDA().apply(["Where can I buy tea?"] * 4, params))
        4
    """

    fraction: float = 0.1
    keep: str = NEGATIONS

    @property
    def ops(self) -> tuple[Op, ...]:
        """The four ops."""
        return (
            Synonyms(self.fraction, self.keep),
            InsertWords(self.fraction),
            SwapWords(self.fraction, self.keep),
            DeleteWords(self.fraction, self.keep),
        )

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `choice [n]`, an index of one of the four ops, and `seed [n]`."""
        return {"choice": torch.randint(len(self.ops), (n,), generator=generator), **super().sample(n, generator)}

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change each text by the op chosen for it, or by the next one that can change it."""
        result, ops = list(texts), self.ops
        for attempt in range(len(ops)):
            turn = (params["choice"] + attempt) % len(ops)
            same = torch.tensor([new == old for new, old in zip(result, texts, strict=True)], dtype=torch.bool)
            for index, op in enumerate(ops):
                rows = (same & (turn == index)).nonzero().flatten()
                if len(rows):
                    changed = op.apply([texts[row] for row in rows.tolist()], {"seed": params["seed"][rows]})
                    for row, text in zip(rows.tolist(), changed, strict=True):
                        result[row] = text
        return result
