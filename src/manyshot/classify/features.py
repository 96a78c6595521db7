"""Features of examples and of their variants under a plan, from frozen encoders."""

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.classify.encoders import build_encoder, encoder_blocks
from manyshot.classify.example_set import ExampleSet

BATCH = 32


@torch.inference_mode()
def encode_examples(
    encoder: str,
    examples: ExampleSet,
    *,
    plan: str | None = None,
    copies: int = 1,
    seed: int = 0,
    device: str = "cpu",
    title: str | None = None,
) -> Float[Tensor, "n copies d"]:
    """Encode examples, or variants of them."""
    if len(encoder_blocks(encoder)) > 1 or plan is not None or copies != 1:
        raise NotImplementedError
    module = build_encoder(encoder).to(device)
    parts = []
    for first in range(0, len(examples), BATCH):
        rows = range(first, min(first + BATCH, len(examples)))
        if examples.kind == "pictures":
            pixels = examples.pictures(rows, module.size)  # type: ignore[arg-type]
            parts.append(module(pixels.to(device).float() / 255).cpu())
        else:
            parts.append(module(examples.texts(rows)).cpu())
    return torch.cat(parts).float()[:, None]
