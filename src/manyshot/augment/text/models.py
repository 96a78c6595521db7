"""Language models of the transformers library, by name or folder, and how they are drawn from by seeds."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.augment.text.packages import require
from manyshot.base import InputError
from manyshot.base.seeds import uniform

AT_ONCE = 16
"""Texts that go through a model together."""


class Model(NamedTuple):
    """A model and its tokenizer."""

    net: Any
    tokenizer: Any


@lru_cache(maxsize=4)
def load(name: str, kind: str) -> Model:
    """Load a model once. Only weights stored as safetensors are loaded, and no code that comes with a model is run.

    Args:
        name: on the hub, or a folder, which is never looked for on the network.
        kind: the class of transformers that makes it, such as "AutoModelForMaskedLM".

    Raises:
        InputError: if transformers is not installed, or the model cannot be loaded.

    Example:
        >>> load("/no/such/folder", "AutoModelForMaskedLM")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        manyshot.base.errors.InputError: model '/no/such/folder': no such folder...
    """
    transformers = require("transformers", "transformers")
    here = Path(name).expanduser()
    local = here.is_dir()
    if not local and (here.is_absolute() or name.startswith(("~", "."))):
        raise InputError(f"model '{name}': no such folder; name one, or a model of the hub")
    settings = {"trust_remote_code": False, "local_files_only": local}
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]):
            net = getattr(transformers, kind).from_pretrained(
                str(here) if local else name, use_safetensors=True, **settings
            )
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(here) if local else name, **settings)
    except Exception as error:  # the library raises of all kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"model '{name}': cannot be loaded ({reason}); check the name and the connection") from error
    finally:
        if bars:
            transformers.utils.logging.enable_progress_bar()
    return Model(net.float().eval(), tokenizer)


def longest(model: Model) -> int:
    """How many tokens a model reads at most."""
    known = getattr(model.net.config, "max_position_embeddings", None) or 512
    return min(int(known), int(model.tokenizer.model_max_length))


@torch.no_grad()
def rewritten(model: Model, texts: Sequence[str], seed: Int[Tensor, "n"], temperature: float, top: int) -> list[str]:
    """What a sequence-to-sequence model answers to each text, drawn token by token.

    A token is the largest of its log-probability, divided by the temperature, plus Gumbel noise that follows from the
    seed, its place and itself: a draw from the softmax (Gumbel 1954) that can be replayed.

    Args:
        model: whose `generate` is used.
        texts: what it reads; texts that are too long are cut.
        seed: one a text.
        temperature: 0 takes the most likely token.
        top: how many of the most likely tokens are drawn from.
    """
    found: list[str] = []
    for start in range(0, len(texts), AT_ONCE):
        some = list(texts[start : start + AT_ONCE])
        tokens = model.tokenizer(some, return_tensors="pt", padding=True, truncation=True, max_length=longest(model))
        noise = _Gumbel(seed[start : start + AT_ONCE], temperature, top)
        made = model.net.generate(
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            do_sample=False,
            num_beams=1,
            max_new_tokens=min(longest(model) - 2, 2 * tokens["input_ids"].shape[1] + 8),
            logits_processor=[noise],
        )
        found += [text.strip() for text in model.tokenizer.batch_decode(made, skip_special_tokens=True)]
    return found


class _Gumbel:
    """Noise for the scores of a generation, one step at a time."""

    def __init__(self, seed: Int[Tensor, "n"], temperature: float, top: int) -> None:
        self.seed, self.temperature, self.top = seed.numpy()[:, None], temperature, top

    def __call__(self, input_ids: Int[Tensor, "n length"], scores: Float[Tensor, "n v"]) -> Float[Tensor, "n v"]:
        if self.temperature == 0:
            return scores
        best = scores.topk(min(self.top, scores.shape[1]), -1)
        drawn = uniform(self.seed, input_ids.shape[1], best.indices.numpy())
        noise = torch.from_numpy(-np.log(-np.log(np.maximum(drawn, 1e-300)))).to(scores)
        changed = torch.full_like(scores, -torch.inf)
        return changed.scatter(-1, best.indices, best.values / self.temperature + noise)
