"""`manyshot data`: which data sets there are, whether their files are complete, and what they look like."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyshot.base import InputError, check_out, check_replaceable, did_you_mean, quieten
from manyshot.cli.option_groups import expand_options
from manyshot.cli.output import print_json, print_table, say
from manyshot.cli.scans import WindowOption, is_of_scans, show_scans
from manyshot.cli.shared_options import Json, Quiet, Root, Size, Split, TableArguments, command_group, examples, refuse

if TYPE_CHECKING:
    from manyshot.datasets.check_pictures import FolderState
    from manyshot.tasks import Source

data = command_group("List, check and show data sets, a folder of images, or a table.")

Name = Annotated[
    str,
    typer.Argument(metavar="NAME|PATH", help="A data set, a folder or zip with a folder per class, or a table."),
]
MOST_TWINS = 20
FILE_STATES = {
    "present": "complete, as published",
    "differs": "complete, but not the published file",
    "truncated": "damaged or incomplete; download it again",
    "missing": "not here",
}


@data.command("list", epilog=examples("manyshot data list", "manyshot data list --root ~/data --json"))
def list_(root: Root = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """List the data sets, and whether their files are here."""
    from manyshot.datasets import DATASETS
    from manyshot.datasets.fetch import find_file
    from manyshot.datasets.registry import folder_name

    quieten(quiet)
    found = {
        row.name: sum(find_file(folder_name(row.name), file, root) is not None for file in row.files)
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
                    "license": row.license,
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
        other = "sounds" if row.sounds else "sentences"
        pixels = other if row.default_size is None else f"{row.default_size} pixels"
        details = f"splits: {', '.join(row.splits)}\n{pixels}; license: {row.license}; {files}"
        rows.append((row.name, f"{row.summary}\n{details}"))
    print_table(("name", "contents"), rows)
    say(
        "Wherever a name is accepted, so is the path of a folder (or zip) with a folder of images or text files per "
        "class, or of a table of sentences."
    )


@data.command(
    epilog=examples("manyshot data check omniglot --split small1 --root ~/data", "manyshot data check photos.zip")
)
@expand_options
def check(
    name: Name,
    table: TableArguments,
    split: Split = None,
    root: Root = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check whether all files are complete; exit status 1 if not."""
    from manyshot.datasets import DATASETS
    from manyshot.datasets.list_multipart import holds_parts
    from manyshot.datasets.text_table import holds_sentences

    quieten(quiet)
    path = Path(name).expanduser()
    if name not in DATASETS and holds_parts(path, table.columns()):
        facts, lines = _check_parts(name, split, table)
    elif name not in DATASETS and holds_sentences(path):
        facts, lines = _check_table(name, split, table)
    else:
        refuse("on anything but a table", **asdict(table))
        if name not in DATASETS and is_of_scans(name):
            refuse("on scans", split=split)
            facts, lines = _check_scans(name)
        elif name not in DATASETS and path.exists():
            facts, lines = _check_images(name, split)
        else:
            facts, lines = _check_data_set(name, split, root)
    if as_json:
        print_json({"name": name, **facts})
    else:
        for line in lines:
            say(line)
    if not facts["whole"]:
        raise typer.Exit(1)


def _check_table(name: str, split: str | None, table: TableArguments) -> tuple[dict[str, Any], list[str]]:
    """Facts for JSON, and lines to print, of a table of sentences; a damaged row is an error that names its line."""
    from manyshot.datasets import load_dataset

    source = load_dataset(name, split, columns=table.columns())
    sentences, classes = len(source), len(source.class_names)
    what = "sentences" if source.is_text else "pictures"
    facts = {"whole": True, what: sentences, "classes": classes}
    return facts, [f"{name}: {sentences:,} {what} of {classes:,} classes, none broken"]


def _check_scans(name: str) -> tuple[dict[str, Any], list[str]]:
    """The same of a folder or zip of scans, and in what some are unlike the others."""
    from manyshot.datasets.check_scans import check_scans

    state = check_scans(Path(name).expanduser())
    facts = {"whole": not state.broken} | asdict(state)
    count = f"{name}: {state.scans:,} scans of {state.classes:,} classes, {state.masks:,} with masks"
    return facts, [*state.broken, *state.warnings, f"{count}, {len(state.broken):,} broken"]


