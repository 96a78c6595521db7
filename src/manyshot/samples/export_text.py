"""Made sentences as a file: a table of new rows, each of which tells what it was made of and how."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from manyshot.augment import Op, Plan
from manyshot.augment.ops.kinds import require_kind
from manyshot.base import InputError, note, write_aside
from manyshot.base.progress import bar
from manyshot.base.seeds import generator
from manyshot.datasets.table_reader import Columns, Row, is_table, named_columns, read_rows
from manyshot.samples.export_pictures import MOST, plain, tensors

PROVENANCE = ("source_row", "number", "plan", "params", "seed")
"""Columns beside text and class: the line in the source, which sample of its class, and what made it."""

Write = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class ExportedSentences:
    """What was written.

    Args:
        path: of the table.
        made: how many sentences each class got.
    """

    path: Path
    made: Mapping[str, int]


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
    r"""Make new sentences of those of a table and write them as another, all or none.

    The sentences of a class take turns: sample k of a class of n comes from its sentence k modulo n, and its parameters
    depend on the seed, the class's name and k alone. The table is read twice, a row at a time, so that it may be larger
    than memory: once to check and count, once to make.

    Args:
        table: `.csv`, `.tsv` or `.jsonl`, see `manyshot.datasets.table_reader.read_rows`.
        plan: its shots' ops make the samples; those of the support if it has no shots.
        per_class: samples a class, 1 to 100,000.
        out: the table to write, in UTF-8; its ending says of what kind. It gets the source's two columns and those of
            `PROVENANCE`; `params` are JSON (see `replay_sentence`).
        columns: where the source has sentences and classes.
        seed: the same seed gives the same bytes.
        overwrite: replace `out` if it is there.

    Raises:
        InputError: if the table cannot be read, the plan makes no sentences, or `out` is in use.

    Example:
        >>> import tempfile
        >>> faq = Path(tempfile.mkdtemp()) / "faq.csv"
        >>> _ = faq.write_text("text,label\nwhere can i buy tea,shop\n")
        >>> made = export_sentences(faq, Plan("shots: aeda"), per_class=3, out=faq.with_name("more.csv"))
        >>> dict(made.made), made.path.read_text().splitlines()[0]
        ({'shop': 3}, 'text,label,source_row,number,plan,params,seed')
    """
    table, out = Path(table).expanduser(), Path(out).expanduser()
    if not 1 <= per_class <= MOST:
        raise InputError(f"per_class={per_class}: give 1 to {MOST:,} samples a class")
    if not is_table(out):
        raise InputError(f"{out}: sentences are written as a table; name a file that ends with .csv, .tsv or .jsonl")
    if out.exists() and (out.is_dir() or out.resolve() == table.resolve()):
        raise InputError(f"{out}: is {'a folder' if out.is_dir() else 'the source itself'}; name another file")
    if out.exists() and not overwrite:
        raise InputError(f"{out}: is there already; name another, or add --overwrite")
    op, columns = plan.item_op(), named_columns(table, columns or Columns())
    require_kind(op, "texts")
    taken = {columns.text, columns.label} & set(PROVENANCE)
    if taken:
        raise InputError(f"{table}: a column '{taken.pop()}' would be lost among those that are added; rename it")
    counts = Counter(row.label for row in _rows(table, columns))
    if not counts:
        raise InputError(f"{table}: no sentences; write one a row, below the names of the columns")
    made: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    unchanged = 0
    with _writer(out, (columns.text or "", columns.label or "", *PROVENANCE)) as write, bar() as progress:
        task = progress.add_task("make sentences", total=per_class * len(counts), note="")
        for row in _rows(table, columns):
            place = seen[row.label]
            seen[row.label] += 1
            for number in range(place, per_class, counts[row.label]):
                params = op.sample(1, generator(seed, "export", row.label, number))
                text = _changed(op, row.text, params, f"{table}: line {row.line}")
                provenance = (row.line, number, str(plan), json.dumps(plain(params)), seed)
                own = {columns.text or "": text, columns.label or "": row.label}
                write(own | dict(zip(PROVENANCE, provenance, strict=True)))
                unchanged += text == row.text
                made[row.label] += 1
                progress.advance(task)
    if unchanged:
        note(f"{unchanged:,} of {made.total():,} sentences came out as they were; the plan found nothing to change")
    return ExportedSentences(out, dict(sorted(made.items())))


def replay_sentence(made: Mapping[str, Any], source: str) -> str:
    """Make a sentence again.

    Args:
        made: its row, as `csv.DictReader` or `json.loads` gives it.
        source: the sentence on line `source_row` of the source.

    Raises:
        InputError: if the row is of another kind.

    Example:
        >>> op = Plan("shots: aeda").item_op()
        >>> params = op.sample(1, generator(0))
        >>> row = {"plan": "shots: aeda", "params": json.dumps(plain(params))}
        >>> replay_sentence(row, "where can i buy tea") == op.apply(["where can i buy tea"], params)[0]
        True
    """
    try:
        params = made["params"]
        params = tensors(json.loads(params) if isinstance(params, str) else params)
        op = Plan(made["plan"]).item_op()
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise InputError(f"a row without a usable {error}; give one that export_sentences wrote") from None
    return _changed(op, source, params, "the sentence")


def _rows(table: Path, columns: Columns) -> Iterator[Row]:
    return (row for row in read_rows(table, columns) if row.text)


def _changed(op: Op, text: str, params: Mapping[str, Any], where: str) -> str:
    try:
        changed: str = op.apply([text], params)[0]
    except InputError as error:  # an op knows the text alone, not where it stands
        raise InputError(f"{where}: {error}") from None
    return changed


@contextmanager
def _writer(out: Path, names: tuple[str, ...]) -> Iterator[Write]:
    """What writes a row; the file takes its place at the end, or goes when the block fails."""
    with write_aside(out) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        yield _json_lines(file) if out.suffix.lower() in (".jsonl", ".ndjson") else _delimited(file, out, names)


def _json_lines(file: TextIO) -> Write:
    def write(row: Mapping[str, Any]) -> None:
        file.write(json.dumps({**row, "params": json.loads(row["params"])}, ensure_ascii=False) + "\n")

    return write


def _delimited(file: TextIO, out: Path, names: tuple[str, ...]) -> Write:
    writer = csv.DictWriter(file, names, delimiter="," if out.suffix.lower() == ".csv" else "\t", lineterminator="\n")
    writer.writeheader()
    return writer.writerow
