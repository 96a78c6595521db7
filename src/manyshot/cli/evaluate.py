"""`manyshot evaluate`: how well a run does on tasks that it has not seen."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyshot.base import InputError, note, quieten
from manyshot.cli.evaluate_runs import evaluate_runs
from manyshot.cli.evaluate_tell import TRANSDUCTIVE, tell, write_evaluated
from manyshot.cli.options import (
    Encoding,
    Json,
    LabelColumn,
    Quiet,
    Root,
    Seed,
    Size,
    Split,
    TextColumn,
    columns_of,
    command_line,
    examples,
    refuse,
)
from manyshot.cli.ranges import number_or_range

if TYPE_CHECKING:
    from manyshot.datasets import Columns
    from manyshot.tasks import Source
    from manyshot.training import Run

EXAMPLES = examples(
    "manyshot evaluate runs/handwriting omniglot --split small2 --ways 20 --shots 1 --tasks 1000",
    "manyshot evaluate runs/handwriting --one-shot-runs all_runs.zip --json",
    'manyshot evaluate runs/handwriting digits --ways 10 --plan "shots: 16 x affine elastic" '
    '--learner "prototypes(nearest)"',
    'manyshot evaluate runs/letters omniglot --augmenter runs/augmenter --plan "shots: 8 x learned"',
    'manyshot evaluate runs/letters omniglot --split evaluation --augmenter runs/dagan --plan "shots: 8 x learned"',
    'manyshot evaluate photos/ --encoder efficientnet-lite0 --learner ridge --plan "shots: 8 x flip affine"',
    "manyshot evaluate runs/handwriting omniglot --split small2 --shuffled-support",
    'manyshot evaluate faq.csv --text-column question --encoder minilm --learner ridge --plan "shots: 4 x aeda"',
    "",
    "Without DATA, the classes that the run set aside for testing are used (see `manyshot train --test`).",
)


def evaluate(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A folder that `manyshot train` wrote; with --encoder DATA.")
    ],
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="A data set, a folder or zip of pictures, or a table of sentences."),
    ] = None,
    one_shot_runs: Annotated[
        Path | None, typer.Option("--one-shot-runs", help="A zip or folder laid out like Omniglot's all_runs.zip.")
    ] = None,
    split: Split = None,
    root: Root = None,
    ways: Annotated[str | None, typer.Option(help="Classes a task; the run's own number if not given.")] = None,
    shots: Annotated[str | None, typer.Option(help="Labelled examples a class; the run's own if not given.")] = None,
    queries: Annotated[int | None, typer.Option(help="Items a class to be classified; 10 if not given.")] = None,
    tasks: Annotated[int | None, typer.Option(help="How many tasks; 600 if not given.")] = None,
    within_group: Annotated[
        float | None, typer.Option(help="Share of the tasks within one group; 0 if not given.")
    ] = None,
    plan: Annotated[
        str | None, typer.Option(help="Augmentation at use time; the run's own --test-plan if not given.")
    ] = None,
    augmenter: Annotated[
        Path | None,
        typer.Option(
            help="What the word 'learned' of --plan stands for: an augmenter's run, or one of `manyshot gan train` "
            "whose model is shown pictures or features."
        ),
    ] = None,
    learner: Annotated[
        str | None, typer.Option(help='Use the weights by another learner, such as "prototypes(nearest)".')
    ] = None,
    ensemble: Annotated[
        list[Path] | None,
        typer.Option(help="Another run of the same data, to average predictions with; once for each."),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="Judge a pre-trained encoder as it is, such as efficientnet-lite0, instead of a run."),
    ] = None,
    size: Size = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    shuffled_support: Annotated[
        bool,
        typer.Option(
            "--shuffled-support",
            help="Judge with shuffled labels of the support too: a learner that knows its tasks by heart does as well.",
        ),
    ] = False,
    by_task: Annotated[
        bool,
        typer.Option(
            "--transductive",
            help="Normalise each query by the statistics of its task's queries, which lets them see each other.",
        ),
    ] = False,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda; where the run was trained, if that is here, if not given.")
    ] = None,
    seed: Seed = 0,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write an HTML page with calibration and every class.")
    ] = None,
    tasks_file: Annotated[
        Path | None,
        typer.Option("--tasks-file", help="Write the accuracy of each task there, as CSV; RUN/tasks.csv if not given."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Judge a run on new tasks: accuracy with a 95 % interval over tasks, by class, and calibration."""
    from manyshot.augment import Plan
    from manyshot.learners import transductive
    from manyshot.report.evaluate_page import evaluate_page
    from manyshot.report.page import write_page
    from manyshot.samples.plan_augmenter import check_compatible, count_seen_classes, load_plan_augmenter
    from manyshot.tasks import EpisodeSampler
    from manyshot.training import classes_seen, evaluate_tasks, load_ensemble
    from manyshot.training.support_shuffle import probe_evaluated
    from manyshot.training.task_csv import TASKS

    quieten(quiet)
    if tasks is not None and tasks < 1:
        raise InputError(f"--tasks {tasks}: give at least 1")
    if encoder is not None:
        if data is not None or one_shot_runs is not None:
            raise InputError(f"with --encoder there is no run: give DATA alone ({run} is taken as DATA)")
        data = str(run)
        refuse("with --encoder, which has no runs", ensemble=ensemble)
    else:
        refuse("without --encoder, since a run knows its size", size=size)
    columns = columns_of(text_column, label_column, encoding)
    of_table = {"text_column": text_column, "label_column": label_column, "encoding": encoding}
    if data is not None and one_shot_runs is not None:
        raise InputError("give DATA or --one-shot-runs, not both")
    if one_shot_runs is not None:
        refuse(
            "with --one-shot-runs, which say themselves what to judge",
            split=split,
            root=root,
            report=report,
            shuffled_support=shuffled_support or None,
            ways=ways,
            shots=shots,
            queries=queries,
            tasks=tasks,
            within_group=within_group,
            **of_table,
        )
    elif data is None:
        refuse("without DATA", split=split, root=root, **of_table)
    if encoder is not None and data is not None:
        made, source = _given(data, split, root, size, columns, learner or "prototypes", encoder)
    else:
        made, source = load_ensemble([run, *(ensemble or [])], learner), None
    if by_task:
        made = replace(made, learner=transductive(made.learner))
    how = Plan(made.config.test_plan if plan is None else plan)
    lent = None if augmenter is None else load_plan_augmenter(augmenter)
    if lent is not None:
        check_compatible(lent, made)
        how = how.with_augmenter(lent.augmenter)
    elif how.needs_augmenter:
        raise InputError(f"plan: '{how}' needs an augmenter; name its run: --augmenter RUN")
    told: dict[str, Any] = {"run": str(run)} if encoder is None else {"encoder": encoder}
    if augmenter is not None:
        told["augmenter"] = str(augmenter)
    if ensemble:
        told["ensemble"] = [str(other) for other in ensemble]
    told |= {"learner": learner or made.config.learner, "plan": str(how), "seed": seed}

    if tasks_file is None and encoder is None:
        tasks_file = run / TASKS
    told["tasks_file"] = None if tasks_file is None else str(tasks_file)
    if one_shot_runs is not None:
        evaluate_runs(made, one_shot_runs, how, seed, device, told, tasks_file, as_json)
        return
    if source is None:
        source = _source(made, run, data, split, root, columns)
    sampler = EpisodeSampler(
        source,
        made.config.ways if ways is None else number_or_range(ways, "--ways"),
        made.config.shots if shots is None else number_or_range(shots, "--shots"),
        10 if queries is None else queries,
        seed=seed,
        within_group=0.0 if within_group is None else within_group,
    )
    judged_on = made.config.data if data is None else data
    seen = 0 if encoder else classes_seen(made.config, judged_on, source)
    known = 0 if lent is None else count_seen_classes(lent, judged_on, source)
    found = evaluate_tasks(made.learner, sampler, 600 if tasks is None else tasks, how, seed, device, title="tasks")
    probed = probe_evaluated(found, made.learner, sampler, how, seed, device) if shuffled_support else None
    if seen:
        note(f"the run was trained on {seen} of these {len(source.class_names)} classes: it says little of new ones")
    if known:
        note(f"the augmenter was trained on {known} of these classes: it says little of new ones")
    if found.transductive:
        note(TRANSDUCTIVE)
    if report is not None:
        write_page(report, evaluate_page(found, source.name, source.class_names, told, command_line()))
    if tasks_file is not None:
        write_evaluated(tasks_file, found, told, made.config.fit.seed, probed)
    tell(found, probed, source, told | {"data": source.name, "seen_in_training": seen}, as_json)


def _given(
    data: str,
    split: str | None,
    root: Path | None,
    size: int | None,
    columns: "Columns | None",
    learner: str,
    encoder: str,
) -> "tuple[Run, Source]":
    """A pre-trained encoder as it is, and the data to judge it on."""
    from manyshot.datasets import load_dataset
    from manyshot.training import Config, frozen_run

    config = Config(data, learner=learner, encoder=encoder)
    source = load_dataset(data, split, root=root, size=size, columns=columns)
    return frozen_run(config, source), source


def _source(
    made: "Run", run: Path, data: str | None, split: str | None, root: Path | None, columns: "Columns | None"
) -> "Source":
    """What a run is judged on, as it takes it: the data that are named, or what it set aside."""
    from manyshot.datasets import load_dataset
    from manyshot.training import load_sources

    if data is None:
        aside = load_sources(made.config).test
        if aside is None:
            raise InputError(f"{run} set no classes aside for testing; name DATA to judge it on")
        return aside
    pixels: dict[str, Any] = {"size": made.size, "color": made.channels == 3} if made.channels else {}
    return load_dataset(data, split, root=root, centered=made.config.centered, columns=columns, **pixels)
