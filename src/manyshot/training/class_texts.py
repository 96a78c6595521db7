"""What is said of classes, read from tables and turned into vectors."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError, did_you_mean
from manyshot.datasets.speech_synthesis import speak
from manyshot.datasets.table_reader import Columns, column_names, read_rows
from manyshot.nets import ENCODERS, TextEncoder
from manyshot.tasks import Source
from manyshot.training.encode_source import encode

CLASS_COLUMNS = ("class", "name", "label")
TEXT_COLUMNS = ("about", "description", "text")


def add_class_vectors(source: Source, encoder: str = "minilm", device: str = "cpu") -> Source:
    """The source with a vector of what is said of each class: of its description, or of its name.

    Vectors are stored in the cache folder. A class with an empty text gets zeros: nothing is said of it. Nothing but
    augmenters that read these vectors sees them; tasks and results of everything else stay the same, bit for bit.

    Args:
        source: Source of any kind of examples; returned itself if vectors are said of its classes already.
        encoder: Frozen encoder of sentences, such as "minilm", or "universal" for 16 languages.
        device: Device to compute on.

    Raises:
        InputError: If there is no such encoder of sentences, or it is trained.

    Example:
        >>> source = Source.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), ["oak_tree", "cat", "oak_tree", "cat"])
        >>> add_class_vectors(source, "ngrams(64)").about.shape
        torch.Size([2, 64])
    """
    if isinstance(source.about, Tensor):
        return source
    said = torch.tensor([bool(text) for text in source.texts])
    return replace(source, about=read_texts(source.texts, encoder, device) * said[:, None])


def read_texts(texts: Sequence[str], encoder: str = "minilm", device: str = "cpu") -> Float[Tensor, "n e"]:
    """Vectors of texts by a frozen encoder of sentences; they are stored in the cache folder.

    Args:
        texts: Names or descriptions.
        encoder: Frozen encoder of sentences.
        device: Device to compute on.

    Raises:
        InputError: If there is no such encoder of sentences, or it is trained.

    Example:
        >>> read_texts(["oak", "cat"], "ngrams(64)").shape
        torch.Size([2, 64])
    """
    vectors = encode(_reader(encoder), Source.of(list(texts), np.arange(len(texts)), name="texts"), device).store
    assert isinstance(vectors, Tensor)
    return vectors


def add_vectors_for(
    source: Source, augmenter: object, encoder: nn.Module | None = None, table: Path | str | None = None
) -> Source:
    """The source as an augmenter needs it that reads, or hears, what is said of classes; the same for any other.

    Args:
        source: Source of any kind of examples, before they are encoded.
        augmenter: Augmenter; its attributes `reads` and `speaks` say what it needs, see `LearnedAugmenter`.
        encoder: Encoder of the examples, which hears spoken names.
        table: Table of texts, see `describe_classes`; names if None.

    Raises:
        InputError: As `add_class_vectors`, `say` and `describe_classes`.

    Example:
        >>> source = Source.of(torch.zeros(2, 3), ["cat", "oak"])
        >>> add_vectors_for(source, None) is source
        True
    """
    reads, speaks = getattr(augmenter, "reads", None), getattr(augmenter, "speaks", None)
    if table is not None and (reads or speaks):
        source = describe_classes(source, table)
    if reads is not None:
        return add_class_vectors(source, reads)
    return source if speaks is None else say(source, encoder or nn.Flatten(), speaks[1], speaks[0])


def say(source: Source, encoder: nn.Module, voices: int = 12, language: str = "en-us", device: str = "cpu") -> Source:
    """The source with features of the spoken name, or description, of each class, in several voices.

    Args:
        source: Source of sounds; returned itself if vectors are said of its classes already.
        encoder: Encoder of sounds.
        voices: Number of voices, whose features stand one after another in a vector a class.
        language: Language of the texts.
        device: Device to compute on.

    Raises:
        InputError: If the source holds no sounds, or as `manyshot.datasets.speech_synthesis.speak`.
    """
    if isinstance(source.about, Tensor):
        return source
    store = source.store
    if not isinstance(store, Tensor) or not source.is_sounds:
        raise InputError(f"{source.name}: names can be spoken for recordings alone; leave spoken-names out")
    texts = source.texts
    length = store.shape[2]
    sounds = speak([text or "a" for text in texts], length, voices, language)
    spoken = Source.of(sounds.reshape(-1, 1, length), np.arange(len(texts) * voices), name=f"{source.name}, spoken")
    vectors = encode(encoder, spoken, device).store
    assert isinstance(vectors, Tensor)
    said = torch.tensor([bool(text) for text in texts])
    return replace(source, about=vectors.reshape(len(texts), -1) * said[:, None])


@lru_cache(maxsize=2)
def _reader(name: str) -> TextEncoder:
    encoder = ENCODERS.build(name, channels=0, size=0, norm="batch")
    if not isinstance(encoder, TextEncoder) or not encoder.is_fixed:
        raise InputError(f"encoder '{name}' cannot read what is said of classes; give minilm, universal or ngrams")
    return encoder


def describe_classes(source: Source, table: Path | str) -> Source:
    r"""The source with the texts that a table gives for its classes, in place of their names.

    Args:
        source: Source of any kind of examples.
        table: CSV, TSV or JSONL file with a column `class` (or `name`) and a column `about` (or `description`). It may
            name further classes. An empty text says nothing of its class.

    Raises:
        InputError: If the table cannot be read or has no such columns, names a class twice, or lacks a class.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "classes.csv"
        >>> _ = path.write_text("class,about\noak,a tree with lobed leaves\ncat,a small furry animal\n")
        >>> describe_classes(Source.of(torch.zeros(2, 3), ["cat", "oak"]), path).texts
        ('a small furry animal', 'a tree with lobed leaves')
    """
    return replace(source, about=read_descriptions(table, source.class_names, source.name))


def read_descriptions(table: Path | str, class_names: Sequence[str], where: str) -> tuple[str, ...]:
    """The text that a table gives for each class, in the order of the classes.

    Args:
        table: See `describe_classes`.
        class_names: Names of the classes.
        where: What has these classes, for errors.

    Raises:
        InputError: As `describe_classes`.
    """
    path = Path(table).expanduser()
    columns = Columns(_column(path, TEXT_COLUMNS, "text"), _column(path, CLASS_COLUMNS, "class"))
    texts: dict[str, str] = {}
    for row in read_rows(path, columns, True):
        if row.label in texts:
            raise InputError(f"{path}: line {row.line}: class '{row.label}' for the second time; keep one of its rows")
        texts[row.label] = row.text
    for name in class_names:
        if name not in texts:
            raise InputError(
                f"{path}: no row for class '{name}' of {where}; {did_you_mean(name, texts)} (an empty text says "
                "nothing of a class)"
            )
    return tuple(texts[name] for name in class_names)


def _column(path: Path, usual: tuple[str, ...], what: str) -> str:
    names = column_names(path)
    found = next((name for name in names if name.strip().lower() in usual), None)
    if found is None:
        raise InputError(f"{path}: no column with the {what} of each class; call it '{usual[0]}'")
    return found
