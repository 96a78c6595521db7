"""Read all cells of a table row by row: CSV, TSV, JSONL and Parquet."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyshot.base import InputError, open_file
from manyshot.datasets.table_lines import TableLines, read_header
from manyshot.datasets.table_reader import Columns, is_delimited, is_table, read_cells, read_object

PARQUET = (".parquet", ".pq")
MOST_ROWS = 1_000_000
"""Most rows of a table whose examples have several parts."""


@dataclass(frozen=True)
class Record:
    """A row of a table.

    Args:
        line: Number of its line in the file, or of the row in Parquet, from 1.
        cells: Value of each column: a text, or in JSON and Parquet also a number, a bool or None.
    """

    line: int
    cells: dict[str, Any]


def is_records(path: Path) -> bool:
    """Whether a path has the extension of a table, Parquet among them.

    Example:
        >>> is_records(Path("pets.parquet")), is_records(Path("pets.csv")), is_records(Path("pets.zip"))
        (True, True, False)
    """
    return is_table(path) or path.suffix.lower() in PARQUET


def read_records(path: Path, encoding: str = "utf-8") -> Iterator[Record]:
    r"""Read a table row by row, all columns of it.

    Args:
        path: Path of the table; its extension is its format. Parquet needs `pip install "manyshot[parquet]"`.
        encoding: Encoding of the file, but for Parquet.

    Raises:
        InputError: If the file is missing or too long, a row is malformed, or a character cannot be read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "pets.csv"
        >>> _ = path.write_text("label,photo,caption\ncat,a.png,a cat\n")
        >>> next(read_records(path))
        Record(line=2, cells={'label': 'cat', 'photo': 'a.png', 'caption': 'a cat'})
    """
    Columns(encoding=encoding)  # checks the encoding
    rows = _parquet(path) if path.suffix.lower() in PARQUET else _text(path, encoding)
    for count, record in enumerate(rows):
        if count >= MOST_ROWS:
            raise InputError(f"{path}: more than {MOST_ROWS:,} rows; give a part of them")
        yield record


def _text(path: Path, encoding: str) -> Iterator[Record]:
    with open_file(path) as file:
        lines = TableLines(file, path, encoding)
        if not is_delimited(path):
            for content in lines:
                if content.strip():
                    yield Record(lines.number, read_object(content, f"{path}: line {lines.number}"))
            return
        names, delimiter = read_header(lines)
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"{path}: {names.count(name)} columns are called '{name}'; rename all but one")
        while True:
            line = lines.number + 1
            cells = read_cells(lines, delimiter, f"{path}: line {line}")
            if cells is None:
                return
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                raise InputError(
                    f"{path}: line {line}: {len(cells)} columns, but the header has {len(names)}; put texts that "
                    f"contain '{delimiter}' in quotes"
                )
            yield Record(line, dict(zip(names, cells, strict=True)))


def _parquet(path: Path) -> Iterator[Record]:
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError:
        raise InputError(f'{path}: reading Parquet needs pyarrow; pip install "manyshot[parquet]"') from None
    with open_file(path) as opened:
        del opened  # says what is wrong with a path
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            if file.metadata.num_rows > MOST_ROWS:
                raise InputError(f"{path}: more than {MOST_ROWS:,} rows; give a part of them")
            line = 0
            for batch in file.iter_batches(batch_size=1024):
                for cells in batch.to_pylist():
                    line += 1
                    yield Record(line, cells)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:80]
        raise InputError(f"{path}: not a whole Parquet file ({reason}); write it again") from None
