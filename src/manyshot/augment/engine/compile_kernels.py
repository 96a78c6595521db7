"""`python -m manyshot.augment.engine.compile_kernels`: compile the kernels of all image presets in advance."""

import torch

from manyshot.augment.plan.plan import Plan
from manyshot.augment.plan.presets import PRESETS, TEXT_PRESETS, VOLUME_PRESETS
from manyshot.base import track
from manyshot.tasks import EpisodeSampler, Source


def compile_kernels() -> None:
    """Apply every image preset to a few gray and color images, which compiles the kernels once per machine."""
    names = [name for name in PRESETS if name not in {*TEXT_PRESETS, *VOLUME_PRESETS}]
    for channels in (1, 3):
        images = torch.randint(
            256, (8, channels, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )
        sampler = EpisodeSampler(Source.of(images, ["a", "b"] * 4), ways=2, shots=1, queries=1)
        for name in track(names, f"compile kernels for {channels} channels"):
            Plan(name).apply(sampler.batch(0, 1), torch.Generator().manual_seed(0))


if __name__ == "__main__":
    compile_kernels()
