"""`manyshot augment`: new examples made from images, recordings or sentences."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manyshot.base import InputError, check_out, check_replaceable, quieten
from manyshot.cli.augment_text import augment_squad_file, augment_table, is_squad, is_text
from manyshot.cli.option_groups import expand_options
from manyshot.cli.output import exported_json, look_at, print_exported, print_json, say
from manyshot.cli.scans import WindowOption, is_of_scans
from manyshot.cli.shard_options import ShardArguments, write_shards
from manyshot.cli.shared_options import SEED, ExportKeywords, Json, Quiet, Split, TableArguments, examples, refuse

if TYPE_CHECKING:
    from manyshot.augment import Plan
    from manyshot.meta_augment.auto.auto_plan import Advice

EXAMPLES = examples(
    "manyshot augment photos --plan natural --per-class 50 --out new",
    'manyshot augment scans.zip --plan "shots: affine(10, padding_mode=border) noise(0.05)" --out new --seed 7 --json',
    "manyshot augment photos --plan auto --explain --out new",
    "manyshot augment photos --run runs/augmenter --per-class 50 --out new",
    'manyshot augment volumes --plan "shots: affine3 elastic3 bias_field3" --per-class 50 --out new',
    'manyshot augment faq.csv --text-column question --label-column topic --plan "shots: reword" --out more.csv',
    'manyshot augment recordings --plan "shots: speed(1.1) pitch(2) hiss(snr=10)" --out new',
    "manyshot augment millions --plan natural --shards webdataset --per-item 2 --jobs 8 --out shards",
    'manyshot augment products.csv --parts auto --plan "shots: mirror typos drop" --out new',
    'manyshot augment squad.json --plan "shots: eda" --per-item 4 --out more.json',
    "",
    "photos/ holds a folder of images per class. new/ gets the same folders with new images, a contact sheet per",
    "class, and manifest.jsonl, which records each image's source, ops and parameters. A table of new sentences",
    "records the same in its columns.",
)


AUTO = "auto"


@dataclass(frozen=True)
class AugmentArguments:
    """What to make new examples from, how, and where to write them.

    Args:
        data: Path of images or sentences.
        out: Folder or file to write.
        plan: How an example is changed; "auto" to choose.
        explain: Say why `auto` chose the plan.
        explain_sheet: Picture to write of what it looked at.
        run: Folder of an augmenter's run instead.
        adapt_steps: Steps in which the augmenter adapts to the images; none if None.
        per_class: Number of new examples per class; 20 if None.
        fill_up: Whether that number counts the images that are there.
        per_item: Number of new paragraphs per paragraph of SQuAD's JSON; 4 if None.
        split: Part of the images.
        window: Which values of scans, or gray values of images, become black and white.
        overwrite: Replace what an earlier export wrote.
        fix_offsets: Move misplaced answers of SQuAD's JSON.
        seed: Seed of the draws.
    """

    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A folder with a folder of images, scans or recordings per class, or a zip of one; a table of "
            "sentences; or SQuAD's JSON.",
        ),
    ]
    out: Annotated[Path, typer.Option("--out", help="The folder to write; for sentences the file.")]
    plan: Annotated[
        str | None,
        typer.Option(
            "--plan",
            help="How an example is changed: a plan, a preset (see `manyshot ops`), or auto to choose one for images.",
        ),
    ] = None
    explain: Annotated[
        bool, typer.Option("--explain", help="With --plan auto: say what was seen in the images, and what follows.")
    ] = False
    explain_sheet: Annotated[
        Path | None,
        typer.Option("--explain-sheet", help="With --plan auto: a picture (.png) to write, of what was looked at."),
    ] = None
    run: Annotated[
        Path | None,
        typer.Option("--run", help="Instead of --plan: run of a learned augmenter, which sees all images together."),
    ] = None
    adapt_steps: Annotated[
        int | None,
        typer.Option(
            "--adapt-steps",
            min=0,
            help="With --run: first adapt to your images, by leave-one-out; needs two of each class.",
        ),
    ] = None
    per_class: Annotated[
        int | None, typer.Option("--per-class", help="New examples per class, 1 to 100,000; 20 if not given.")
    ] = None
    fill_up: Annotated[
        bool,
        typer.Option(
            "--fill-up",
            help="Of pictures, scans, recordings: --per-class counts those there are, so that rare classes get more.",
        ),
    ] = False
    per_item: Annotated[
        int | None,
        typer.Option(
            "--per-item",
            help="New paragraphs per paragraph of SQuAD's JSON (4 if not given); with --shards pictures per picture.",
        ),
    ] = None
    fix_offsets: Annotated[
        bool,
        typer.Option(
            "--fix-offsets",
            help="Move answers of SQuAD's JSON that are not at their answer_start to where they stand, if once.",
        ),
    ] = False
    split: Split = None
    window: WindowOption = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace --out if an earlier `manyshot augment` wrote it.")
    ] = False
    seed: Annotated[int, SEED] = 0

    @property
    def count(self) -> int:
        """Number of new examples per class."""
        return 20 if self.per_class is None else self.per_class

    @property
    def export(self) -> ExportKeywords:
        """The options of every export."""
        return {"seed": self.seed, "split": self.split, "overwrite": self.overwrite}

    def read_plan(self) -> "Plan":
        """The plan, where there is no run.

        Raises:
            InputError: If it cannot be read, or balances classes.
        """
        from manyshot.augment import Plan

        assert self.plan is not None
        plan = Plan(self.plan)
        if any(clause.balanced for clause in plan.syntax.clauses):
            raise InputError(
                "plan: 'balanced' has no meaning here, where --per-class or --per-item says how many there are; "
                "leave it out, and fill rare classes up by --fill-up"
            )
        return plan


@expand_options
def augment(
    options: AugmentArguments,
    how: ShardArguments,
    table: TableArguments,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make new examples from your images, recordings or sentences and write them as files."""
    from manyshot.datasets.list_multipart import holds_parts
    from manyshot.datasets.recordings import holds_recordings

    quieten(quiet)
    if (options.plan is None) == (options.run is None):
        raise InputError("give one of --plan (how an example is changed) and --run (a learned augmenter), see --help")
    check_out(options.out.expanduser(), beside=True)
    if how.shards is not None:
        refuse("with --shards, which takes images", window=options.window, **asdict(table))
        write_shards(options, how, as_json)
        return
    how.refuse()
    if options.plan != AUTO:
        refuse("without --plan auto", explain=options.explain or None, explain_sheet=options.explain_sheet)
    if options.explain_sheet is not None:
        check_out(options.explain_sheet.expanduser(), beside=True, option="--explain-sheet")
        check_replaceable(options.explain_sheet.expanduser(), option="--explain-sheet")
    fill_up = options.fill_up or None
    if options.run is None and is_of_scans(str(options.data)):
        refuse("on scans", split=options.split, per_item=options.per_item, **asdict(table))
        _augment_scans(options, as_json)
        return
    if options.run is not None:
        refuse("with --run", window=options.window, fill_up=fill_up)
        refuse("with --run, which takes images", per_item=options.per_item, **asdict(table))
        _augment_learned(options, as_json)
        return
    refuse("without --run", adapt_steps=options.adapt_steps)
    data = options.data.expanduser()
    if holds_parts(data, table.columns()):
        refuse("on examples of several parts; give --per-class", per_item=options.per_item, fill_up=fill_up)
        refuse("on examples of several parts", window=options.window)
        _augment_parts(options, table, as_json)
        return
    if is_text(options.data) or holds_recordings(data):
        refuse("on anything but scans and images", window=options.window)
    if is_text(options.data):
        refuse("on sentences", fill_up=fill_up)
        refuse("on sentences of one file", split=options.split)
        if is_squad(options.data):
            refuse("on question answering, which has no classes", per_class=options.per_class)
            refuse("on SQuAD's JSON", **asdict(table))
            augment_squad_file(options, as_json)
        else:
            refuse("on a table; give --per-class", per_item=options.per_item)
            augment_table(options, table, as_json)
        return
    refuse("on images and recordings", per_item=options.per_item, **asdict(table))
    if holds_recordings(data):
        _augment_sounds(options, as_json)
    else:
        _augment_images(options, as_json)


