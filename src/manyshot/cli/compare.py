"""`manyshot compare`: train with several plans, learners or objectives and judge them on the same tasks."""

from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import InputError, are_several, check_out, quieten
from manyshot.cli import compare_text
from manyshot.cli import training_options as option
from manyshot.cli.compare_presets import PRESETS, compare_preset
from manyshot.cli.compare_results import tell
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
    examples,
    refuse,
    refuse_others,
    stands,
)

EXAMPLES = examples(
    "manyshot compare omniglot --split small1 --arms none --arms handwriting",
    'manyshot compare photos --split-by item --ways 3 --queries 1 --test 0.4 --arms none --arms "turned = task: turn"',
    'manyshot compare glyphs --test-data digits --ways 10 --arms none --arms "both = handwriting => handwriting-test"',
    'manyshot compare omniglot --split small1 --arms "prototypes = handwriting" '
    '--arms "maml = handwriting | learner=maml(steps=5) => none"',
    'manyshot compare faq.csv --text-column question --label-column topic --arms none --arms "eda = shots: 4 x eda" '
    '--arms "ridge = none | learner=ridge"',
    "manyshot compare --preset few-tasks --root ~/data --out runs/few-tasks",
    "",
    'An arm is "[name =] training plan [| setting=value ...] [=> plan at use time [| learner=...]]"; what it may set',
    "are options of `manyshot train`: learner, objective, encoder, within-group, learning-rate.",
    "The first arm is what the others are measured against. Arms that differ in their use alone share a training.",
    "Every training is a run in --out; the same command goes on where it was stopped.",
    "On sentences a frozen encoder is used as it is and nothing is trained: an arm is a plan at use time, and may set",
    "learner and encoder.",
    "",
    "Presets, for which --steps, --tasks, --seeds and --seed may be changed, and all but memorisation take --root,",
    "--jobs and --device; omniglot-challenge takes --one-shot-runs and no --tasks:",
    *(f"  {name}: {summary}" for name, summary in PRESETS.items()),
)


def compare(
    context: Context,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]", help="A data set (see `manyshot data list`), pictures, or a table of sentences."
        ),
    ] = None,
    arms: Annotated[
        list[str] | None,
        typer.Option(help='One arm; give the option once for each: "name = plan | setting=value => test plan".'),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="A comparison by its name, instead of DATA and --arms; see below.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder of the runs and the report; runs/compare if not given.")
    ] = None,
    split: Split = None,
    root: Root = None,
    size: Size = None,
    centered: option.Centered = False,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    learner: option.Learner = "prototypes",
    objective: option.Objective = "plain",
    encoder: option.Encoder = "conv4",
    ways: option.Ways = "5",
    shots: option.Shots = "1",
    queries: option.Queries = 5,
    within_group: option.WithinGroup = 0.0,
    classes: option.Classes = None,
    steps: option.Steps = 1000,
    meta_batch_size: option.MetaBatchSize = 4,
    learning_rate: option.LearningRate = 1e-3,
    optimizer: option.Optimizer = "adamw",
    schedule: option.Schedule = "cosine",
    weight_decay: option.WeightDecay = 0.0,
    grad_clip: option.GradClip = 10.0,
    validation: option.Validation = 0.0,
    test: Annotated[float | None, typer.Option(help="Share of DATA set aside to judge by; 0.3 if not given.")] = None,
    split_by: option.SplitBy = "class",
    test_data: Annotated[
        str | None, typer.Option(help="Judge on another data set or folder instead of a part of DATA.")
    ] = None,
    test_split: Annotated[str | None, typer.Option(help="Which part of --test-data.")] = None,
    tasks: Annotated[int, typer.Option(help="How many test tasks.")] = 600,
    one_shot_runs: Annotated[
        Path | None,
        typer.Option(
            "--one-shot-runs",
            help="What preset omniglot-challenge is judged on; practice_runs.zip among Omniglot's files if not given.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Trainings of each arm; their seeds count up from --seed.")] = 3,
    jobs: Annotated[int | None, typer.Option(help="Trainings at a time; one a processor core if not given.")] = None,
    device: option.Device = "cpu",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train with several plans, learners or objectives and judge all on the same tasks, with paired differences."""
    quieten(quiet)
    if are_several():
        raise InputError("compare spreads its trainings over processes itself; start it without torchrun")
    out = out or Path("runs") / (preset or "compare")
    check_out(out)
    if preset is not None:
        compare_preset(context, preset, out, root, one_shot_runs, jobs, as_json)
        return
    refuse("without --preset omniglot-challenge", one_shot_runs=one_shot_runs)
    if data is None or not arms:
        raise InputError("give DATA and at least one --arms, or --preset NAME; see --help")
    if compare_text.takes(data, root):
        refuse_others(context, compare_text.OPTIONS, "on sentences, where nothing is trained")
        compare_text.compare_text(
            data,
            arms,
            out,
            split,
            root,
            (text_column, label_column, encoding),
            learner,
            encoder if stands(context, "encoder") else compare_text.ENCODER,
            (ways, shots, queries),
            within_group,
            tasks,
            device,
            seed,
            as_json,
        )
        return
    refuse("on anything but sentences", text_column=text_column, label_column=label_column, encoding=encoding)
    if test_data is None:
        refuse("without --test-data", test_split=test_split)
        test = 0.3 if test is None else test
    else:
        refuse("with --test-data", test=test)
        test = 0.0
    _compare_pictures(context, data, arms, out, test, test_data, test_split, as_json)


def _compare_pictures(
    context: Context,
    data: str,
    arms: list[str],
    out: Path,
    test: float,
    test_data: str | None,
    test_split: str | None,
    as_json: bool,
) -> None:
    """Train every arm and judge all on a part that is set aside, or on other data."""
    from manyshot.compare import Arm, Comparison, EvaluationSuite, check_arms, run_comparisons
    from manyshot.training.task_csv import TASKS

    config = option.config_of(context, test=test)
    tasks, seeds = context.params["tasks"], context.params["seeds"]
    judging = EvaluationSuite("", config.ways, config.shots, config.queries, tasks, test_data, test_split)
    comparison = Comparison("", config, tuple(map(Arm.parse, arms)), (judging,), seeds)
    check_arms(comparison.arms, out)
    try:
        comparison.samplers()
    except InputError as error:
        share = "" if test_data is not None else f"; the test part: --test {test:g} --split-by {config.split_by}"
        raise InputError(f"{error} (--ways, --shots, --queries{share})") from None
    (compared,) = run_comparisons([comparison], out, context.params["jobs"])
    (reached,) = compared.results.values()
    told = {
        "arms": {arm.name: arm.as_dict() | reached[arm.name].as_dict() for arm in comparison.arms},
        "tasks": tasks,
        "tasks_file": str(out / TASKS),
        "seeds": seeds,
        "cpu_seconds_per_training": {arm.name: compared.seconds[arm.name] / seeds for arm in comparison.arms},
        "cpu_seconds_total": compared.seconds,
        "test": compared.judged_on[""],
    }
    tell(f"{len(arms)} ways to learn from {data}", [compared], out, told if as_json else None)
