"""`manyshot gan`: generative models, from training to made pictures and how far to trust them."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import check_out, note, quieten
from manyshot.cli import training_options as option
from manyshot.cli.exported import tell_exported
from manyshot.cli.options import Json, Quiet, Root, Seed, Size, Split, examples, print_json, print_table

gan = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Generative models: train one, make pictures, make more of your own pictures, score what it makes.",
)

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `manyshot gan train` wrote.")]
Out = Annotated[Path, typer.Option("--out", help="The folder to write.")]
PerClass = Annotated[int, typer.Option("--per-class", help="Pictures of each class, 1 to 100,000.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace --out if an earlier export wrote it.")]


@gan.command(
    epilog=examples(
        "manyshot gan train mnist --out runs/gan",
        'manyshot gan train mnist --model "conditional(width=32)" --per-class 50 --plan "support: affine erase" '
        "--ada-target 0.6 --out runs/few",
        "manyshot gan train omniglot --model dagan --learning-rate 5e-4 --batch-size 32 --test 0.2 --out runs/dagan",
        "",
        "Models: gan, dcgan; conditional (told a class); dagan and cvae (shown a picture, make another of its class);",
        "afhn (the same for features; needs --encoder-run). A training that was stopped goes on with the same command",
        "and --resume. The run's folder gets config.json, the weights, metrics.jsonl, and samples.png.",
    )
)
def train(
    data: option.Data,
    out: Annotated[Path, typer.Option("--out", help="The run's folder.")] = Path("runs/gan"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    model: Annotated[str, typer.Option(help='Such as "dcgan" or "dagan(width=32)".')] = "dcgan",
    split: Split = None,
    root: Root = None,
    size: Size = None,
    centered: option.Centered = False,
    plan: Annotated[
        str, typer.Option(help="What the discriminator sees augmented, real and made alike; see `manyshot ops`.")
    ] = "none",
    ada_target: Annotated[
        float | None, typer.Option(help="Let the plan's probability adapt, to this target (0.6, say).")
    ] = None,
    encoder_run: Annotated[
        Path | None, typer.Option("--encoder-run", help="Make features of this run's encoder instead of pictures.")
    ] = None,
    classes: option.Classes = None,
    per_class: Annotated[
        int | None,
        typer.Option("--per-class", help="Train on so many pictures of each class alone, drawn by the seed."),
    ] = None,
    steps: Annotated[int, typer.Option(help="Updates of the generator.")] = 5000,
    batch_size: Annotated[int, typer.Option(help="Real pictures, and made ones, that an update sees.")] = 64,
    learning_rate: Annotated[float, typer.Option(help="The generator's learning rate.")] = 1e-3,
    discriminator_learning_rate: Annotated[
        float | None, typer.Option(help="The discriminator's; the generator's if not given.")
    ] = None,
    discriminator_steps: Annotated[int, typer.Option(help="Its updates for one of the generator.")] = 1,
    ema_decay: Annotated[float, typer.Option(help="How much of the averaged weights a step keeps.")] = 0.999,
    validation: Annotated[float, typer.Option(help="Share held out to look at meanwhile; 0 for none.")] = 0.0,
    test: Annotated[float, typer.Option(help="Share set aside for `gan score`; 0 for none.")] = 0.0,
    eval_every: Annotated[int, typer.Option(help="Steps between two looks at what is made.")] = 500,
    save_every: option.SaveEvery = 500,
    device: option.Device = "cpu",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a generative model on a data set or a folder of pictures."""
    from manyshot.datasets import DATASETS
    from manyshot.generate.config import GeneratorConfig, GeneratorSettings
    from manyshot.generate.train import train_generator
    from manyshot.samples.export_generated import snapshot_sheet

    quieten(quiet)
    config = GeneratorConfig(
        data=data,
        split=split,
        root=None if root is None else str(root),
        size=size,
        centered=centered,
        model=model,
        plan=plan,
        encoder=None if encoder_run is None else str(encoder_run),
        classes=classes,
        per_class=per_class,
        validation=validation,
        test=test,
        fit=GeneratorSettings(
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            discriminator_learning_rate=discriminator_learning_rate,
            discriminator_steps=discriminator_steps,
            ema_decay=ema_decay,
            ada_target=ada_target,
            eval_every=eval_every,
            save_every=save_every,
            seed=seed,
            device=device,
        ),
    )
    check_out(out)
    samples = out / "samples.png"
    draw = snapshot_sheet(samples, paper=data in DATASETS and DATASETS[data].ink)
    run = train_generator(config, out, resume, title=f"train {out.name}", looked=draw)
    best = run.best
    if run.trouble is not None:
        kept = "last weights" if best is None else "weights of the best look"
        note(f"at the last step: {run.trouble}; the {kept} were kept")
    pictures = samples if samples.exists() else None
    if as_json:
        print_json(
            {
                "run": str(out),
                "steps": run.steps,
                "trouble": run.trouble,
                "best": best,
                "samples": None if pictures is None else str(pictures),
            }
        )
        return
    if best is None:
        print(f"{out}: {run.steps:,} steps; something was wrong at every look")
    else:
        print(f"{out}: {run.steps:,} steps; nearest at step {best['step']:,}, where recall was {best['recall']:.2f}")
    if pictures is not None:
        print(f"Look at {pictures}; score it with: manyshot gan score {shlex.quote(str(out))}")


