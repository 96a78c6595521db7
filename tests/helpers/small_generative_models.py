"""Small sources, and generative models and settings that train on them for a moment."""

import torch

from manyshot.generate import MODELS
from manyshot.generate.generator_config import GeneratorSettings, data_spec_of
from manyshot.tasks import Source

FEW = GeneratorSettings(steps=6, batch_size=4, eval_every=3, save_every=2, eval_examples=12)
MODEL_TEXTS = (
    "gan(8, noise=4)",
    "dcgan(2, noise=4)",
    "conditional(2, noise=4)",
    "dagan(2, discriminator_width=2, noise=4)",
    "cvae(2, encoder_width=2, noise=4)",
)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def two_modes(n: int = 2000) -> Source:
    """Points about (-2, 0) and (2, 0)."""
    label = torch.arange(n) % 2
    center = torch.stack([4.0 * label - 2, torch.zeros(n)], 1)
    return Source.of(center + 0.3 * torch.randn(n, 2, generator=draws()), [f"mode {k}" for k in label.tolist()])


def pictures(size: int = 8) -> Source:
    items = torch.randint(256, (24, 1, size, size), generator=draws(), dtype=torch.uint8)
    return Source.of(items, [f"class {i % 3}" for i in range(24)])


def small_model(source: Source, text: str):
    torch.manual_seed(0)
    return MODELS.parse(text).build(spec=data_spec_of(source))
