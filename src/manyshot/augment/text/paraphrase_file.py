"""Paraphrases from a file."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from manyshot.augment.ops.op import Params
from manyshot.augment.text.text_op import TextOp, draw_numbers
from manyshot.base import InputError, open_file, parse_json, read_line

COLUMNS = ("text", "paraphrase")


@dataclass(frozen=True)
class ParaphraseFile(TextOp):
    r"""Replace each text by a random one of its paraphrases in a file; a text without any stays as it is.

    The file is CSV, TSV or JSONL in UTF-8 with the columns `text` and `paraphrase`, one paraphrase per row.

    Args:
        file: Path of the file; its suffix tells the format.

    Example:
        >>> import tempfile, torch
        >>> path = Path(tempfile.mkdtemp()) / "other_words.csv"
        >>> _ = path.write_text("text,paraphrase\nbuy tea,purchase tea\n")
        >>> ParaphraseFile(str(path)).apply(["buy tea", "sell tea"], {"seed": torch.tensor([1, 2])})
        ['purchase tea', 'sell tea']
    """

    file: str

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed.

        Raises:
            InputError: If the file does not exist or is not such a file.
        """
        known = paraphrases(self.file)
        choices = [known.get(text, (text,)) for text in texts]
        drawn = draw_numbers(params["seed"], [1] * len(texts))
        return [some[int(number * len(some))] for some, (number,) in zip(choices, drawn, strict=True)]


def paraphrases(file: str) -> dict[str, tuple[str, ...]]:
    """Read the paraphrases of each text, in the order of the file.

    Raises:
        InputError: If the file cannot be read, naming the file and the line.

    Example:
        >>> paraphrases("nowhere.csv")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: nowhere.csv: no such file; name CSV or JSONL with 'text' and 'paraphrase'
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise InputError(f"{file}: no such file; name CSV or JSONL with 'text' and 'paraphrase'")
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, modified: int) -> dict[str, tuple[str, ...]]:
    """The paraphrases of a file, cached for its time of modification."""
    paraphrases: dict[str, list[str]] = {}
    try:
        for number, row in _json_rows(path) if path.suffix.lower() in (".jsonl", ".ndjson") else _table_rows(path):
            pair = [row.get(name) if isinstance(row, dict) else None for name in COLUMNS]
            if not (isinstance(pair[0], str) and isinstance(pair[1], str) and pair[1].strip()):
                raise InputError(f"{path}, line {number}: give 'text' and 'paraphrase', neither of them empty")
            paraphrases.setdefault(pair[0], []).append(pair[1])
    except csv.Error as error:
        raise InputError(f"{path}: cannot be read ({error}); save it as CSV or JSONL in UTF-8") from None
    return {text: tuple(others) for text, others in paraphrases.items()}


def _json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            yield number, parse_json(line, f"{path}, line {number}", unicode=True)


def _table_rows(path: Path) -> Iterator[tuple[int, Any]]:
    table = csv.DictReader(_lines(path), delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
    for row in table:
        yield table.line_num, row


def _lines(path: Path) -> Iterator[str]:
    with open_file(path) as file:
        for number in count(1):
            line = read_line(file, f"{path}, line {number}")
            if not line:
                return
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(f"{path}, line {number}: cannot be read ({error}); save it in UTF-8") from None
