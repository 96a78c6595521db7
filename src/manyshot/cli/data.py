"""`manyshot data`: what there is to learn from, whether its files are whole, and what it looks like."""

from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import InputError, check_out, did_you_mean, quieten
from manyshot.cli.options import Json, Quiet, Root, Size, Split, examples, print_json, print_table

data = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, check and show data sets, or a folder of pictures."
)

Name = Annotated[
    str, typer.Argument(metavar="NAME|FOLDER", help="A data set, or a folder or zip with a folder a class.")
]


@data.command("list", epilog=examples("manyshot data list", "manyshot data list --root ~/data --json"))
def list_(root: Root = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """List the data sets, and whether their files are here."""
    from manyshot.datasets import DATASETS
    from manyshot.datasets.fetch import find
    from manyshot.datasets.table import folder_of

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
        details = f"splits: {', '.join(row.splits)}\n{row.default_size} pixels; licence: {row.licence}; {files}"
        rows.append((row.name, f"{row.summary}\n{details}"))
    print_table(("name", "what it holds"), rows)
    print("A folder with a folder of pictures a class, or a zip of one, may stand wherever a name may.")


@data.command(
    epilog=examples("manyshot data check omniglot --split small1 --root ~/data", "manyshot data check photos.zip")
)
def check(name: Name, split: Split = None, root: Root = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """Check whether all files are whole; exit status 1 if not."""
    from manyshot.datasets import DATASETS
    from manyshot.datasets import check as check_files
    from manyshot.datasets.whole import check_pictures

    quieten(quiet)
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
    root: Root = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Describe what is there; with --out, draw a contact sheet."""
    from manyshot.datasets import DATASETS, load
    from manyshot.report.gallery import save, source_sheet

    quieten(quiet)
    if out:
        check_out(out, beside=True)
    source = load(name, split, root=root, size=size)
    facts = source.describe()
    if out:
        ink = name in DATASETS and DATASETS[name].ink
        paper = ink if paper is None else paper
        title = f"{source.name}: {facts['classes']:,} classes, {facts['items']:,} items"
        save(source_sheet(source, title=title, most_rows=classes, most_columns=items, paper=paper), out)
    if as_json:
        print_json({**facts, "sheet": out and str(out)})
        return
    each = facts["items_a_class"]
    rows = [
        ("name", facts["name"]),
        ("classes", f"{facts['classes']:,}"),
        ("items", f"{facts['items']:,}"),
        ("items a class", f"{each['least']} to {each['most']}, median {each['median']:g}"),
        ("groups", "none" if facts["groups"] is None else f"{facts['groups']:,}"),
        ("authors", "unknown" if facts["authors"] is None else f"{facts['authors']:,}"),
        ("shape", " x ".join(map(str, facts["shape"])) if facts["shape"] else facts["type"]),
    ]
    print_table(("", ""), rows)
    if out:
        print(f"Contact sheet: {out}")
