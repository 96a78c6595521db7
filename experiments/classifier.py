"""A plain classifier trained on few pictures, as experiments with made pictures need it."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.augment import Op, Plan
from manyshot.augment.engine import Compiled
from manyshot.tasks import Source

CANDIDATES = (
    "support: affine(15)",
    "support: elastic(0.1)",
    "support: affine(15) elastic(0.1)",
    "support: affine(15) elastic(0.1) stroke",
    "support: affine(25, scale=1.3) elastic(0.2) stroke",
)
"""Given augmentations, of which an experiment takes the one that does best on its validation part."""


def best_given(real: Source, validation: Source, seed: int, steps: int) -> str:
    """The candidate whose classifier does best on validation items."""
    reached = {plan: accuracy(real, None, validation, Plan(plan).item_op(), seed, steps).mean() for plan in CANDIDATES}
    return max(reached, key=reached.get)


def small_classifier(channels: int, size: int, classes: int) -> nn.Module:
    """Three convolutions, the first of stride 2, since there are hundreds of these to train."""
    network = nn.Sequential(
        *(nn.Conv2d(channels, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, 1, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, 1, 1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64 * (size // 8) ** 2, classes)),
    )
    return network.to(memory_format=torch.channels_last)


def accuracy(real: Source, made: Source | None, test: Source, op: Op | None, seed: int, steps: int) -> np.ndarray:
    """Train a small network; returns whether each test item is classified right, `[items]`.

    Args:
        real: pictures to learn from.
        made: further ones of the same classes; half of each batch is of these.
        test: pictures to test on, of the same classes.
        op: changes each picture of each batch, real or made.
        seed: of the weights and all draws.
        steps: of 64 pictures each.
    """
    assert isinstance(real.store, Tensor)
    assert real.class_names == test.class_names
    torch.manual_seed(seed)
    draws = torch.Generator().manual_seed(seed)
    model = small_classifier(real.store.shape[1], real.store.shape[2], len(real.class_names))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    engine = None if op is None else Compiled(op, floats=True)
    parts = [real] if made is None else [real, made]
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * 0.5 * (1 + np.cos(np.pi * step / steps))
        items, labels = [], []
        for part in parts:
            at = torch.randint(len(part), (64 // len(parts),), generator=draws).numpy()
            items.append(part.gather(at))
            labels.append(torch.from_numpy(part.labels[at]))
        batch = torch.cat(items)
        batch = batch.float() / 255 if engine is None else engine.apply(batch, op.sample(len(batch), draws))
        loss = F.cross_entropy(model(batch.contiguous(memory_format=torch.channels_last)), torch.cat(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    right = []
    with torch.no_grad():
        for first in range(0, len(test), 500):
            at = np.arange(first, min(first + 500, len(test)))
            right.append((model(test.gather(at).float() / 255).argmax(1).numpy() == test.labels[at]).astype(float))
    return np.concatenate(right)
