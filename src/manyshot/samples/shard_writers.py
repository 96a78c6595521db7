"""Writers of one shard of new pictures: a WebDataset tar, a Parquet file, or a folder."""

import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyshot.base import InputError, path_in_errors, write_aside
from manyshot.samples.output_folder import MANIFEST, write_line

Put = Callable[[bytes, int, Mapping[str, Any]], None]
"""Adds a sample: the bytes of its file, the index of its class, and its line of the manifest."""

ROWS = 256
"""Rows of a Parquet file that are held in memory, and written together."""


def tar_header(name: str, size: int) -> bytes:
    """Header of a file in a tar, without time and owner, so that the same samples have the same bytes.

    The same as `tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT)`, in a tenth of the time.

    Args:
        name: Name of the file, in ASCII, at most 100 characters.
        size: Size in bytes, less than 8 GiB.

    Example:
        >>> len(tar_header("00000017.cls", 1))
        512
    """
    named, sized = name.encode("ascii"), b"%011o" % size
    checksum = _EMPTY_SUM + sum(named) + sum(sized)
    start = named.ljust(100, b"\0") + _EMPTY[100:124] + sized + _EMPTY[135:148]
    return start + b"%06o\0" % checksum + _EMPTY[155:]


_EMPTY = tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT)
_EMPTY_SUM = sum(_EMPTY[:124]) + sum(_EMPTY[135:148]) + 8 * ord(" ") + sum(_EMPTY[156:])
"""Sum of the header's bytes without its name and size; the checksum itself counts as spaces."""


@contextmanager
def tar_shard(path: Path) -> Iterator[Put]:
    """Write a tar for WebDataset: `<number>.png`, `<number>.cls` (index of the class) and `<number>.json` a sample.

    Args:
        path: File to write.
    """
    with write_aside(path) as aside, aside.open("wb") as tar:

        def add(name: str, data: bytes) -> None:
            tar.write(tar_header(name, len(data)) + data + bytes(-len(data) % tarfile.BLOCKSIZE))

        count = 0

        def put(data: bytes, label: int, line: Mapping[str, Any]) -> None:
            nonlocal count
            key = f"{count:08}"
            add(f"{key}.{line['file'].rpartition('.')[2]}", data)
            add(f"{key}.cls", str(label).encode())
            add(f"{key}.json", _json(line).encode())
            count += 1

        yield put
        tar.write(bytes(2 * tarfile.BLOCKSIZE))
        tar.write(bytes(-tar.tell() % tarfile.RECORDSIZE))


@contextmanager
def parquet_shard(path: Path) -> Iterator[Put]:
    """Write a Parquet file: `image` (bytes and path, as Hugging Face's datasets read pictures), `label` and more.

    Args:
        path: File to write.

    Raises:
        InputError: If pyarrow is not installed.
    """
    pa, parquet = require_pyarrow()
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    texts = [(name, pa.string()) for name in ("class", "source", "ops", "params", "plan")]
    schema = pa.schema([("image", image), ("label", pa.int64()), ("number", pa.int64()), ("seed", pa.int64()), *texts])
    rows: list[dict[str, Any]] = []
    with write_aside(path) as aside, parquet.ParquetWriter(aside, schema) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            rows.clear()

        def put(data: bytes, label: int, line: Mapping[str, Any]) -> None:
            own = {name: _text(line[name]) for name in ("class", "source", "ops", "plan")}
            numbers = {"number": line["number"], "seed": line["seed"], "label": label}
            picture = {"bytes": data, "path": _text(line["file"])}
            rows.append(own | numbers | {"image": picture, "params": _json(line["params"])})
            if len(rows) == ROWS:
                flush()

        yield put
        flush()


@contextmanager
def folder_shard(path: Path) -> Iterator[Put]:
    """Write a folder with a folder of pictures per class, and a manifest.

    Args:
        path: Folder to write.
    """
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        folder = scratch / "new"
        folder.mkdir()  # with the usual permissions, unlike the scratch folder
        with path_in_errors(path, instead_of=folder), (folder / MANIFEST).open("wb") as manifest:

            def put(data: bytes, label: int, line: Mapping[str, Any]) -> None:
                file = folder / line["file"]
                file.parent.mkdir(exist_ok=True)
                file.write_bytes(data)
                write_line(manifest, line)

            yield put
        if path.exists():  # of a killed writer, which had no time to note that it was done
            shutil.rmtree(path)
        folder.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True)
class Form:
    """A format of shards.

    Args:
        write: Context manager of a shard's path; gives the function that adds a sample.
        suffix: File name extension of a shard.
    """

    write: Callable[[Path], AbstractContextManager[Put]]
    suffix: str = ""


WRITERS = {
    "webdataset": Form(tar_shard, ".tar"),
    "parquet": Form(parquet_shard, ".parquet"),
    "folders": Form(folder_shard),
}
"""Formats by name."""


def require_pyarrow() -> tuple[Any, Any]:
    """The modules `pyarrow` and `pyarrow.parquet`.

    Raises:
        InputError: If pyarrow is not installed.
    """
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError as error:
        raise InputError(f'{error}; install it by: pip install "manyshot[parquet]"') from None
    return pyarrow, pyarrow.parquet


def _json(value: object) -> str:
    return _text(json.dumps(value, ensure_ascii=False))


def _text(text: str) -> str:
    """A text with what is not Unicode in it escaped, such as bytes of a file's name."""
    return text.encode("utf-8", "backslashreplace").decode()
