"""`manyshot gan`: generative models, from training to generated images and how good they are."""

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manyshot.base import InputError, check_out, check_replaceable, note, quieten
from manyshot.cli.option_groups import Keywords, expand_options
from manyshot.cli.output import print_exported, print_json, print_table, say
from manyshot.cli.shared_options import Json, Quiet, Seed, Split, command_group, examples
from manyshot.cli.training_options import settings_options

if TYPE_CHECKING:
    from manyshot.generate.generator_run import GeneratorRun

gan = command_group(
    "Generative models: train one, generate images, generate more of your own images, evaluate what it generates."
)

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `manyshot gan train` wrote.")]


@dataclass(frozen=True)
class ExportArguments:
    """What is generated, and where it is written.

    Args:
        out: Folder to write.
        per_class: New images of each class.
        overwrite: Replace the folder if an earlier export wrote it.
        seed: Seed of the draws.
    """

    out: Annotated[Path, typer.Option("--out", help="The folder to write.")]
    per_class: Annotated[int, typer.Option("--per-class", help="New images of each class, 1 to 100,000.")] = 20
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace --out if an earlier export wrote it.")] = False
    seed: Seed = 0

    def check(self) -> None:
        """Check that the folder can be written.

        Raises:
            InputError: If it cannot.
        """
        check_out(self.out.expanduser(), beside=True)


