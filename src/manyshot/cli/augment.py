"""`manyshot augment`: new samples of a person's own pictures or sentences."""

from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import InputError, check_out, quieten
from manyshot.cli import augment_text
from manyshot.cli.augment_learned import augment_learned
from manyshot.cli.exported import tell_exported
from manyshot.cli.options import Encoding, Json, LabelColumn, Quiet, Seed, Split, TextColumn, examples, refuse

EXAMPLES = examples(
    "manyshot augment photos --plan natural --per-class 50 --out made",
    'manyshot augment scans.zip --plan "shots: affine(10, edge=border) noise(0.05)" --out made --seed 7 --json',
    "manyshot augment photos --run runs/augmenter --per-class 50 --out made",
    'manyshot augment faq.csv --text-column question --label-column topic --plan "shots: eda" --out more.csv',
    'manyshot augment squad.json --plan "shots: eda" --per-item 4 --out more.json',
    "",
    "photos/ holds a folder of pictures a class. made/ gets the same folders with new pictures, a contact sheet a",
    "class, and manifest.jsonl, which tells for each picture its source, the ops and their parameters. A table of new",
    "sentences tells the same of each in its columns.",
)


def augment(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A folder with a folder of pictures a class, or a zip of one; a table of sentences; or SQuAD's JSON.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder to write; for sentences the file.")],
    plan: Annotated[
        str | None, typer.Option("--plan", help="What changes an item: a plan, or a preset (see `manyshot ops`).")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", help="Instead of --plan: an augmenter's run, which looks at all pictures together."),
    ] = None,
    adapt_steps: Annotated[
        int | None,
        typer.Option(
            "--adapt-steps",
            min=0,
            help="With --run: adapt to your pictures first, by leave-one-out; takes two of each class.",
        ),
    ] = None,
    per_class: Annotated[
        int | None, typer.Option("--per-class", help="New items a class, 1 to 100,000; 20 if not given.")
    ] = None,
    per_item: Annotated[
        int | None, typer.Option("--per-item", help="New paragraphs of each in SQuAD's JSON; 4 if not given.")
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    split: Split = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace --out if an earlier `manyshot augment` wrote it.")
    ] = False,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make new samples of your pictures or sentences and write them as files."""
    from manyshot.augment import Plan
    from manyshot.samples.export_pictures import export

    quieten(quiet)
    if (plan is None) == (run is None):
        raise InputError("give one of --plan (what changes an item) and --run (an augmenter's), see --help")
    check_out(out.expanduser(), beside=True)
    columns = {"text_column": text_column, "label_column": label_column, "encoding": encoding}
    if run is not None:
        refuse("with --run, which takes pictures", per_item=per_item, **columns)
        many = 20 if per_class is None else per_class
        augment_learned(folder, run, many, out, split, adapt_steps or 0, overwrite, seed, as_json)
        return
    assert plan is not None  # one of the two is given
    refuse("without --run", adapt_steps=adapt_steps)
    if augment_text.takes(folder):
        refuse("on sentences of one file", split=split)
        where = (text_column, label_column, encoding)
        augment_text.augment_text(
            folder.expanduser(), plan, out.expanduser(), per_class, per_item, where, overwrite, seed, as_json
        )
        return
    refuse("on pictures", per_item=per_item, **columns)
    made = export(
        folder,
        Plan(plan),
        20 if per_class is None else per_class,
        out,
        seed=seed,
        split=split,
        overwrite=overwrite,
    )
    tell_exported(made, as_json)