@gan.command(
    epilog=examples(
        "manyshot gan sample runs/gan --per-class 100 --out made",
        "manyshot gan sample runs/conditional --class 3 --class 8 --per-class 20 --out made --seed 7 --json",
    )
)
def sample(
    run: Run,
    out: Out,
    per_class: PerClass = 20,
    classes: Annotated[
        list[str] | None, typer.Option("--class", help="A class to make; once for each. All if not given.")
    ] = None,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make pictures, of each class if the model knows classes, and write them as files."""
    from manyshot.generate.train import load_generator_run
    from manyshot.samples.export_generated import export_samples

    quieten(quiet)
    check_out(out.expanduser(), beside=True)
    tell_exported(
        export_samples(
            load_generator_run(run), per_class, out, classes=tuple(classes or ()), seed=seed, overwrite=overwrite
        ),
        as_json,
    )


@gan.command(
    epilog=examples(
        "manyshot gan augment letters --run runs/dagan --per-class 50 --resize --out made",
        "",
        "letters/ holds a folder of pictures a class, which the model need not have seen. made/ gets the same folders",
        "with new pictures, a contact sheet a class, and manifest.jsonl, which names each one's original.",
    )
)
def augment(
    folder: Annotated[Path, typer.Argument(help="A folder with a folder of pictures a class, or a zip of one.")],
    run: Annotated[Path, typer.Option("--run", help="A run of a model that is shown pictures, such as dagan.")],
    out: Out,
    per_class: PerClass = 20,
    resize: Annotated[bool, typer.Option("--resize", help="Bring pictures of another size to the run's.")] = False,
    split: Split = None,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make more of your own pictures by a model that is shown each of them."""
    from manyshot.generate.train import load_generator_run
    from manyshot.samples.export_generated import export_augmented

    quieten(quiet)
    check_out(out.expanduser(), beside=True)
    made = export_augmented(
        load_generator_run(run), folder, per_class, out, resize=resize, split=split, seed=seed, overwrite=overwrite
    )
    tell_exported(made, as_json)


@gan.command(
    epilog=examples(
        "manyshot gan score runs/gan --copies copies.png",
        "manyshot gan score runs/dagan --encoder-run runs/handwriting --json",
        "",
        "Judges on what the training set aside (--test, or else --validation of `gan train`). The column `real`",
        "holds the same measures of as many fresh real items: what could be reached. Without --encoder-run a small",
        "classifier is trained on what the model learned from, and kept in RUN/encoder.",
    )
)
def score(
    run: Run,
    encoder_run: Annotated[
        Path | None,
        typer.Option("--encoder-run", help="A run whose encoder knows such pictures; the model's own if not given."),
    ] = None,
    copies: Annotated[
        Path | None, typer.Option("--copies", help="Draw made pictures beside the nearest training ones to this file.")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score what a model makes, in the features of an encoder that was trained on such pictures."""
    from manyshot.base import InputError
    from manyshot.datasets import DATASETS
    from manyshot.generate.score import score_run
    from manyshot.generate.scoring_encoder import train_scoring_encoder
    from manyshot.generate.train import load_generator_run
    from manyshot.samples.export_generated import copies_sheet
    from manyshot.training.run import load_run

    quieten(quiet)
    if copies is not None:
        check_out(copies.expanduser(), beside=True, option="--copies")
    model = load_generator_run(run)
    if copies is not None and len(model.model.shape) != 3:
        raise InputError("--copies has no effect for models of features; leave it out")
    encoder = None if encoder_run is None else load_run(encoder_run)
    if encoder is None and len(model.model.shape) == 3:
        encoder = train_scoring_encoder(model)
    found = score_run(model, encoder, seed)
    if copies is not None:
        data = model.config.data
        copies_sheet(found, copies, paper=data in DATASETS and DATASETS[data].ink)
    if as_json:
        print_json({"run": str(run), **found.as_dict(), "copies_sheet": None if copies is None else str(copies)})
        return
    if found.part == "training":
        note("nothing was set aside, so this judges on what the model was trained on; train with --test")
    generated, real = found.generated.as_dict(), found.real.as_dict()
    rows = [(name.replace("_", " "), _number(generated[name]), _number(real[name])) for name in generated]
    print_table(("metric", "generated", "real"), rows, right=(1, 2))
    print(f"{found.examples:,} examples of {found.classes:,} classes of the {found.part} part")
    if copies is not None:
        print(f"Look at {copies}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
