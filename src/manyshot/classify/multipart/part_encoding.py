"""Features of examples of several parts: each part by a frozen encoder of its kind, each example once."""

from collections.abc import Mapping

import numpy as np
import torch

from manyshot.base import InputError
from manyshot.base.call_syntax import parse_call
from manyshot.classify.encode.encode_examples import encode_examples
from manyshot.classify.encode.frozen_encoders import available, encoder_blocks, load_encoder
from manyshot.classify.multipart.parted_examples import FEATURES, KINDS, PartedExamples
from manyshot.tasks import Parts

PREFERRED = {
    "images": ("efficientnet-lite2", "efficientnet-lite0"),
    "texts": ("minilm", "universal", "ngrams"),
    "sounds": ("whisper", "speech"),
}
"""Encoders of each kind in order of preference; the first one that is installed is taken."""
FOREIGN = 0.2
"""Fraction of letters outside of ASCII from which on texts are read by an encoder of many languages."""


def encoders_of(examples: PartedExamples, encoder: str = "auto") -> dict[str, str]:
    r"""The encoder of each part that has one.

    Args:
        examples: Examples.
        encoder: "auto"; or encoders of parts or kinds by name, as "photo=efficientnet-lite2 texts=universal".

    Raises:
        InputError: If a part or kind is unknown, an encoder is for another kind, or none is installed.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from manyshot.classify.multipart.parted_examples import load_parted
        >>> path = Path(tempfile.mkdtemp()) / "pets.csv"
        >>> _ = path.write_text("label,text,photo\ncat,it purrs,\ndog,it barks,\n")
        >>> encoders_of(load_parted(path, kinds={"text": "texts"}), "text=ngrams")
        {'text': 'ngrams'}
    """
    given = _given(examples, encoder)
    chosen = {}
    for name, kind in examples.kinds.items():
        if kind == FEATURES:
            continue
        asked = given.get(name, given.get(kind))
        chosen[name] = asked or _usual(examples, name, kind)
        for block in encoder_blocks(chosen[name]):
            if load_encoder(block).kind != KINDS[kind]:
                raise InputError(f"--encoder: '{block}' takes {load_encoder(block).kind}, and '{name}' holds {kind}")
    return chosen


def _given(examples: PartedExamples, encoder: str) -> dict[str, str]:
    if encoder == "auto":
        return {}
    given = {}
    known = [*examples.kinds, *PREFERRED]
    for word in encoder.split():
        name, equals, value = word.partition("=")
        if not equals or name not in known:
            raise InputError(
                f"--encoder '{encoder}': '{word}': examples of several parts take an encoder for each part or kind "
                f"({', '.join(dict.fromkeys(known))}), as in texts=universal"
            )
        for block in encoder_blocks(value):
            parse_call(block, "encoder", paths=True)
        given[name] = value
    return given


def _usual(examples: PartedExamples, name: str, kind: str) -> str:
    installed = available(KINDS[kind])
    wanted = PREFERRED[kind]
    if kind == "texts":
        texts = "".join(examples.sets[name].texts(np.arange(len(examples.sets[name]))))
        letters = [letter for letter in texts if letter.isalpha()]
        if sum(not letter.isascii() for letter in letters) > FOREIGN * len(letters):
            wanted = ("universal", "ngrams")
    for one in wanted:
        if one in installed:
            return one
    extra = {"images": "efficientnet", "sounds": "speech"}[kind]
    raise InputError(f'no encoder of {kind} is installed; get one by: pip install "manyshot[{extra}]"')


def encode_parted(
    examples: PartedExamples,
    encoders: Mapping[str, str],
    means: np.ndarray | None = None,
    device: str = "cpu",
    title: str | None = None,
) -> Parts:
    """Features `[n, d]` of each part; features that were computed before come from the cache.

    Args:
        examples: n examples.
        encoders: Encoder of each part that has one; joined by "+", their features stand side by side.
        means: Means of the columns of numbers, in place of those that are not known; 0 if None.
        device: Device to encode on.
        title: Title of the progress bars; None for none.

    Raises:
        InputError: If a file is damaged or was changed.
    """
    values: dict[str, torch.Tensor] = {}
    for name, kind in examples.kinds.items():
        if kind == FEATURES:
            assert examples.numbers is not None
            fill = np.zeros(examples.numbers.shape[1]) if means is None else means
            values[name] = torch.from_numpy(np.where(np.isnan(examples.numbers), fill, examples.numbers)).float()
            continue
        encoded = encode_examples(
            encoders[name], examples.sets[name], device=device, title=title and f"{title}: {name}"
        )
        whole = torch.zeros(len(examples), encoded.shape[2])
        whole[torch.from_numpy(examples.rows[name])] = encoded[:, 0]
        values[name] = whole
    return Parts(values, {name: torch.from_numpy(examples.there(name)) for name in values})
