from pathlib import Path

import pytest
import torch

from manyshot.augment.ops.op import Op
from manyshot.augment.text import OPS
from tiny_bert import save_tiny_bert

WORDS = "where can i buy a good cup of tea in the big town car house hot cold 今 天 气 真 好 我 们 去".split()  # noqa: SIM905
SIGNS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    """The files that ops read, by their names in the table."""
    folder: Path = tmp_path_factory.mktemp("lists")
    (folder / "templates.txt").write_text("Please: {text}\n\nI ask you, {text} Thanks!\n", encoding="utf-8")
    (folder / "names.txt").write_text("Rome\nNew York\nParis\n\ntea\ncoffee\n\n北京\n上海\n", encoding="utf-8-sig")
    (folder / "other.csv").write_text(
        'text,paraphrase\nbuy tea,purchase tea\nbuy tea,get tea\n"say ""a, b""",tell\n', encoding="utf-8"
    )
    named = {"template": "templates.txt", "entities": "names.txt", "paraphrase_file": "other.csv"}
    return {name: (str(folder / file),) for name, file in named.items()}


@pytest.fixture(scope="session")
def ops(files: dict[str, tuple[str, ...]]) -> dict[str, Op]:
    """Every op of the table that needs no model."""
    models = ("mask_words", "paraphrase", "back_translate")
    return {name: kind(*files.get(name, ())) for name, kind in OPS.items() if name not in models}


@pytest.fixture(scope="session")
def masked_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a masked language model of two layers and few words."""
    words = [*SIGNS, *WORDS, "##s", ",", "?", "."]
    return save_tiny_bert(tmp_path_factory.mktemp("masked"), words, "BertForMaskedLM", max_position_embeddings=40)


@pytest.fixture(scope="session")
def rewriting_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a sequence-to-sequence model of a layer and few words."""
    transformers = pytest.importorskip("transformers", reason="pip install 'manyshot[transformers]'")
    tokenizers = pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("rewriting")
    vocabulary = {word: index for index, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=32
    )
    config = transformers.T5Config(
        vocab_size=len(vocabulary),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.T5ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
