"""`manyshot compare`: train with several plans and judge them on the same tasks."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import InputError, check_out, quieten
from manyshot.cli import training_options as option
from manyshot.cli.options import Json, Quiet, Root, Seed, Size, Split, examples, print_json, print_table, refuse
from manyshot.cli.ranges import number_or_range

EXAMPLES = examples(
    "manyshot compare omniglot --split small1 --arms none --arms handwriting",
    'manyshot compare photos --split-by item --ways 3 --queries 1 --test 0.4 --arms none --arms "turned = task: turn"',
    'manyshot compare glyphs --test-data digits --ways 10 --arms none --arms "both = handwriting => handwriting-test"',
    'manyshot compare omniglot --split small1 --arms "prototypes = handwriting" '
    '--arms "maml = handwriting | learner=maml(steps=5) => none"',
    "",
    'An arm is "[name =] training plan [| setting=value ...] [=> plan at use time [| learner=...]]"; what it may set',
    "are options of `manyshot train`: learner, objective, encoder, within-group, rate.",
    "The first arm is what the others are measured against. Arms that differ in their use alone share a training.",
    "Every training is a run in --out; the same command goes on where it was stopped.",
)


def compare(
    data: option.Data,
    arms: Annotated[
        list[str],
        typer.Option(help='One arm; give the option once for each: "name = plan | setting=value => test plan".'),
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder of the runs and the report.")] = Path("runs/compare"),
    split: Split = None,
    root: Root = None,
    size: Size = None,
    learner: option.Learner = "prototypes",
    objective: option.Objective = "plain",
    encoder: option.Encoder = "conv4",
    ways: option.Ways = "5",
    shots: option.Shots = "1",
    queries: option.Queries = 5,
    within_group: option.WithinGroup = 0.0,
    classes: option.Classes = None,
    steps: option.Steps = 1000,
    tasks_per_step: option.TasksPerStep = 4,
    rate: option.Rate = 1e-3,
    optimizer: option.Optimizer = "adam",
    schedule: option.Schedule = "cosine",
    weight_decay: option.WeightDecay = 0.0,
    clip: option.Clip = 10.0,
    validation: option.Validation = 0.0,
    test: Annotated[float | None, typer.Option(help="Share of DATA set aside to judge by; 0.3 if not given.")] = None,
    split_by: option.SplitBy = "class",
    test_data: Annotated[
        str | None, typer.Option(help="Judge on another data set or folder instead of a part of DATA.")
    ] = None,
    test_split: Annotated[str | None, typer.Option(help="Which part of --test-data.")] = None,
    tasks: Annotated[int, typer.Option(help="How many test tasks.")] = 600,
    seeds: Annotated[int, typer.Option(help="Trainings of each arm; their seeds count up from --seed.")] = 3,
    jobs: Annotated[int | None, typer.Option(help="Trainings at a time; one a processor core if not given.")] = None,
    device: option.Device = "cpu",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train with several augmentation plans and judge all on the same tasks, with paired differences."""
    from manyshot.datasets import load
    from manyshot.report.compare_page import COLUMNS, compare_page, result_rows
    from manyshot.report.page import write_page
    from manyshot.tasks import EpisodeSampler
    from manyshot.training import Arm, Config, Settings, check_arms, image_shape, load_sources, train_arms
    from manyshot.training import compare as judge

    quieten(quiet)
    if tasks < 2:
        raise InputError(f"--tasks {tasks}: give at least 2")
    if test_data is None:
        refuse("without --test-data", test_split=test_split)
        test = 0.3 if test is None else test
    else:
        refuse("with --test-data", test=test)
        test = 0.0
    check_out(out)
    compared = [Arm.parse(text) for text in arms]
    check_arms(compared, out)
    config = Config(
        data=data,
        split=split,
        root=None if root is None else str(root),
        size=size,
        learner=learner,
        objective=objective,
        encoder=encoder,
        ways=number_or_range(ways, "--ways"),
        shots=number_or_range(shots, "--shots"),
        queries=queries,
        within_group=within_group,
        classes=classes,
        validation=validation,
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
            seed=seed,
            device=device,
        ),
    )
    sources = load_sources(config)
    if test_data is not None:
        channels, pixels = image_shape(sources.training)
        target = load(test_data, test_split, root=root, size=pixels, color=channels == 3)
    elif sources.test is None:
        raise InputError("--test 0: nothing is left to judge by; give a share, or --test-data")
    else:
        target = sources.test
    try:
        sampler = EpisodeSampler(target, config.ways, config.shots, queries, seed=seed)
        config.sampler(sources.training)
    except InputError as error:
        share = "" if test_data is not None else f"; the test part: --test {test:g} --split-by {split_by}"
        raise InputError(f"{error} (--ways, --shots, --queries{share})") from None
    runs, seconds = train_arms(compared, config, seeds, out, jobs)
    results = judge(runs, sampler, tasks, seed)
    report = out / "report.html"
    title = f"{len(results)} ways to augment {data}"
    page = compare_page(title, {target.name: results}, compared, runs, seconds, shlex.join(["manyshot", *sys.argv[1:]]))
    write_page(report, page)
    if as_json:
        answers = {arm.name: arm.as_dict() | results[arm.name].as_dict() for arm in compared}
        told = {"arms": answers, "tasks": tasks, "seeds": seeds}
        print_json(told | {"cpu_seconds": seconds, "test": target.name, "report": str(report)})
        return
    print_table(COLUMNS, result_rows(results), right=(1, 2, 3))
    print(f"{seeds} seeds, {tasks:,} tasks of {target.name}; intervals are 95 %. Look at {report}")
