"""A contact sheet of what `auto` saw: pictures, and variants of them under ops that it expects most and least of."""

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from manyshot.base.seeds import generator
from manyshot.meta_augment.auto.advise import Advice
from manyshot.meta_augment.auto.explain import candidates_to_show, names_of
from manyshot.meta_augment.auto.menu import CANDIDATES, build_ops
from manyshot.samples.contact_sheet import SheetRow, draw_sheet

CELL = 96


def advice_sheet(pictures: Float[Tensor, "n 3 s s"], advice: Advice, *, title: str = "", seed: int = 0) -> Image.Image:
    """Draw what was looked at, with the gain that is expected of each op.

    Args:
        pictures: Some of the examples, as `manyshot.meta_augment.auto.advise.to_pictures` gives them.
        advice: What `auto` said of them.
        title: Title of the sheet.
        seed: Seed of the variants.

    Example:
        >>> import torch
        >>> from manyshot.meta_augment.auto.variant_gram import TaskEvidence
        >>> from manyshot.meta_augment.auto.menu import CANDIDATES, OPS
        >>> many = len(CANDIDATES)
        >>> seen = TaskEvidence(torch.zeros(1, 34), torch.zeros(1, len(OPS), 14), torch.zeros(1, many - 1, 3))
        >>> advice = Advice(CANDIDATES[0], torch.zeros(many), seen, examples=2, classes=2)
        >>> advice_sheet(torch.rand(2, 3, 64, 64), advice).mode
        'RGB'
    """
    rows = [SheetRow("as they are", pictures)]
    for index in candidates_to_show(advice):
        candidate = CANDIDATES[index]
        changed = [build_ops(row)(pictures, generator(seed, index)).clamp(0, 1) for row in candidate.rows]
        own = torch.stack([changed[place % len(changed)][place] for place in range(len(pictures))])
        # The options would not fit; the explanation in words has them.
        names = names_of(candidate).split()
        label = f"{100 * float(advice.gains[index]):+.1f} {' '.join(names[:2])}" + "…" * (len(names) > 2)
        rows.append(SheetRow(label, own))
    return draw_sheet(rows, title=title or f"auto: {advice.plan}", cell=CELL)
