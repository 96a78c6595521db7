"""A contact sheet of what `auto` saw: pictures, and variants of them under ops that it expects most and least of."""

import re

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from manyshot.base.seeds import generator
from manyshot.meta_augment.auto.advise import Advice
from manyshot.meta_augment.auto.explain import rows_to_show
from manyshot.meta_augment.auto.menu import OPS, USES, build_ops
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
        >>> from manyshot.meta_augment.auto.bank import Looks
        >>> from manyshot.meta_augment.auto.menu import CANDIDATES
        >>> seen = Looks(torch.zeros(1, 34), torch.zeros(1, len(OPS), 14), torch.zeros(1, len(OPS), 9))
        >>> advice = Advice(CANDIDATES[0], torch.zeros(len(CANDIDATES)), seen, examples=2, classes=2)
        >>> advice_sheet(torch.rand(2, 3, 64, 64), advice).mode
        'RGB'
    """
    rows = [SheetRow("as they are", pictures)]
    for row, use in rows_to_show(advice):
        gain = 100 * float(advice.gains[1 + row * len(USES) + list(USES).index(use)])
        changed = build_ops(OPS[row])(pictures, generator(seed, row))
        # The options would not fit; the explanation in words has them.
        names = re.sub(r"\([^)]*\)", "", OPS[row]).split()
        rows.append(SheetRow(f"{gain:+.1f} {' '.join(names[:2])}" + "…" * (len(names) > 2), changed.clamp(0, 1)))
    return draw_sheet(rows, title=title or f"auto: {advice.plan}", cell=CELL)
