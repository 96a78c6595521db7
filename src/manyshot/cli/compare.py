"""`manyshot compare`: train with several plans, learners or objectives and judge them on the same tasks."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from manyshot.base import InputError, are_several, check_out, did_you_mean, quieten, write_json
from manyshot.cli import compare_text
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
    examples,
    print_json,
    print_table,
    refuse,
)
from manyshot.cli.ranges import number_or_range

PRESETS = {
    "cifar-fs-tasks": "CIFAR-FS, 5 ways: each method of augmenting whole tasks alone, and several together",
    "few-tasks": "Omniglot from 10, 20, 50 and 100 training classes, with and without new ones made of them",
    "memorisation": "sine waves from few fixed tasks: are they learned by heart, with and without label-shared noise",
    "omniglot-challenge": "Omniglot's one-shot challenge from five alphabets: what each part of augmentation brings",
    "transfer": "Omniglot's letters to MNIST's digits, from 1 and 5 examples each",
}
"""Names and summaries of the presets; here too, so that the help need not wait for torch."""
WITH_PRESET = ("preset", "out", "root", "steps", "tasks", "seeds", "jobs", "device", "seed", "as_json", "quiet")
"""The options that mean something beside --preset."""

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
    "are options of `manyshot train`: learner, objective, encoder, within-group, rate.",
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
    centred: option.Centred = False,
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
    from manyshot.report.compare_page import COLUMNS, compare_page, groups_of, result_rows
    from manyshot.report.page import write_page
    from manyshot.training import (
        Arm,
        Comparison,
        Config,
        Judging,
        Settings,
        adjusted,
        check_arms,
        run_comparisons,
    )
    from manyshot.training.presets import COMPARISONS

    quieten(quiet)
    if are_several():
        raise InputError("compare spreads its trainings over processes itself; start it without torchrun")
    out = out or Path("runs") / (preset or "compare")
    check_out(out)
    if preset == "memorisation":
        _memorisation(context, out, steps, tasks, seeds, seed, as_json)
        return
    if preset == "omniglot-challenge":
        _omniglot_challenge(context, out, root, one_shot_runs, steps, seeds, jobs, device, seed, as_json)
        return
    if preset is not None:
        if preset not in PRESETS:
            raise InputError(f"--preset {preset}: {did_you_mean(preset, PRESETS)}")
        _refuse_others(context, WITH_PRESET, "with this --preset, which says itself")
        comparisons = [
            adjusted(
                one,
                root=None if root is None else str(root),
                seeds=seeds if _given(context, "seeds") else None,
                steps=steps if _given(context, "steps") else None,
                tasks=tasks if _given(context, "tasks") else None,
                seed=seed if _given(context, "seed") else None,
                device=device if _given(context, "device") else None,
            )
            for one in COMPARISONS[preset].comparisons
        ]
        title = COMPARISONS[preset].summary
    else:
        refuse("without --preset omniglot-challenge", one_shot_runs=one_shot_runs)
        if data is None or not arms:
            raise InputError("give DATA and at least one --arms, or --preset NAME; see --help")
        if compare_text.takes(data, root):
            _refuse_others(context, compare_text.OPTIONS, "on sentences, where nothing is trained")
            compare_text.compare_text(
                data,
                arms,
                out,
                split,
                root,
                (text_column, label_column, encoding),
                learner,
                encoder if _given(context, "encoder") else compare_text.ENCODER,
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
        judging = Judging("", config.ways, config.shots, queries, tasks, test_data, test_split)
        compared_arms = tuple(map(Arm.parse, arms))
        comparisons = [Comparison("", config, compared_arms, (judging,), seeds)]
        title = f"{len(arms)} ways to learn from {data}"
        check_arms(compared_arms, out)
        try:
            comparisons[0].samplers()
        except InputError as error:
            share = "" if test_data is not None else f"; the test part: --test {test:g} --split-by {split_by}"
            raise InputError(f"{error} (--ways, --shots, --queries{share})") from None
    compared = run_comparisons(comparisons, out, jobs)
    report = out / "report.html"
    write_page(report, compare_page(title, compared, shlex.join(["manyshot", *sys.argv[1:]])))
    if as_json:
        if preset is None:
            (reached,) = compared[0].results.values()
            answers = {arm.name: arm.as_dict() | reached[arm.name].as_dict() for arm in comparisons[0].arms}
            told: dict[str, Any] = {"arms": answers, "tasks": tasks, "seeds": seeds, "cpu_seconds": compared[0].seconds}
            told["test"] = compared[0].judged_on[""]
        else:
            told = {"preset": preset, "comparisons": {one.comparison.name: one.as_dict() for one in compared}}
        print_json(told | {"report": str(report)})
        return
    for name, results in groups_of(compared).items():
        if name:
            print(f"{name}:")
        print_table(COLUMNS, result_rows(results), right=(1, 2, 3))
    first = compared[0].comparison
    print(f"{first.seeds} seeds, {first.judgings[0].tasks:,} tasks; intervals are 95 %. Look at {report}")


def _given(context: Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _refuse_others(context: Context, known: Sequence[str], why: str) -> None:
    """Refuse what stands on the command line and would be ignored."""
    for name in context.params:
        if name not in known and _given(context, name):
            option_name = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            raise InputError(f"{option_name} has no effect {why}; leave it out")


def _memorisation(context: Context, out: Path, steps: int, tasks: int, seeds: int, seed: int, as_json: bool) -> None:
    """Sine waves, which are no data set and are judged by squared error."""
    from manyshot.report.memorisation_page import COLUMNS, memorisation_page, memorisation_rows
    from manyshot.report.page import write_page
    from manyshot.training import check_arms
    from manyshot.training.memorisation import SEEDS, STEPS, remember

    known = [name for name in WITH_PRESET if name not in ("root", "jobs", "device")]
    _refuse_others(context, known, "with this --preset, which says itself")
    seeds = seeds if _given(context, "seeds") else SEEDS
    if seeds < 1 or tasks < 2:
        raise InputError(f"--seeds {seeds}, --tasks {tasks}: give at least 1 seed and 2 tasks")
    check_arms((), out)
    steps = steps if _given(context, "steps") else STEPS
    tasks = tasks if _given(context, "tasks") else 200
    found = [remember(waves, seeds, steps, tasks, seed) for waves in (4, 10)]
    write_json(out / "compare.json", {"preset": "memorisation"})
    report = out / "report.html"
    write_page(
        report, memorisation_page(PRESETS["memorisation"], found, steps, shlex.join(["manyshot", *sys.argv[1:]]))
    )
    if as_json:
        told = {f"{one.waves} waves": one.as_dict() for one in found}
        print_json(
            {"preset": "memorisation", "seeds": seeds, "steps": steps, "comparisons": told, "report": str(report)}
        )
        return
    for one in found:
        print(f"{one.waves} training waves, mean squared errors:")
        print_table(COLUMNS, memorisation_rows(one), right=(1, 2, 3, 4, 5, 6))
    print(f"{seeds} seeds; intervals are 95 %. Look at {report}")


def _omniglot_challenge(
    context: Context,
    out: Path,
    root: Path | None,
    one_shot_runs: Path | None,
    steps: int,
    seeds: int,
    jobs: int | None,
    device: str,
    seed: int,
    as_json: bool,
) -> None:
    """A ladder, which is judged on one-shot runs, with ensembles on its upper rungs."""
    from dataclasses import replace

    from manyshot.report.one_shot_page import COLUMNS, one_shot_page, one_shot_rows
    from manyshot.report.page import write_page
    from manyshot.training.one_shot import CONFIG, climb, practice_runs

    known = [name for name in (*WITH_PRESET, "one_shot_runs") if name != "tasks"]
    _refuse_others(context, known, "with this --preset, which says itself")
    fit = replace(CONFIG.fit, seed=seed, device=device)
    fit = replace(fit, steps=steps) if _given(context, "steps") else fit
    config = replace(CONFIG, root=None if root is None else str(root), fit=fit)
    judged = practice_runs(root) if one_shot_runs is None else one_shot_runs
    found = climb(config, judged, seeds, out, jobs)
    report = out / "report.html"
    title = PRESETS["omniglot-challenge"]
    write_page(report, one_shot_page(title, found, shlex.join(["manyshot", *sys.argv[1:]])))
    if as_json:
        told = {"preset": "omniglot-challenge", "seeds": seeds, "one_shot_runs": judged.name}
        print_json(told | found.as_dict() | {"report": str(report)})
        return
    print_table(COLUMNS, one_shot_rows(found), right=(1, 2, 3, 4))
    print(f"{seeds} seeds, {found.trials[0]:,} trials of {found.trials[1]} runs; intervals are 95 %. Look at {report}")
