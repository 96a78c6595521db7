"""Export augmented sentences to a table, each with the row that it was generated from and how."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from manyshot.augment import Op, Plan
from manyshot.augment.ops.item_kinds import require_kind
from manyshot.base import InputError, note, write_aside
from manyshot.base.progress import bar
from manyshot.base.seeds import generator
from manyshot.datasets.table_reader import Columns, TextRow, is_table, read_rows, resolve_columns
from manyshot.samples.new_sentences import NewSentences
from manyshot.samples.output_folder import check_per_class
from manyshot.samples.write_variants import params_from_json, params_to_json

PROVENANCE = ("source_row", "number", "plan", "params", "seed")
"""Columns beside text and class: line of the source row, index of the sample in its class, and how it was generated."""

TRIES = 10
"""Draws of a sample before it is given up, where the sentences they give are not new."""

Write = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class ExportedSentences:
    """What `export_sentences` wrote.

    Args:
        path: File of the table.
        generated: Number of generated sentences of each class.
    """

    path: Path
    generated: Mapping[str, int]


def export_sentences(
    table: Path | str,
    plan: Plan,
    per_class: int,
    out: Path | str,
    *,
    columns: Columns | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> ExportedSentences:
    r"""Generate new sentences from those of a table and write them to another; nothing is written if it fails.

    Sample k of a class of n sentences is generated from sentence k mod n, and its parameters depend only on the seed,
    the class name and k. Where it repeats another sample or a sentence of the table, of whatever class, the plan draws
    again; a sample for which it finds nothing new is left out, and a note says how many are. The table may be larger
    than memory: it is read twice, row by row, first to check and count, then to generate.

    Args:
        table: Table `.csv`, `.tsv` or `.jsonl`, see `manyshot.datasets.table_reader.read_rows`.
        plan: Plan whose ops for shots generate the sentences; its ops for the support if it has none for shots.
        per_class: Number of sentences per class, 1 to 100,000.
        out: Table to write, in UTF-8; its suffix names the format. It has the source's two columns and those of
            `PROVENANCE`; `params` are JSON (see `replay_sentence`).
        columns: Columns of the sentences and classes in the source; None to find them by their usual names.
        seed: Seed; the same seed gives the same bytes.
        overwrite: Whether to replace `out` if it exists.

    Returns:
        The file and the number of sentences of each class.

    Raises:
        InputError: If the table cannot be read, the plan generates no new sentences, or `out` is in use.

    Example:
        >>> import tempfile
        >>> faq = Path(tempfile.mkdtemp()) / "faq.csv"
        >>> _ = faq.write_text("text,label\nwhere can i buy tea,shop\n")
        >>> exported = export_sentences(faq, Plan("shots: aeda"), per_class=3, out=faq.with_name("more.csv"))
        >>> dict(exported.generated), exported.path.read_text().splitlines()[0]
        ({'shop': 3}, 'text,label,source_row,number,plan,params,seed')
    """
    table, out = Path(table).expanduser(), Path(out).expanduser()
    check_per_class(per_class)
    if not is_table(out):
        raise InputError(
            f"{out}: sentences are written to a table; give a file name that ends with .csv, .tsv or .jsonl"
        )
    if out.exists() and (out.is_dir() or out.resolve() == table.resolve()):
        raise InputError(f"{out}: is {'a folder' if out.is_dir() else 'the source itself'}; give another file")
    if out.exists() and not overwrite:
        raise InputError(f"{out}: exists already; give another file, or allow overwriting (--overwrite)")
    op, columns = plan.item_op(), resolve_columns(table, columns or Columns())
    require_kind(op, "texts")
    clashes = {columns.text, columns.label} & set(PROVENANCE)
    if clashes:
        raise InputError(f"{table}: the column '{clashes.pop()}' has the name of one that the export adds; rename it")
    counts: Counter[str] = Counter()
    new = NewSentences(_count_rows(table, columns, counts))
    if not counts:
        raise InputError(f"{table}: no sentences; give one per row, below a header with the names of the columns")
    generated: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    with _writer(out, (columns.text or "", columns.label or "", *PROVENANCE)) as write, bar() as progress:
        task = progress.add_task("generate sentences", total=per_class * len(counts), note="")
        for row in _rows(table, columns):
            index = seen[row.label]
            seen[row.label] += 1
            for number in range(index, per_class, counts[row.label]):
                progress.advance(task)
                where = f"{table}: line {row.line}"
                for attempt in range(TRIES):
                    again = (attempt,) if attempt else ()
                    params = op.sample(1, generator(seed, "export", row.label, number, *again))
                    text = _apply(op, row.text, params, where)
                    if new.accept(text):
                        provenance = (row.line, number, str(plan), json.dumps(params_to_json(params)), seed)
                        values = {columns.text or "": text, columns.label or "": row.written_label}
                        write(values | dict(zip(PROVENANCE, provenance, strict=True)))
                        generated[row.label] += 1
                        break
        if not generated:
            raise InputError(f"{table}: the plan '{plan}' finds nothing to change in any sentence; give other ops")
    missing = per_class * len(counts) - generated.total()
    if missing:
        note(
            f"{missing:,} of {missing + generated.total():,} sentences are left out: the plan found no change that is "
            "new (no repeat, and none of the table's own sentences); give fewer per class, or more ops"
        )
    return ExportedSentences(out, {name: generated[name] for name in sorted(counts)})


def replay_sentence(row: Mapping[str, Any], source: str) -> str:
    """Regenerate a sentence from its row in the table.

    Args:
        row: TextRow of the table, as `csv.DictReader` or `json.loads` returns it.
        source: Sentence on line `source_row` of the source.

    Returns:
        The same sentence as in the table.

    Raises:
        InputError: If the row was not written by `export_sentences`.

    Example:
        >>> op = Plan("shots: aeda").item_op()
        >>> params = op.sample(1, generator(0))
        >>> row = {"plan": "shots: aeda", "params": json.dumps(params_to_json(params))}
        >>> replay_sentence(row, "where can i buy tea") == op.apply(["where can i buy tea"], params)[0]
        True
    """
    try:
        params = row["params"]
        params = params_from_json(json.loads(params) if isinstance(params, str) else params)
        op = Plan(row["plan"]).item_op()
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise InputError(f"this row has no usable {error}; give one that export_sentences wrote") from None
    return _apply(op, source, params, "the sentence")


def _rows(table: Path, columns: Columns) -> Iterator[TextRow]:
    return (row for row in read_rows(table, columns) if row.text)


def _count_rows(table: Path, columns: Columns, counts: Counter[str]) -> Iterator[str]:
    """The sentences of a table, which are counted by class; says how many rows have none."""
    empty: list[int] = []
    for row in read_rows(table, columns):
        if row.text:
            counts[row.label] += 1
            yield row.text
        else:
            empty.append(row.line)
    if empty:
        note(f"{table}: {len(empty):,} rows without a text are skipped (the first on line {empty[0]})")


def _apply(op: Op, text: str, params: Mapping[str, Any], where: str) -> str:
    try:
        changed: str = op.apply([text], params)[0].strip()
    except InputError as error:  # an op does not know which row its text comes from
        raise InputError(f"{where}: {error}") from None
    return changed


@contextmanager
def _writer(out: Path, names: tuple[str, ...]) -> Iterator[Write]:
    """Function that writes a row; the file replaces `out` when the block ends, and is removed if the block fails."""
    with write_aside(out) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        yield _json_lines(file) if out.suffix.lower() in (".jsonl", ".ndjson") else _delimited(file, out, names)


def _json_lines(file: TextIO) -> Write:
    def write(row: Mapping[str, Any]) -> None:
        file.write(json.dumps({**row, "params": json.loads(row["params"])}, ensure_ascii=False) + "\n")

    return write


def _delimited(file: TextIO, out: Path, names: tuple[str, ...]) -> Write:
    rows = csv.DictWriter(_EndWithLF(file), names, delimiter="," if out.suffix.lower() == ".csv" else "\t")
    rows.writeheader()
    return rows.writerow


class _EndWithLF:
    """Rows that end with LF. Python's writer quotes cells with characters of its own line end, here CR and LF."""

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def write(self, row: str) -> int:
        return self.file.write(row.removesuffix("\r\n") + "\n")