@gan.command(
    epilog=examples(
        "manyshot gan train mnist --out runs/gan",
        'manyshot gan train mnist --model "conditional(width=32)" --per-class 50 --plan "support: affine erase" '
        "--ada-target 0.6 --out runs/few",
        "manyshot gan train omniglot --model dagan --learning-rate 5e-4 --batch-size 32 --test 0.2 --out runs/dagan",
        "",
        "Models: gan and dcgan (unconditional); conditional (given a class); dagan and cvae (given an image, generate",
        "another of its class); afhn (the same for features; needs --encoder-run). A training that was stopped",
        "continues with the same command and --resume. The run's folder gets config.json, the weights, metrics.jsonl",
        "and samples.png.",
    )
)
@expand_options
def train(
    config: Annotated[
        Keywords,
        settings_options(
            "generate/generator_config.py",
            "GeneratorConfig",
            without=("fit",),
            info={
                "data": typer.Argument(
                    metavar="DATA", help="A data set (see `manyshot data list`), or a folder or zip of images."
                ),
                "encoder": typer.Option("--encoder-run", help="Generate features of this run's encoder, not images."),
            },
        ),
    ],
    fit: Annotated[Keywords, settings_options("generate/generator_config.py", "GeneratorSettings")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the run.")] = Path("runs/gan"),
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint in --out.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a generative model on a data set or a folder of images."""
    from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings
    from manyshot.generate.generator_run import train_generator
    from manyshot.samples.export_generated import snapshot_sheet

    quieten(quiet)
    settings = GeneratorConfig(**config, fit=GeneratorSettings(**fit))
    check_out(out)
    draw = snapshot_sheet(out / "samples.png", paper=_is_ink(settings.data))
    run = train_generator(settings, out, resume, title=f"train {out.name}", on_snapshot=draw)
    _print_training(run, out, as_json)


def _print_training(run: "GeneratorRun", out: Path, as_json: bool) -> None:
    """Print which weights a training kept."""
    best = run.best
    if run.problem is not None:
        kept = "last weights" if best is None else "weights of the best evaluation"
        note(f"at the last step: {run.problem}; the {kept} were kept")
    samples = out / "samples.png" if (out / "samples.png").exists() else None
    if as_json:
        print_json(
            {
                "run": str(out),
                "steps": run.steps,
                "warning": run.problem,
                "best": best,
                "samples": None if samples is None else str(samples),
            }
        )
        return
    if best is None:
        say(f"{out}: {run.steps:,} steps; every evaluation gave a warning")
    else:
        say(f"{out}: {run.steps:,} steps; best at step {best['step']:,}, with recall {best['recall']:.2f}")
    if samples is not None:
        say(f"Look at {samples}; evaluate it with: manyshot gan score {shlex.quote(str(out))}")


def _is_ink(data: str) -> bool:
    """Whether data are drawings, which are shown as dark ink on paper."""
    from manyshot.datasets import DATASETS

    return data in DATASETS and DATASETS[data].ink


@gan.command(
    epilog=examples(
        "manyshot gan sample runs/gan --per-class 100 --out generated",
        "manyshot gan sample runs/conditional --class 3 --class 8 --per-class 20 --out generated --seed 7 --json",
    )
)
@expand_options
def sample(
    run: Run,
    export: ExportArguments,
    classes: Annotated[
        list[str] | None, typer.Option("--class", help="A class to generate; repeat for each. All if not given.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Generate images, of each class if the model was trained with classes, and write them as files."""
    from manyshot.generate.generator_run import load_generator_run
    from manyshot.samples.export_generated import export_samples

    quieten(quiet)
    export.check()
    print_exported(export_samples(load_generator_run(run), classes=tuple(classes or ()), **asdict(export)), as_json)


@gan.command(
    epilog=examples(
        "manyshot gan augment letters --run runs/dagan --per-class 50 --resize --out generated",
        "",
        "letters/ holds a folder of images per class; the classes may be new to the model. generated/ gets the same",
        "folders with new images, a contact sheet per class, and manifest.jsonl, which names each one's original.",
    )
)
@expand_options
def augment(
    folder: Annotated[Path, typer.Argument(help="A folder with a folder of images per class, or a zip of one.")],
    run: Annotated[Path, typer.Option("--run", help="Run of a model that is given images, such as dagan.")],
    export: ExportArguments,
    resize: Annotated[bool, typer.Option("--resize", help="Resize images that differ from the run's size.")] = False,
    split: Split = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Generate more of your own images with a model that is given each of them."""
    from manyshot.generate.generator_run import load_generator_run
    from manyshot.samples.export_generated import export_augmented

    quieten(quiet)
    export.check()
    model = load_generator_run(run)
    print_exported(export_augmented(model, folder, resize=resize, split=split, **asdict(export)), as_json)


@gan.command(
    epilog=examples(
        "manyshot gan score runs/gan --copies copies.png",
        "manyshot gan score runs/dagan --encoder-run runs/handwriting --json",
        "",
        "Compares with what the training set aside (--test, or else --validation of `gan train`). The column `real`",
        "has the same metrics of as many other real examples, as a reference. Without --encoder-run a small",
        "classifier is trained on the model's training data, and kept in RUN/encoder.",
    )
)
def score(
    run: Run,
    encoder_run: Annotated[
        Path | None,
        typer.Option("--encoder-run", help="Run whose encoder gives the features; the model's own if not given."),
    ] = None,
    copies: Annotated[
        Path | None,
        typer.Option("--copies", help="Draw generated images and their nearest training images to this file."),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate what a model generates, in the features of an encoder that was trained on such images."""
    from manyshot.generate.generator_run import load_generator_run
    from manyshot.generate.score import score_run
    from manyshot.generate.scoring_encoder import train_scoring_encoder
    from manyshot.samples.export_generated import copies_sheet
    from manyshot.training.load_run import load_run

    quieten(quiet)
    if copies is not None:
        check_out(copies.expanduser(), beside=True, option="--copies")
        check_replaceable(copies, option="--copies")
    model = load_generator_run(run)
    of_images = len(model.model.shape) == 3
    if copies is not None and not of_images:
        raise InputError("--copies has no effect for models of features; leave it out")
    encoder = None if encoder_run is None else load_run(encoder_run)
    if encoder is None and of_images:
        encoder = train_scoring_encoder(model)
    scores = score_run(model, encoder, seed)
    if copies is not None:
        copies_sheet(scores, copies, paper=_is_ink(model.config.data))
    if as_json:
        print_json({"run": str(run), **scores.as_dict(), "copies_sheet": None if copies is None else str(copies)})
        return
    if scores.part == "training":
        note("nothing was set aside, so this compares with the model's training data; train with --test")
    generated, real = scores.generated.as_dict(), scores.real.as_dict()
    rows = [(name.replace("_", " "), _decimal(generated[name]), _decimal(real[name])) for name in generated]
    print_table(("metric", "generated", "real"), rows, right=(1, 2))
    say(f"{scores.examples:,} examples of {scores.classes:,} classes of the {scores.part} part")
    if copies is not None:
        say(f"Look at {copies}")


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
