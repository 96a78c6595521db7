"""Real pictures to look at where features were made: those whose features lie nearest."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.meta_augment.train import AugmenterRun
from manyshot.tasks import Source
from manyshot.training import encode


@torch.no_grad()
def nearest_pictures(run: AugmenterRun, made: Float[Tensor, "m d"], pool: Tensor) -> Tensor:
    """The picture of a pool whose feature lies nearest to each made one.

    Args:
        run: an augmenter's of features; its learner's encoder tells the features of the pool.
        made: features.
        pool: pictures `[n, c, h, w]`, uint8 or from 0 to 1.

    Returns:
        `[m, c, h, w]`, of the pool.
    """
    parts = run.learner.on_features()
    assert parts is not None  # the augmenter makes features, so something encodes them
    source = Source(pool, np.arange(len(pool)), np.array([0, len(pool)]), ("pool",), name="pictures")
    features = encode(parts[0], source, str(made.device)).store
    assert isinstance(features, Tensor)
    return pool[torch.cdist(made.cpu(), features.cpu()).argmin(1)]