def _augment_images(options: AugmentArguments, as_json: bool) -> None:
    """Change each image of a folder by a plan, which `auto` chooses for the images."""
    from manyshot.samples.export_pictures import export

    plan, advice = _auto_plan(options) if options.plan == AUTO else (options.read_plan(), None)
    exported = export(
        options.data,
        plan,
        options.count,
        options.out,
        window=options.window,
        fill_up=options.fill_up,
        **options.export,
    )
    if options.plan == AUTO:
        from manyshot.meta_augment.auto.explain import as_dict, explain

        if as_json:
            explained = {} if advice is None else {"advice": as_dict(advice)}
            print_json(exported_json(exported) | {"plan": str(plan)} | explained)
            return
        say(explain(advice) + "\n" if advice is not None and options.explain else f"Plan: {plan}", keep="\n")
    print_exported(exported, as_json)


def _augment_scans(options: AugmentArguments, as_json: bool) -> None:
    """Change each scan of a folder, and its mask, by a plan."""
    from manyshot.datasets.window import DEFAULT_WINDOW
    from manyshot.samples.export_scans import export_scans

    if options.plan == AUTO:
        raise InputError("--plan auto looks at pictures alone; of scans take a preset, such as mri-volume, or name ops")

    exported = export_scans(
        options.data,
        options.read_plan(),
        options.count,
        options.out,
        window=options.window or DEFAULT_WINDOW,
        seed=options.seed,
        overwrite=options.overwrite,
        fill_up=options.fill_up,
    )
    print_exported(exported, as_json, "scans")


