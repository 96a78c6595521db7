"""`manyshot augment`: new samples of a person's own pictures."""

from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import check_out, quieten
from manyshot.cli.options import Json, Quiet, Seed, Split, examples, print_json

EXAMPLES = examples(
    "manyshot augment photos --plan natural --per-class 50 --out made",
    'manyshot augment scans.zip --plan "shots: affine(10, edge=border) noise(0.05)" --out made --seed 7 --json',
    "",
    "photos/ holds a folder of pictures a class. made/ gets the same folders with new pictures, a contact sheet a",
    "class, and manifest.jsonl, which tells for each picture its source, the ops and their parameters.",
)


def augment(
    folder: Annotated[Path, typer.Argument(help="A folder with a folder of pictures a class, or a zip of one.")],
    plan: Annotated[
        str, typer.Option("--plan", help="What changes a picture: a plan, or a preset (see `manyshot ops`).")
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")],
    per_class: Annotated[int, typer.Option("--per-class", help="New pictures a class, 1 to 100,000.")] = 20,
    split: Split = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace --out if an earlier `manyshot augment` wrote it.")
    ] = False,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make new samples of your pictures and write them as files."""
    from manyshot.augment import Plan
    from manyshot.report.export import export

    quieten(quiet)
    check_out(out.expanduser(), beside=True)
    made = export(folder, Plan.parse(plan), per_class, out, seed=seed, split=split, overwrite=overwrite)
    if as_json:
        print_json(
            {
                "folder": str(made.folder),
                "samples": sum(made.made.values()),
                "classes": dict(made.made),
                "manifest": str(made.manifest),
                "sheets": [str(path) for path in made.sheets],
            }
        )
        return
    print(f"{sum(made.made.values()):,} new pictures of {len(made.made)} classes in {made.folder}")
    print(f"Look at {made.sheets[0]}" + (f" and {len(made.sheets) - 1} more" if len(made.sheets) > 1 else ""))