def _check_parts(name: str, split: str | None, table: TableArguments) -> tuple[dict[str, Any], list[str]]:
    """The same of examples of several parts; a damaged file is an error that names it."""
    from manyshot.classify.multipart.parted_examples import load_parted

    found = load_parted(name, columns=table.columns(), split=split)
    parts = {part: {"kind": kind, "missing": found.missing()[part]} for part, kind in found.kinds.items()}
    facts = {"whole": True, "examples": len(found), "classes": len(found.class_names), "parts": parts}
    told = ", ".join(f"{part} ({one['kind']}, {one['missing']:,} missing)" for part, one in parts.items())
    return facts, [f"{name}: {len(found):,} examples of {len(found.class_names):,} classes, none broken; parts: {told}"]


def _check_images(name: str, split: str | None) -> tuple[dict[str, Any], list[str]]:
    """The same of a folder or zip of images."""
    from manyshot.datasets.check_pictures import check_pictures

    folder = check_pictures(Path(name).expanduser(), split)
    broken = list(folder.broken)
    facts = {"whole": not broken, "pictures": folder.pictures, "classes": folder.classes, "broken": broken}
    facts["duplicates"] = [
        {"first": "/".join(one.first), "second": "/".join(one.second), "equal": one.equal} for one in folder.duplicates
    ]
    count = f"{name}: {folder.pictures:,} images of {folder.classes:,} classes, {len(broken):,} broken"
    return facts, [*broken, *_twin_lines(folder), count]


def _twin_lines(folder: "FolderState") -> list[str]:
    """Name the images that are there twice where it matters: with two labels, or in two splits."""
    if not folder.duplicates:
        return []
    equal = sum(one.equal for one in folder.duplicates)
    lines = [
        f"{len(folder.duplicates):,} images look like an earlier one ({equal:,} are equal to it), "
        f"{len(folder.duplicates_in_two_classes):,} in another class, "
        f"{len(folder.duplicates_in_two_splits):,} in another split"
    ]
    serious = dict.fromkeys((*folder.duplicates_in_two_classes, *folder.duplicates_in_two_splits))
    for first, second, same in list(serious)[:MOST_TWINS]:
        lines.append(f"'{'/'.join(first)}' and '{'/'.join(second)}' {'are equal' if same else 'look alike'}")
    return lines + (["... (all with --json)"] if len(serious) > MOST_TWINS else [])


def _check_data_set(name: str, split: str | None, root: Path | None) -> tuple[dict[str, Any], list[str]]:
    """The same of a data set's official files."""
    from manyshot.datasets import DATASETS, check_dataset

    states = check_dataset(name, root)
    if split is not None and split not in DATASETS[name].splits:
        raise InputError(f"{name}: no split '{split}'; {did_you_mean(split, DATASETS[name].splits)}")
    states = [state for state in states if split is None or split in state.file.splits]
    files = [
        {"file": state.file.name, "path": str(state.path), "state": state.state, "url": state.file.url}
        for state in states
    ]
    lines = [f"{state.path}: {FILE_STATES[state.state]}" for state in states]
    whole = all(state.state in ("present", "differs") for state in states)
    return {"whole": whole, "files": files}, lines or [f"{name}: built in, needs no files"]


