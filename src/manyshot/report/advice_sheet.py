"""A contact sheet of what `auto` saw: pictures, and variants of them under the ops that it weighs most and least."""

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from manyshot.base.seeds import generator
from manyshot.meta_augment.auto.auto_plan import AUTO, Advice
from manyshot.meta_augment.auto.candidate_ops import OPS, build_ops
from manyshot.meta_augment.auto.explain import name_of, ops_to_show
from manyshot.samples.contact_sheet import SheetRow, draw_sheet

CELL = 96


def advice_sheet(pictures: Float[Tensor, "n 3 s s"], advice: Advice, *, title: str = "", seed: int = 0) -> Image.Image:
    """Draw what was looked at, with the share of the variants that each op makes.

    Args:
        pictures: Some of the examples, as `manyshot.meta_augment.auto.auto_plan.to_pictures` gives them.
        advice: What `auto` said of them.
        title: Title of the sheet.
        seed: Seed of the variants.

    Example:
        >>> import torch
        >>> from manyshot.meta_augment.auto.evidence import TaskEvidence
        >>> from manyshot.meta_augment.auto.candidate_ops import OpShares
        >>> zeros = torch.zeros(1, len(OPS))
        >>> seen = TaskEvidence(torch.ones(1), zeros, zeros, torch.zeros(1), zeros, zeros)
        >>> advice = Advice(OpShares((1,) * len(OPS)), zeros[0], zeros[0], seen, examples=2, classes=2)
        >>> advice_sheet(torch.rand(2, 3, 64, 64), advice).mode
        'RGB'
    """
    rows = [SheetRow("as they are", pictures)]
    for index in ops_to_show(advice):
        changed = build_ops(OPS[index])(pictures, generator(seed, index)).clamp(0, 1)
        # The options would not fit; the explanation in words has them.
        names = name_of(OPS[index]).split()
        label = f"{float(advice.weights[index]):.0%} {' '.join(names[:2])}" + "…" * (len(names) > 2)
        rows.append(SheetRow(label, changed))
    return draw_sheet(rows, title=title or AUTO, cell=CELL)