def _augment_sounds(options: AugmentArguments, as_json: bool) -> None:
    """Change each recording of a folder by a plan."""
    from manyshot.samples.export_sounds import export_sounds

    exported = export_sounds(
        options.data, options.read_plan(), options.count, options.out, fill_up=options.fill_up, **options.export
    )
    print_exported(exported, as_json, "recordings")


def _augment_parts(options: AugmentArguments, table: TableArguments, as_json: bool) -> None:
    """Change each example of several parts by a plan."""
    from manyshot.samples.export_parts import TABLE, export_parts

    if options.plan == AUTO:
        raise InputError("--plan auto is for images alone; name the ops for examples of several parts")
    plan, columns = options.read_plan(), table.columns()
    exported = export_parts(options.data, plan, options.count, options.out, columns=columns, **options.export)
    if as_json:
        print_json(exported_json(exported) | {"table": str(exported.folder / TABLE)})
        return
    samples = f"{sum(exported.generated.values()):,} new examples of {len(exported.generated)} classes"
    say(f"{samples} in {exported.folder / TABLE}, with their files beside it")


def _auto_plan(options: AugmentArguments) -> "tuple[Plan, Advice | None]":
    """The plan of `auto` for the images; where it is asked for what it says of them, and a picture of it."""
    from manyshot.classify.choose.auto_plan_for_examples import choose_auto_plan, explain_auto_plan, shown_pictures
    from manyshot.classify.examples.read_examples import load_examples
    from manyshot.report.advice_sheet import advice_sheet
    from manyshot.samples.contact_sheet import save_image

    examples = load_examples(options.data, split=options.split, window=options.window)
    if not options.explain and options.explain_sheet is None:
        return choose_auto_plan(examples, options.seed), None
    advice = explain_auto_plan(examples, options.seed)
    if options.explain_sheet is not None:
        sheet = advice_sheet(shown_pictures(examples), advice, seed=options.seed)
        save_image(sheet, options.explain_sheet)
    return advice.plan, advice


def _augment_learned(options: AugmentArguments, as_json: bool) -> None:
    """Make examples with a learned augmenter, which sees all images of a folder together."""
    from manyshot.meta_augment.augmenter_run import load_augmenter_run
    from manyshot.samples.export_learned import export_learned

    assert options.run is not None  # the caller has checked
    exported = export_learned(
        options.data,
        load_augmenter_run(options.run),
        options.count,
        options.out,
        seed=options.seed,
        split=options.split,
        adapt_steps=options.adapt_steps or 0,
        overwrite=options.overwrite,
    )
    if as_json:
        features = None if exported.features is None else str(exported.features)
        print_json(exported_json(exported) | {"features": features})
    elif exported.features is None:
        print_exported(exported, as_json)
    else:
        samples = f"{sum(exported.generated.values()):,} new features of {len(exported.generated)} classes"
        say(f"{samples}, with weights and labels, in {exported.features}")
        say(f"Look at the real images nearest to them: {look_at(exported.sheets)}")
