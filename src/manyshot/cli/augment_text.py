"""`manyshot augment` on sentences: tables, and question answering in SQuAD's JSON."""

from pathlib import Path
from typing import TYPE_CHECKING

from manyshot.base import InputError
from manyshot.cli.output import print_json, say
from manyshot.cli.shared_options import TableArguments

if TYPE_CHECKING:
    from manyshot.cli.augment import AugmentArguments


def is_squad(path: Path) -> bool:
    """Whether a path names question answering in SQuAD's JSON.

    Example:
        >>> is_squad(Path("squad.json")), is_squad(Path("faq.csv"))
        (True, False)
    """
    return path.suffix.lower() == ".json"


def is_text(path: Path) -> bool:
    """Whether a path holds sentences to augment.

    Example:
        >>> is_text(Path("faq.csv")), is_text(Path("squad.json")), is_text(Path("photos"))
        (True, True, False)
    """
    from manyshot.datasets.table_reader import is_table

    return is_table(path) or is_squad(path)


def augment_squad_file(options: "AugmentArguments", as_json: bool) -> None:
    """Make new paragraphs and questions of a SQuAD file.

    Args:
        options: Options of the command.
        as_json: Print JSON.

    Raises:
        InputError: If the file to write exists, or SQuAD's JSON cannot be read.
    """
    from manyshot.samples.augment_squad import augment_squad

    path, out = options.data.expanduser(), options.out.expanduser()
    if out.exists() and (not options.overwrite or out.is_dir() or out.resolve() == path.resolve()):
        raise InputError(f"{out}: exists already; choose another --out, or add --overwrite")
    copies = 4 if options.per_item is None else options.per_item
    result = augment_squad(path, options.read_plan(), copies, out, options.seed, options.fix_offsets)
    if as_json:
        counts = ("paragraphs", "questions", "answers", "changed")
        print_json({"file": str(result.path)} | {name: getattr(result, name) for name in counts})
        return
    say(
        f"{result.paragraphs:,} new paragraphs with {result.questions:,} questions and {result.answers:,} answers "
        f"at their positions, in {result.path}"
    )


def augment_table(options: "AugmentArguments", table: TableArguments, as_json: bool) -> None:
    """Make new sentences of a table.

    Args:
        options: Options of the command.
        table: Columns and encoding of the table.
        as_json: Print JSON.

    Raises:
        InputError: If the table cannot be read, or the file to write exists.
    """
    from manyshot.samples.export_text import export_sentences

    exported = export_sentences(
        options.data.expanduser(),
        options.read_plan(),
        options.count,
        options.out.expanduser(),
        columns=table.columns(),
        seed=options.seed,
        overwrite=options.overwrite,
    )
    samples, classes = sum(exported.generated.values()), dict(exported.generated)
    if as_json:
        print_json({"file": str(exported.path), "samples": samples, "classes": classes})
    else:
        say(f"{samples:,} new sentences of {len(classes)} classes in {exported.path}")
