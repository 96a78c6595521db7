"""The part of `manyshot augment` for sentences: tables, and question answering in SQuAD's JSON."""

from pathlib import Path

from manyshot.base import InputError
from manyshot.cli.options import columns_of, print_json, refuse


def takes(path: Path) -> bool:
    """Whether a path holds sentences to augment.

    Example:
        >>> takes(Path("faq.csv")), takes(Path("squad.json")), takes(Path("photos"))
        (True, True, False)
    """
    from manyshot.datasets.table_reader import is_table

    return is_table(path) or path.suffix.lower() == ".json"


def augment_text(
    path: Path,
    plan: str,
    out: Path,
    per_class: int | None,
    copies: int | None,
    columns: tuple[str | None, str | None, str | None],
    overwrite: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Make new sentences of a table, or new paragraphs and questions of a SQuAD file, and print what came of it.

    Args:
        path: of the table or JSON.
        plan: what changes a text.
        out: the file to write.
        per_class: new sentences a class of a table; 20 if None.
        copies: new paragraphs of each paragraph of a SQuAD file; 4 if None.
        columns: text and label column and encoding of a table.
        overwrite: whether `out` may be there.
        seed: of the draws.
        as_json: print JSON.
    """
    from manyshot.augment import Plan
    from manyshot.samples.augment_squad import augment_squad
    from manyshot.samples.export_text import export_sentences

    how = Plan(plan)
    if path.suffix.lower() == ".json":
        refuse("on question answering, which has no classes", per_class=per_class)
        refuse("on SQuAD's JSON", **dict(zip(("text_column", "label_column", "encoding"), columns, strict=True)))
        if out.exists() and (not overwrite or out.is_dir() or out.resolve() == path.resolve()):
            raise InputError(f"{out}: is there already; name another, or add --overwrite")
        made = augment_squad(path, how, 4 if copies is None else copies, out, seed)
        if as_json:
            print_json(
                {"file": str(made.path), "paragraphs": made.paragraphs, "questions": made.questions}
                | {"answers": made.answers, "changed": made.changed}
            )
        else:
            print(
                f"{made.paragraphs:,} new paragraphs with {made.questions:,} questions and {made.answers:,} answers, "
                f"each at its place, in {made.path}"
            )
        return
    refuse("on a table; name --per-class", per_item=copies)
    table = export_sentences(
        path,
        how,
        20 if per_class is None else per_class,
        out,
        columns=columns_of(*columns),
        seed=seed,
        overwrite=overwrite,
    )
    if as_json:
        print_json({"file": str(table.path), "samples": sum(table.made.values()), "classes": dict(table.made)})
    else:
        print(f"{sum(table.made.values()):,} new sentences of {len(table.made)} classes in {table.path}")
