"""`manyshot compare`: train with several plans, learners or objectives and evaluate them on the same tasks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import InputError, are_several, check_out, quieten
from manyshot.cli.compare_presets import PRESETS, compare_preset
from manyshot.cli.compare_text import (
    CONFIG_OPTIONS,
    ENCODER,
    PARTS_DEFAULTS,
    SCAN_OPTIONS,
    SCANS_DEFAULTS,
    TEXT_OPTIONS,
    compare_text,
    has_parts,
    is_text,
)
from manyshot.cli.option_groups import Keywords, expand_options
from manyshot.cli.print_comparison import print_comparisons
from manyshot.cli.scans import is_of_scans
from manyshot.cli.shared_options import Context, Jobs, Json, Quiet, Seeds, examples, given, refuse, refuse_others
from manyshot.cli.training_options import config_options, loop_options

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
    'An arm is "[name =] training plan [| setting=value ...] [=> plan at use time [| learner=...] [| augmenter=RUN]]";',
    "what it may set are options of `manyshot train`: learner, objective, encoder, within-group, learning-rate.",
    "The other arms are compared with the first one. Arms that differ only after => share a training.",
    "Every training is a run in --out; the same command continues where it was stopped.",
    "On sentences and scans a frozen encoder is used as it is and nothing is trained: an arm is a plan at use time,",
    "and may set learner and encoder.",
    "",
    "Presets, for which --steps, --tasks, --seeds and --seed may be changed, and all but memorization take --root,",
    "--jobs and --device; omniglot-challenge takes --one-shot-runs and no --tasks:",
    *(f"  {name}: {summary}" for name, summary in PRESETS.items()),
)


@dataclass(frozen=True)
class TestArguments:
    """What trained arms are evaluated on.

    Args:
        test: Fraction of the training data that is set aside; 0.3 if None.
        test_data: Another data set instead.
        test_split: Which part of `test_data`.
        tasks: Number of test tasks.
        metric: What arms are compared by.
    """

    test: Annotated[
        float | None, typer.Option(help="Fraction of DATA set aside for the test tasks; 0.3 if not given.")
    ] = None
    test_data: Annotated[
        str | None, typer.Option(help="Draw the test tasks from another data set or folder instead of a part of DATA.")
    ] = None
    test_split: Annotated[str | None, typer.Option(help="Which part of --test-data.")] = None
    tasks: Annotated[int, typer.Option(help="Number of test tasks.")] = 600
    metric: Annotated[
        str,
        typer.Option(
            "--metric",
            help="What arms are compared by: accuracy, balanced-accuracy, auroc, average-precision or brier (lower is "
            "better).",
        ),
    ] = "accuracy"

    def fraction(self) -> float:
        """Fraction of the training data to set aside.

        Raises:
            InputError: For options that exclude each other.
        """
        if self.test_data is None:
            refuse("without --test-data", test_split=self.test_split)
            return 0.3 if self.test is None else self.test
        refuse("with --test-data", test=self.test)
        return 0.0


@expand_options
def compare(
    context: Context,
    config: Annotated[
        Keywords,
        config_options(
            without=("plan", "test_plan", "test"),
            defaults={"data": None, "validation": 0.0},
            info={
                "data": typer.Argument(
                    metavar="[DATA]", help="A data set (see `manyshot data list`), pictures, or a table of sentences."
                )
            },
        ),
    ],
    # Half the steps of `train`, since each arm and seed is a training of its own.
    fit: Annotated[Keywords, loop_options(defaults={"steps": 1000})],
    test: TestArguments,
    arms: Annotated[
        list[str] | None,
        typer.Option(help='One arm; repeat the option for each: "name = plan | setting=value => test plan".'),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="A predefined comparison instead of DATA and --arms; see below.")
    ] = None,
    one_shot_runs: Annotated[
        Path | None,
        typer.Option(
            "--one-shot-runs",
            help="Test tasks of preset omniglot-challenge; practice_runs.zip among Omniglot's files if not given.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the runs and the report; runs/compare if not given.")
    ] = None,
    seeds: Seeds = 3,
    jobs: Jobs = None,
    on: Annotated[
        str,
        typer.Option(help="Where the trainings run: here; ray (a cluster of Ray); or a cluster's address, HOST:PORT."),
    ] = "here",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train with several plans, learners or objectives and compare them on the same tasks, with paired differences."""
    quieten(quiet)
    if are_several():
        raise InputError("compare spreads its trainings over processes itself; start it without torchrun")
    out = out or Path("runs") / (preset or "compare")
    check_out(out)
    if preset is not None:
        compare_preset(context, preset, out, one_shot_runs, jobs, on, as_json)
        return
    refuse("without --preset omniglot-challenge", one_shot_runs=one_shot_runs)
    if config["data"] is None or not arms:
        raise InputError("give DATA and at least one --arms, or --preset NAME; see --help")
    scans, several = is_of_scans(config["data"]), has_parts(config)
    if scans or several or is_text(config["data"], config["root"]):
        own = (*TEXT_OPTIONS, *SCAN_OPTIONS) if scans else TEXT_OPTIONS
        refuse_others(context, own, "on sentences, scans and examples of several parts, where nothing is trained")
        usual = SCANS_DEFAULTS if scans else PARTS_DEFAULTS if several else {"encoder": ENCODER}
        used = (*CONFIG_OPTIONS, *SCAN_OPTIONS) if scans else CONFIG_OPTIONS
        frozen = {name: config[name] for name in used} | usual | given(context, ["encoder", "learner"])
        compare_text(frozen, fit, arms, test.tasks, test.metric, out, as_json)
        return
    refuse(
        "on anything but sentences",
        **{name: config[name] for name in ("text_column", "label_column", "encoding", "parts")},
    )
    _compare_trained(config, fit, arms, test, seeds, jobs, on, out, as_json)


def _compare_trained(
    config: Keywords,
    fit: Keywords,
    arms: list[str],
    test: TestArguments,
    seeds: int,
    jobs: int | None,
    on: str,
    out: Path,
    as_json: bool,
) -> None:
    """Train every arm and evaluate all on a part that is set aside, or on other data."""
    from manyshot.compare import Arm, Comparison, EvaluationSuite, check_arms, run_comparisons
    from manyshot.training import Config, Settings
    from manyshot.training.task_csv import TASKS

    shared = Config(**config, test=test.fraction(), fit=Settings(**fit))
    suite = EvaluationSuite("", shared.ways, shared.shots, shared.queries, test.tasks, test.test_data, test.test_split)
    comparison = Comparison("", shared, tuple(map(Arm.parse, arms)), (suite,), seeds, test.metric)
    check_arms(comparison.arms, out)
    try:
        comparison.samplers()
    except InputError as error:
        part = "" if test.test_data else f"; the test part: --test {shared.test:g} --split-by {shared.split_by}"
        raise InputError(f"{error} (--ways, --shots, --queries{part})") from None
    (compared,) = run_comparisons([comparison], out, jobs, on)
    (results,) = compared.results.values()
    answer = {
        "arms": {arm.name: arm.as_dict() | results[arm.name].as_dict() for arm in comparison.arms},
        "tasks": test.tasks,
        "metric": test.metric,
        "tasks_file": str(out / TASKS),
        "seeds": seeds,
        "cpu_seconds_per_training": {arm.name: compared.seconds[arm.name] / seeds for arm in comparison.arms},
        "cpu_seconds_total": compared.seconds,
        "test": compared.test_sources[""],
    }
    print_comparisons(f"{len(arms)} ways to learn from {shared.data}", [compared], out, answer if as_json else None)
