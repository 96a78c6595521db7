"""Language models of the transformers library, by name or folder, and text that they generate from seeds."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.augment.text.optional_packages import require
from manyshot.base import InputError
from manyshot.base.hub_access import uses_local_files
from manyshot.base.seeds import uniform

BATCH_SIZE = 16
"""Number of texts that go through a model together."""


class Model(NamedTuple):
    """A model and its tokenizer."""

    net: Any
    tokenizer: Any


@lru_cache(maxsize=4)
def load(name: str, kind: str) -> Model:
    """Load a model once. Only weights stored as safetensors are loaded, and no code that comes with a model is run.

    Args:
        name: Name on the hub, or a folder, which is never looked for on the network.
        kind: Name of the class of transformers that loads it, such as "AutoModelForMaskedLM".

    Raises:
        InputError: If transformers is not installed, or the model cannot be loaded.

    Example:
        >>> load("/no/such/folder", "AutoModelForMaskedLM")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        manyshot.base.errors.InputError: model '/no/such/folder': no such folder...
    """
    transformers = require("transformers", "transformers")
    folder = Path(name).expanduser()
    local = folder.is_dir()
    if not local and (folder.is_absolute() or name.startswith(("~", "."))):
        raise InputError(f"model '{name}': no such folder; name one, or a model of the hub")
    settings = {"trust_remote_code": False, "local_files_only": uses_local_files(name)}
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]):
            net = getattr(transformers, kind).from_pretrained(
                str(folder) if local else name, use_safetensors=True, **settings
            )
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder) if local else name, **settings)
    except Exception as error:  # the library raises errors of many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"model '{name}': cannot be loaded ({reason}); check the name and the connection") from error
    finally:
        if bars:
            transformers.utils.logging.enable_progress_bar()
    return Model(net.float().eval(), tokenizer)


def max_tokens(model: Model) -> int:
    """The largest number of tokens that a model reads."""
    known = getattr(model.net.config, "max_position_embeddings", None) or 512
    return min(int(known), int(model.tokenizer.model_max_length))


@torch.no_grad()
def generate_texts(
    model: Model, texts: Sequence[str], seed: Int[Tensor, "n"], temperature: float, top_k: int
) -> list[str]:
    """Generate the output of a sequence-to-sequence model for each text, sampled token by token.

    The token with the largest sum of its log-probability, divided by the temperature, and Gumbel noise is taken, where
    the noise is a function of the seed, the position and the token: a sample from the softmax that can be replayed.

    Args:
        model: A sequence-to-sequence model.
        texts: Its inputs; texts that are too long are cut.
        seed: One seed per text.
        temperature: Temperature of the softmax; 0 takes the most likely token.
        top_k: Number of most likely tokens to sample from.
    """
    outputs: list[str] = []
    for start in range(0, len(texts), BATCH_SIZE):
        some = list(texts[start : start + BATCH_SIZE])
        tokens = model.tokenizer(some, return_tensors="pt", padding=True, truncation=True, max_length=max_tokens(model))
        noise = _Gumbel(seed[start : start + BATCH_SIZE], temperature, top_k)
        generated = model.net.generate(
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            do_sample=False,
            num_beams=1,
            max_new_tokens=min(max_tokens(model) - 2, 2 * tokens["input_ids"].shape[1] + 8),
            logits_processor=[noise],
        )
        outputs += [text.strip() for text in model.tokenizer.batch_decode(generated, skip_special_tokens=True)]
    return outputs


class _Gumbel:
    """Adds noise to the scores of a generation, one step at a time."""

    def __init__(self, seed: Int[Tensor, "n"], temperature: float, top_k: int) -> None:
        self.seed, self.temperature, self.top_k = seed.numpy()[:, None], temperature, top_k

    def __call__(self, input_ids: Int[Tensor, "n length"], scores: Float[Tensor, "n v"]) -> Float[Tensor, "n v"]:
        if self.temperature == 0:
            return scores
        best = scores.topk(min(self.top_k, scores.shape[1]), -1)
        drawn = uniform(self.seed, input_ids.shape[1], best.indices.numpy())
        noise = torch.from_numpy(-np.log(-np.log(np.maximum(drawn, 1e-300)))).to(scores)
        others = torch.full_like(scores, -torch.inf)
        return others.scatter(-1, best.indices, best.values / self.temperature + noise)
