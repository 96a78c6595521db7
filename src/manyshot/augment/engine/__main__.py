"""`python -m manyshot.augment.engine`: compile the kernels of every preset now, so that no first run waits for them."""

import torch

from manyshot.augment.plan import Plan
from manyshot.augment.presets import PRESETS
from manyshot.base import track
from manyshot.tasks import EpisodeSampler, Source


def compile_kernels() -> None:
    """Apply every preset to a few small images, gray and coloured, which compiles what it needs, once a machine."""
    for channels in (1, 3):
        images = torch.randint(
            256, (8, channels, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )
        sampler = EpisodeSampler(Source.of(images, ["a", "b"] * 4), ways=2, shots=1, queries=1)
        for name in track(PRESETS, f"compile kernels for {channels} channels"):
            Plan.parse(name).apply(sampler.batch(0, 1), torch.Generator().manual_seed(0))


if __name__ == "__main__":
    compile_kernels()
