"""`manyshot data`: what there is to learn from, whether its files are whole, and what it looks like."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyshot.base import InputError, check_out, did_you_mean, quieten
from manyshot.cli.options import (
    Encoding,
    Json,
    LabelColumn,
    Quiet,
    Root,
    Size,
    Split,
    TextColumn,
    columns_of,
    examples,
    print_json,
    print_table,
    refuse,
)

if TYPE_CHECKING:
    from manyshot.tasks import Source

data = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, check and show data sets, a folder of pictures, or a table.",
)

Name = Annotated[
    str,
    typer.Argument(metavar="NAME|PATH", help="A data set, a folder or zip with a folder a class, or a table."),
]


@data.command("list", epilog=examples("manyshot data list", "manyshot data list --root ~/data --json"))
def list_(root: Root = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """List the data sets, and whether their files are here."""
    from manyshot.datasets import DATASETS
    from manyshot.datasets.fetch import find
    from manyshot.datasets.registry import folder_of

    quieten(quiet)
    found = {
        row.name: sum(find(folder_of(row.name), file, root) is not None for file in row.files)
        for row in DATASETS.values()
    }
    if as_json:
        print_json(
            [
                {
                    "name": row.name,
                    "summary": row.summary,
                    "splits": list(row.splits),
                    "size": row.default_size,
                    "licence": row.licence,
                    "homepage": row.homepage,
                    "files": len(row.files),
                    "found": found[row.name],
                }
                for row in DATASETS.values()
            ]
        )
        return
    rows = []
    for row in DATASETS.values():
        files = f"{found[row.name]} of {len(row.files)} files are here" if row.files else "built in"
        pixels = "sentences" if row.default_size is None else f"{row.default_size} pixels"
        details = f"splits: {', '.join(row.splits)}\n{pixels}; licence: {row.licence}; {files}"
        rows.append((row.name, f"{row.summary}\n{details}"))
    print_table(("name", "what it holds"), rows)
    print(
        "A folder (or zip) with a folder of pictures or text files a class, or a table of sentences, may stand "
        "wherever a name may."
    )


@data.command(
    epilog=examples("manyshot data check omniglot --split small1 --root ~/data", "manyshot data check photos.zip")
)
def check(
    name: Name,
    split: Split = None,
    root: Root = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check whether all files are whole; exit status 1 if not."""
    from manyshot.datasets import DATASETS, load_dataset
    from manyshot.datasets import check as check_files
    from manyshot.datasets.check_pictures import check_pictures
    from manyshot.datasets.text_table import holds_sentences

    quieten(quiet)
    columns = columns_of(text_column, label_column, encoding)
    if name not in DATASETS and holds_sentences(Path(name).expanduser()):
        source = load_dataset(name, split, columns=columns)  # what is broken is told by its line
        facts = {"name": name, "whole": True, "sentences": len(source), "classes": len(source.class_names)}
        if as_json:
            print_json(facts)
        else:
            print(f"{name}: {len(source):,} sentences of {len(source.class_names):,} classes, none broken")
        return
    refuse("on anything but a table", text_column=text_column, label_column=label_column, encoding=encoding)
    if name not in DATASETS and Path(name).expanduser().exists():
        folder = check_pictures(Path(name).expanduser(), split)
        whole = not folder.broken
        if as_json:
            print_json(
                {
                    "name": name,
                    "whole": whole,
                    "pictures": folder.pictures,
                    "classes": folder.classes,
                    "broken": list(folder.broken),
                }
            )
        else:
            for line in folder.broken:
                print(line)
            print(f"{name}: {folder.pictures:,} pictures of {folder.classes:,} classes, {len(folder.broken):,} broken")
    else:
        states = check_files(name, root)
        if split is not None and split not in DATASETS[name].splits:
            raise InputError(f"{name}: no split '{split}'; {did_you_mean(split, DATASETS[name].splits)}")
        states = [state for state in states if split is None or split in state.file.splits]
        whole = all(state.state in ("present", "differs") for state in states)
        if as_json:
            files = [
                {"file": state.file.name, "path": str(state.path), "state": state.state, "url": state.file.url}
                for state in states
            ]
            print_json({"name": name, "whole": whole, "files": files})
        elif not states:
            print(f"{name}: built in, needs no files")
        else:
            meaning = {
                "present": "whole, as published",
                "differs": "whole, but not the published file",
                "truncated": "broken or incomplete; fetch it again",
                "missing": "not here",
            }
            for state in states:
                print(f"{state.path}: {meaning[state.state]}")
    if not whole:
        raise typer.Exit(1)


