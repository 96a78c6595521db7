"""`manyshot train`: meta-train a learner and keep it as a run."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import check_out, note, quieten
from manyshot.cli import training_options as option
from manyshot.cli.options import Json, Quiet, Root, Seed, Size, Split, examples, print_json
from manyshot.cli.ranges import number_or_range

EXAMPLES = examples(
    "manyshot train omniglot --split small1 --plan handwriting --out runs/handwriting",
    'manyshot train photos/ --plan "support+query: flip affine(15)" --ways 5 --shots 1-5 --out runs/photos',
    'manyshot train mnist --learner "maml(steps=5)" --encoder "conv4(32, 32, 32, 32)" --out runs/maml',
    "torchrun --nproc-per-node 2 -m manyshot train mnist --tasks-per-step 8 --out runs/two-processes",
    "",
    "A training that was stopped or killed goes on with the same command and --resume, and ends with the same weights.",
    "The run's folder gets config.json, the weights, metrics.jsonl, TensorBoard's files and report.html.",
)


def train(
    data: option.Data,
    out: Annotated[Path, typer.Option("--out", help="The run's folder.")] = Path("runs/run"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    split: Split = None,
    root: Root = None,
    size: Size = None,
    centred: option.Centred = False,
    plan: Annotated[str, typer.Option(help="Augmentation of the training tasks; see `manyshot ops`.")] = "none",
    test_plan: Annotated[str, typer.Option(help="Augmentation at use time, the default of `evaluate`.")] = "none",
    learner: option.Learner = "prototypes",
    objective: option.Objective = "plain",
    encoder: option.Encoder = "conv4",
    ways: option.Ways = "5",
    shots: option.Shots = "1",
    queries: option.Queries = 5,
    within_group: option.WithinGroup = 0.0,
    classes: option.Classes = None,
    steps: option.Steps = 2000,
    tasks_per_step: option.TasksPerStep = 4,
    rate: option.Rate = 1e-3,
    optimizer: option.Optimizer = "adam",
    schedule: option.Schedule = "cosine",
    weight_decay: option.WeightDecay = 0.0,
    clip: option.Clip = 10.0,
    validation: Annotated[
        float | None,
        typer.Option(
            help="Share of the classes held out to choose the best weights by; 0 for none. If not given: 0.2, or none "
            "where there are too few."
        ),
    ] = None,
    test: Annotated[float, typer.Option(help="Share of the classes set aside for `evaluate`; 0 for none.")] = 0.0,
    split_by: option.SplitBy = "class",
    validate_every: option.ValidateEvery = 500,
    save_every: option.SaveEvery = 200,
    device: option.Device = "cpu",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Meta-train a learner on tasks drawn from a data set."""
    from manyshot.report.page import write_page
    from manyshot.report.run_page import run_page
    from manyshot.training import Config, Settings, together, with_room
    from manyshot.training import train as make

    quieten(quiet)
    with together() as processes:
        config = Config(
            data=data,
            split=split,
            root=None if root is None else str(root),
            size=size,
            centred=centred,
            learner=learner,
            objective=objective,
            encoder=encoder,
            ways=number_or_range(ways, "--ways"),
            shots=number_or_range(shots, "--shots"),
            queries=queries,
            within_group=within_group,
            classes=classes,
            plan=plan,
            test_plan=test_plan,
            validation=0.2 if validation is None else validation,
            test=test,
            split_by=split_by,
            fit=Settings(
                steps=steps,
                tasks_per_step=tasks_per_step,
                rate=rate,
                optimizer=optimizer,
                schedule=schedule,
                weight_decay=weight_decay,
                clip=clip,
                validate_every=validate_every,
                save_every=save_every,
                seed=seed,
                device=device,
            ),
        )
        check_out(out)
        if validation is None:
            with processes.leader_first():
                wanted, config = config, with_room(config)
            if config != wanted:
                note(
                    f"{data} has too few classes to hold some out, so the last weights are kept (as by --validation 0)"
                )
        run = make(config, out, resume, title=f"train {out.name}", processes=processes)
    if not processes.leads:
        return
    report = out / "report.html"
    write_page(report, run_page(run, shlex.join(["manyshot", *sys.argv[1:]])))
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
