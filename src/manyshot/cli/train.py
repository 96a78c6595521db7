"""`manyshot train`: meta-train a learner and keep it as a run."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import InputError, check_out, did_you_mean, note, quieten
from manyshot.cli import training_options as option
from manyshot.cli.options import (
    Context,
    Encoding,
    Json,
    LabelColumn,
    Quiet,
    Root,
    Seed,
    Size,
    Split,
    TextColumn,
    command_line,
    examples,
    print_json,
    refuse,
)
from manyshot.cli.train_augmenter import STAGES, train_stage

EXAMPLES = examples(
    "manyshot train omniglot --split small1 --plan handwriting --out runs/handwriting",
    'manyshot train photos/ --plan "support+query: flip affine(15)" --ways 5 --shots 1-5 --out runs/photos',
    'manyshot train mnist --learner "maml(steps=5)" --encoder "conv4(32, 32, 32, 32)" --out runs/maml',
    'manyshot train faq.csv --text-column question --label-column topic --encoder "minilm(project=256)" --out runs/faq',
    "torchrun --nproc-per-node 2 -m manyshot train mnist --meta-batch-size 8 --out runs/two-processes",
    "manyshot train omniglot --stage learner --split background --plan handwriting --out runs/letters",
    "manyshot train omniglot --stage augmenter --learner runs/letters --head ridge --ways 20 --out runs/augmenter",
    "",
    "A training that was stopped or killed goes on with the same command and --resume, and ends with the same weights.",
    "The run's folder gets config.json, the weights, metrics.jsonl, TensorBoard's files and report.html.",
)


def train(
    context: Context,
    data: option.Data,
    stage: Annotated[
        str | None,
        typer.Option(
            help="learner (sets classes aside for an augmenter), augmenter (learns from those, for the run that "
            "--learner names), or joint (trains both of an augmenter's run further)."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="The run's folder.")] = Path("runs/run"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    split: Split = None,
    root: Root = None,
    size: Size = None,
    centered: option.Centered = False,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    plan: Annotated[str, typer.Option(help="Augmentation of the training tasks; see `manyshot ops`.")] = "none",
    test_plan: Annotated[str, typer.Option(help="Augmentation at use time, the default of `evaluate`.")] = "none",
    learner: Annotated[
        str, typer.Option(help='Such as "prototypes" or "maml(steps=5)"; at --stage augmenter and joint, a run.')
    ] = "prototypes",
    augmenter: Annotated[
        str | None, typer.Option(help='At --stage augmenter: what to train, such as "hallucinator(noise=16)".')
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(help='At --stage augmenter: how the run is used, such as "ridge"; as trained if not given.'),
    ] = None,
    gradient: Annotated[
        str | None,
        typer.Option(help="At --stage augmenter and joint: exact (default), implicit, finite-difference, reinforce."),
    ] = None,
    copies: Annotated[
        int | None, typer.Option(help="At --stage augmenter and joint: made items of each support item (default 4).")
    ] = None,
    objective: option.Objective = "plain",
    encoder: option.Encoder = "conv4",
    ways: option.Ways = "5",
    shots: option.Shots = "1",
    queries: option.Queries = 5,
    within_group: option.WithinGroup = 0.0,
    classes: option.Classes = None,
    steps: option.Steps = 2000,
    meta_batch_size: option.MetaBatchSize = 4,
    learning_rate: option.LearningRate = 1e-3,
    optimizer: option.Optimizer = "adamw",
    schedule: option.Schedule = "cosine",
    weight_decay: option.WeightDecay = 0.0,
    grad_clip: option.GradClip = 10.0,
    validation: Annotated[
        float | None,
        typer.Option(
            help="Share of the classes held out to choose the best weights by; 0 for none. If not given: 0.2, or none "
            "where there are too few."
        ),
    ] = None,
    test: Annotated[float, typer.Option(help="Share of the classes set aside for `evaluate`; 0 for none.")] = 0.0,
    for_augmenter: Annotated[
        float | None,
        typer.Option(help="Share of the classes set aside for an augmenter; 0.25 at --stage learner, else none."),
    ] = None,
    split_by: option.SplitBy = "class",
    eval_every: option.EvalEvery = 500,
    save_every: option.SaveEvery = 200,
    device: option.Device = "cpu",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Meta-train a learner on tasks drawn from a data set."""
    from manyshot.report.page import write_page
    from manyshot.report.run_page import run_page
    from manyshot.runtime.distributed import joined_processes
    from manyshot.training import drop_validation_if_small
    from manyshot.training import train as make

    quieten(quiet)
    if stage not in (None, *STAGES):
        raise InputError(f"--stage {stage}: {did_you_mean(str(stage), STAGES)}")
    if stage in ("augmenter", "joint"):
        train_stage(
            context,
            stage,
            data,
            learner,
            augmenter,
            head,
            gradient or "exact",
            4 if copies is None else copies,
            ways,
            shots,
            queries,
            within_group,
            option.steps_of(context),
            out,
            resume,
            as_json,
        )
        return
    refuse("without --stage augmenter", augmenter=augmenter, head=head, gradient=gradient, copies=copies)
    if for_augmenter is None:
        for_augmenter = 0.25 if stage == "learner" else 0.0
    with joined_processes() as processes:
        config = option.config_of(
            context, validation=0.2 if validation is None else validation, augmenter=for_augmenter
        )
        check_out(out)
        if validation is None:
            with processes.main_first():
                wanted, config = config, drop_validation_if_small(config)
            if config != wanted:
                note(
                    f"{data} has too few classes to hold some out, so the last weights are kept (as by --validation 0)"
                )
        run = make(config, out, resume, title=f"train {out.name}", processes=processes)
    if not processes.is_main:
        return
    report = out / "report.html"
    write_page(report, run_page(run, command_line()))
    losses = [row["loss"] for row in run.rows if "loss" in row]
    held_out = [row["validation_accuracy"] for row in run.rows if "validation_accuracy" in row]
    if as_json:
        print_json(
            {
                "run": str(out),
                "steps": len(losses),
                "loss": losses[-1],
                "validation_accuracy": max(held_out, default=None),
                "report": str(report),
            }
        )
        return
    chosen = f", held-out accuracy {max(held_out):.1%}" if held_out else ""
    print(f"{out}: {len(losses):,} steps, loss {losses[-1]:.3f}{chosen}")
    print(f"Look at {report}; judge it with: manyshot evaluate {shlex.quote(str(out))} DATA")
