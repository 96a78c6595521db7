"""A BERT with random weights that is small enough to build in a test."""

from pathlib import Path
from typing import Any

import pytest
import torch


def tiny_bert(folder: Path, words: list[str], kind: str = "BertModel", **options: Any) -> tuple[torch.nn.Module, Any]:
    """A network of two layers, drawn from seed 0, and a tokenizer of these words, which are written into the folder."""
    transformers = pytest.importorskip("transformers", reason="pip install 'manyshot[transformers]'")
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt"))
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    return getattr(transformers, kind)(transformers.BertConfig(vocab_size=len(words), **sizes | options)), tokenizer


def save_tiny_bert(folder: Path, words: list[str], kind: str = "BertModel", **options: Any) -> str:
    """Write such a network and its tokenizer into the folder, as `from_pretrained` reads them."""
    with torch.random.fork_rng():
        for part in tiny_bert(folder, words, kind, **options):
            part.save_pretrained(folder)
    return str(folder)
