"""Real images that stand for generated features: those with the nearest features."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.meta_augment.augmenter_run import AugmenterRun
from manyshot.tasks import Source
from manyshot.training import encode


@torch.no_grad()
def nearest_pictures(run: AugmenterRun, generated: Float[Tensor, "m d"], pool: Tensor) -> Tensor:
    """Find the image of a pool whose feature is nearest to each generated feature.

    Args:
        run: Run of an augmenter of features; its learner's encoder computes the features of the pool.
        generated: Generated features.
        pool: Images `[n, c, h, w]`, uint8 or float in [0, 1].

    Returns:
        Images `[m, c, h, w]` from the pool.
    """
    parts = run.learner.on_features()
    assert parts is not None  # an augmenter of features has a learner with an encoder
    source = Source(pool, np.arange(len(pool)), np.array([0, len(pool)]), ("pool",), name="pictures")
    features = encode(parts[0], source, str(generated.device)).store
    assert isinstance(features, Tensor)
    return pool[torch.cdist(generated.cpu(), features.cpu()).argmin(1)]