@data.command(
    epilog=examples(
        "manyshot data show glyphs --split greek --out greek.png",
        "manyshot data show photos --out photos.png --classes 10 --items 12",
        "manyshot data show faq.csv --text-column question --label-column topic",
    )
)
def show(
    name: Name,
    split: Split = None,
    out: Annotated[Path | None, typer.Option("--out", help="Draw a contact sheet to this picture file.")] = None,
    classes: Annotated[int, typer.Option("--classes", min=1, max=500, help="Classes on the sheet, at most.")] = 30,
    items: Annotated[int, typer.Option("--items", min=1, max=100, help="Items of a class on the sheet, at most.")] = 16,
    paper: Annotated[
        bool | None,
        typer.Option("--paper/--no-paper", help="Show bright strokes as dark ink on paper; handwriting is by default."),
    ] = None,
    size: Size = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    root: Root = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Describe what is there: pictures, with --out as a contact sheet, or the sentences of a table, class by class."""
    from manyshot.datasets import DATASETS, load_dataset
    from manyshot.samples.contact_sheet import save, source_sheet

    quieten(quiet)
    if out:
        check_out(out, beside=True)
    source = load_dataset(name, split, root=root, size=size, columns=columns_of(text_column, label_column, encoding))
    facts = source.describe()
    if source.is_text:
        refuse("on sentences, which have no picture", out=out, paper=paper)
        _show_sentences(source, facts, classes, as_json)
        return
    if out:
        ink = name in DATASETS and DATASETS[name].ink
        paper = ink if paper is None else paper
        title = f"{source.name}: {facts['classes']:,} classes, {facts['examples']:,} examples"
        save(source_sheet(source, title=title, most_rows=classes, most_columns=items, paper=paper), out)
    if as_json:
        print_json({**facts, "sheet": out and str(out)})
        return
    per_class = facts["examples_per_class"]
    rows = [
        ("name", facts["name"]),
        ("classes", f"{facts['classes']:,}"),
        ("examples", f"{facts['examples']:,}"),
        ("examples per class", f"{per_class['min']} to {per_class['max']}, median {per_class['median']:g}"),
        ("groups", "none" if facts["groups"] is None else f"{facts['groups']:,}"),
        ("authors", "unknown" if facts["authors"] is None else f"{facts['authors']:,}"),
        ("shape", " x ".join(map(str, facts["shape"])) if facts["shape"] else facts["type"]),
    ]
    print_table(("", ""), rows)
    if out:
        print(f"Contact sheet: {out}")


def _show_sentences(source: "Source", facts: dict[str, Any], most: int, as_json: bool) -> None:
    sizes = sorted(zip(source.counts.tolist(), source.class_names, source.starts.tolist(), strict=False), reverse=True)
    if as_json:
        print_json({**facts, "sizes": {name: size for size, name, _ in sizes}})
        return
    rows = [(name, f"{size:,}", source.gather([start])[0][:80]) for size, name, start in sizes[:most]]
    print_table(("class", "sentences", "such as"), rows, right=(1,))
    left = len(sizes) - len(rows)
    print(
        f"{source.name}: {facts['items']:,} sentences of {facts['classes']:,} classes"
        + (f", of which {left:,} smaller ones are not shown (--classes)" if left else "")
    )