@data.command(
    epilog=examples(
        "manyshot data show glyphs --split greek --out greek.png",
        "manyshot data show photos --out photos.png --classes 10 --items 12",
        "manyshot data show faq.csv --text-column question --label-column topic",
        "manyshot data show scan.nii.gz --window brain --out scan.png",
    )
)
@expand_options
def show(
    name: Name,
    table: TableArguments,
    split: Split = None,
    out: Annotated[Path | None, typer.Option("--out", help="Draw a contact sheet to this image file.")] = None,
    classes: Annotated[int, typer.Option("--classes", min=1, max=500, help="Most classes on the sheet.")] = 30,
    items: Annotated[int, typer.Option("--items", min=1, max=100, help="Most examples of a class on the sheet.")] = 16,
    paper: Annotated[
        bool | None,
        typer.Option(
            "--paper/--no-paper", help="Draw bright strokes as dark ink on paper; by default for handwriting only."
        ),
    ] = None,
    size: Size = None,
    window: WindowOption = None,
    root: Root = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Describe a data set: images or scans, with --out as a contact sheet, or the sentences of a table."""
    from manyshot.datasets import DATASETS, load_dataset
    from manyshot.samples.contact_sheet import draw_source_sheet, save_image
    from manyshot.tasks import Parts

    quieten(quiet)
    if out:
        check_out(out, beside=True)
        check_replaceable(out)
    if name not in DATASETS and is_of_scans(name):
        refuse("on scans", split=split, paper=paper, size=size, **asdict(table))
        show_scans(Path(name).expanduser(), window, out, classes, items, as_json)
        return
    refuse("on anything but scans", window=window)
    source = load_dataset(name, split, root=root, size=size, columns=table.columns())
    facts = source.describe()
    if source.is_text:
        refuse("on sentences, which have no contact sheet", out=out, paper=paper)
        _show_sentences(source, facts, classes, as_json)
        return
    if isinstance(source.store, Parts):
        refuse("on examples of several parts, which have no contact sheet", out=out, paper=paper)
        facts["missing"] = {part: int((~mask).sum()) for part, mask in source.store.there.items()}
    if out:
        paper = (name in DATASETS and DATASETS[name].ink) if paper is None else paper
        title = f"{source.name}: {facts['classes']:,} classes, {facts['examples']:,} examples"
        save_image(draw_source_sheet(source, title=title, max_rows=classes, max_columns=items, paper=paper), out)
    if as_json:
        print_json({**facts, "sheet": out and str(out)})
        return
    print_table(("", ""), _image_facts(facts))
    if out:
        say(f"Contact sheet: {out}")


@data.command(
    epilog=examples(
        "manyshot data styles slides --out styles.json",
        "manyshot augment slides --plan 'shots: stain-style(file=\"styles.json\")' --out more",
    )
)
def styles(
    name: Name,
    out: Annotated[Path, typer.Option("--out", help="Write the styles to this JSON file.")],
    split: Split = None,
    size: Size = None,
    root: Root = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how color images of tissue are stained, for `stain-style(file=...)` and `stain-normalize(file=...)`."""
    from manyshot.augment.image.stain.stain_styles import FORMAT, StainStyles, write_styles
    from manyshot.datasets import load_dataset
    from manyshot.tasks.items import floats

    quieten(quiet)
    check_out(out, beside=True)
    check_replaceable(out, mark=FORMAT)
    source = load_dataset(name, split, root=root, size=size, color=True)
    if source.is_text:
        raise InputError(f"{name}: holds sentences; give images")
    measured = StainStyles.of(floats(source.gather(range(len(source)))))
    write_styles(out, measured)
    if as_json:
        print_json({"name": name, "out": str(out), **asdict(measured)})
    else:
        say(f"{name}: styles of {len(source):,} images in {out}")


def _image_facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values of what is known of a source of images."""
    sizes = facts["examples_per_class"]
    return [
        ("name", facts["name"]),
        ("classes", f"{facts['classes']:,}"),
        ("examples", f"{facts['examples']:,}"),
        ("examples per class", f"{sizes['min']} to {sizes['max']}, median {sizes['median']:g}"),
        ("groups", "none" if facts["groups"] is None else f"{facts['groups']:,}"),
        ("authors", "unknown" if facts["authors"] is None else f"{facts['authors']:,}"),
        ("shape", " x ".join(map(str, facts["shape"])) if facts["shape"] else facts["type"]),
        *[("missing", f"{part}: {count:,}") for part, count in facts.get("missing", {}).items() if count],
    ]


def _show_sentences(source: "Source", facts: Mapping[str, Any], most: int, as_json: bool) -> None:
    """Print the classes of sentences, the largest first, with an example each."""
    sizes = sorted(zip(source.counts.tolist(), source.class_names, source.starts.tolist(), strict=False), reverse=True)
    if as_json:
        print_json({**facts, "sizes": {name: size for size, name, _ in sizes}})
        return
    rows = [(name, f"{size:,}", source.gather([start])[0][:80]) for size, name, start in sizes[:most]]
    print_table(("class", "sentences", "example"), rows, right=(1,))
    hidden = len(sizes) - len(rows)
    say(
        f"{source.name}: {facts['examples']:,} sentences of {facts['classes']:,} classes"
        + (f", of which {hidden:,} smaller ones are not shown (--classes)" if hidden else "")
    )
