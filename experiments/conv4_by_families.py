"""A small network trained from nothing on half of the families of data sets, to be used on the other half."""

import time
import zlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from manyshot.nets import Conv4

WAYS, SHOTS, QUERIES = 20, 2, 4
STEPS = 2500


def half_of(family: str) -> int:
    """The half, 0 or 1, to which a family belongs."""
    return zlib.crc32(family.encode()) % 2


def train_conv4(
    classes: list[Tensor], device: torch.device, steps: int = STEPS, seed: int = 0
) -> Callable[[Tensor], Tensor]:
    """Train a prototypical network on tasks of these classes.

    Args:
        classes: uint8 pictures `[n, 3, 64, 64]` of each class.
        device: Device to train on.
        steps: Tasks.
        seed: Seed.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    net = Conv4(channels=3, size=64).to(device)
    each = SHOTS + QUERIES
    classes = [pictures.to(device) for pictures in classes if len(pictures) >= each]
    ways = min(WAYS, len(classes))
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    targets = torch.arange(ways, device=device).repeat_interleave(QUERIES)
    start = time.monotonic()
    for step in range(steps):
        chosen = [classes[i] for i in random.permutation(len(classes))[:ways]]
        rows = [torch.from_numpy(random.permutation(len(pictures))[:each]).to(device) for pictures in chosen]
        items = torch.stack([pictures[index] for pictures, index in zip(chosen, rows, strict=True)])
        features = net(items.flatten(0, 1).float() / 255).view(ways, each, -1)
        prototypes = features[:, :SHOTS].mean(1)
        logits = -torch.cdist(features[:, SHOTS:].flatten(0, 1), prototypes).square() / features.shape[2] ** 0.5
        loss = torch.nn.functional.cross_entropy(logits, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 499 or step == steps - 1:
            right = (logits.argmax(1) == targets).float().mean().item()
            print(
                f"conv4: step {step + 1}, loss {loss.item():.3f}, {right:.1%} right, {time.monotonic() - start:.0f} s",
                flush=True,
            )
    net.eval()

    @torch.inference_mode()
    def encode(pictures: Tensor) -> Tensor:
        features: Tensor = net(pictures)
        return features

    return encode
