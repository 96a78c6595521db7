"""`manyshot evaluate`: how accurate a run is on tasks that it has not seen, or a fitted model on examples."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from manyshot.base import InputError, check_out, check_replaceable, note, quieten
from manyshot.cli.evaluate_fitted import evaluate_fitted
from manyshot.cli.evaluate_one_shot import evaluate_one_shot
from manyshot.cli.evaluate_options import EvaluateArguments, TaskArguments
from manyshot.cli.option_groups import expand_options
from manyshot.cli.output import command_line
from manyshot.cli.print_evaluation import TRANSDUCTIVE, print_evaluation, write_tasks
from manyshot.cli.shared_options import Json, Quiet, TableArguments, examples

if TYPE_CHECKING:
    from manyshot.augment import Plan
    from manyshot.samples.plan_augmenter import PlanAugmenter
    from manyshot.tasks import Source
    from manyshot.training import Run

EXAMPLES = examples(
    "manyshot evaluate model test/ --report test.html",
    "manyshot evaluate runs/handwriting omniglot --split small2 --ways 20 --shots 1 --tasks 1000",
    "manyshot evaluate runs/handwriting --one-shot-runs all_runs.zip --json",
    'manyshot evaluate runs/handwriting digits --ways 10 --plan "shots: 16 x affine elastic" '
    '--learner "prototypes(nearest)"',
    'manyshot evaluate runs/letters omniglot --augmenter runs/augmenter --plan "shots: 8 x learned"',
    "manyshot evaluate cifar-fs --split test --encoder efficientnet-lite0 --learner ridge --augmenter runs/naming "
    '--plan "shots: 1 x learned" --shuffled-names',
    'manyshot evaluate runs/letters omniglot --split evaluation --augmenter runs/dagan --plan "shots: 8 x learned"',
    'manyshot evaluate photos/ --encoder efficientnet-lite0 --learner ridge --plan "shots: 8 x flip affine"',
    "manyshot evaluate runs/handwriting omniglot --split small2 --shuffled-support",
    'manyshot evaluate faq.csv --text-column question --encoder minilm --learner ridge --plan "shots: 4 x aeda"',
    "",
    "Without DATA, the classes that the run set aside for testing are used (see `manyshot train --test`).",
)


@expand_options
def evaluate(
    options: EvaluateArguments, tasks: TaskArguments, table: TableArguments, as_json: Json = False, quiet: Quiet = False
) -> None:
    """Evaluate a run on new tasks, or a model that `fit` wrote on labeled examples: accuracy, classes, calibration."""
    from manyshot.classify.model.save_load_model import is_model
    from manyshot.report.evaluate_page import evaluate_page
    from manyshot.report.page import write_page
    from manyshot.training import evaluate_tasks
    from manyshot.training.memorization_probe import probe_evaluated
    from manyshot.training.name_probe import probe_names
    from manyshot.training.validation_thresholds import thresholds_of

    quieten(quiet)
    fitted = is_model(options.run)
    if fitted:
        options.check_model(tasks)
    else:
        options.check(tasks, table)
    if options.report is not None:
        check_out(options.report, beside=True, option="--report")
        check_replaceable(options.report, option="--report")
    if fitted:
        evaluate_fitted(options, table, as_json)
        return
    if options.tasks_file is not None:
        check_out(options.tasks_file, beside=True, option="--tasks-file")
        check_replaceable(options.tasks_file, mark="accuracy", option="--tasks-file")
    run, source = _load_run(options, table)
    plan, augmenter = _plan(options, run)
    description = options.describe(run.config, plan)
    if options.one_shot_runs is not None:
        evaluate_one_shot(run, options.one_shot_runs, plan, options, description, as_json)
        return
    if source is None:
        source = _load_source(options, table, run)
    seed, device = options.seed, options.device
    source = _describe_classes(options, source, plan)
    sampler = tasks.sampler(source, run.config, seed)
    result = evaluate_tasks(run.learner, sampler, tasks.count, plan, seed, device, title="tasks")
    if options.encoder is None and not options.ensemble:
        result = replace(result, thresholds=thresholds_of(run, plan, tasks.like, seed, device))
    probe = probe_evaluated(result, run.learner, sampler, plan, seed, device) if options.shuffled_support else None
    names = probe_names(result, run.learner, sampler, plan, seed, device) if options.shuffled_names else None
    seen = _note_seen_classes(options, run, source, augmenter)
    if result.transductive:
        note(TRANSDUCTIVE)
    if options.report is not None:
        page = evaluate_page(result, source.name, source.class_names, description, command_line())
        write_page(options.report, page)
    if options.csv is not None:
        write_tasks(options.csv, result, description, run.config.fit.seed, probe)
    description |= {"data": source.name, "seen_in_training": seen}
    print_evaluation(result, probe, names, source, description, as_json)


def _load_run(options: EvaluateArguments, table: TableArguments) -> "tuple[Run, Source | None]":
    """The run to evaluate; with a pre-trained encoder in place of a run, also the data."""
    from manyshot.datasets import load_dataset
    from manyshot.learners import transductive
    from manyshot.training import Config, frozen_run, load_ensemble

    source = None
    if options.encoder is None:
        run = load_ensemble([options.run, *(options.ensemble or [])], options.learner)
    else:
        config = Config(str(options.run), learner=options.learner or "prototypes", encoder=options.encoder)
        source = load_dataset(config.data, options.split, root=options.root, size=options.size, columns=table.columns())
        run = frozen_run(config, source)
    return (replace(run, learner=transductive(run.learner)) if options.transductive else run), source


def _plan(options: EvaluateArguments, run: "Run") -> "tuple[Plan, PlanAugmenter | None]":
    """The plan at use time, and the augmenter that its word `learned` stands for."""
    from manyshot.augment import Plan
    from manyshot.samples.plan_augmenter import check_compatible, load_plan_augmenter

    plan = Plan(run.config.test_plan if options.plan is None else options.plan)
    if options.augmenter is None:
        if plan.needs_augmenter:
            raise InputError(f"plan: '{plan}' needs an augmenter; name its run: --augmenter RUN")
        return plan, None
    augmenter = load_plan_augmenter(options.augmenter)
    check_compatible(augmenter, run)
    return plan.with_augmenter(augmenter.augmenter), augmenter


def _describe_classes(options: EvaluateArguments, source: "Source", plan: "Plan") -> "Source":
    """The source with the texts of `--about`, which the plan's augmenter has to read."""
    from manyshot.training.class_texts import describe_classes

    if options.about is None:
        return source
    if getattr(plan.augmenter, "reads", None) is None and getattr(plan.augmenter, "speaks", None) is None:
        raise InputError(f"--about has no effect on {options.augmenter}, which reads nothing of classes; leave it out")
    return describe_classes(source, options.about)


def _load_source(options: EvaluateArguments, table: TableArguments, run: "Run") -> "Source":
    """The data to evaluate a run on, as it takes them: those that are named, or those that it set aside."""
    from manyshot.datasets import load_dataset
    from manyshot.training import load_sources

    if options.data is None:
        test = load_sources(run.config).test
        if test is None:
            raise InputError(f"{options.run} set no classes aside for testing; name DATA to evaluate it on")
        return test
    images: dict[str, Any] = {"size": run.size, "color": run.channels == 3} if run.channels else {}
    return load_dataset(
        options.data,
        options.split,
        root=options.root,
        centered=run.config.centered,
        columns=table.columns(),
        window=run.config.window,
        **images,
    )


def _note_seen_classes(
    options: EvaluateArguments, run: "Run", source: "Source", augmenter: "PlanAugmenter | None"
) -> int:
    """Say how many of the classes run and augmenter were trained on, and return how many the run was."""
    from manyshot.samples.plan_augmenter import count_seen_classes
    from manyshot.training import classes_seen

    data = run.config.data if options.data is None else options.data
    seen = 0 if options.encoder else classes_seen(run.config, data, source)
    seen_by_augmenter = 0 if augmenter is None else count_seen_classes(augmenter, data, source)
    classes = len(source.class_names)
    if seen:
        note(f"the run was trained on {seen} of these {classes} classes, so accuracy on new classes may be lower")
    if seen_by_augmenter:
        note(f"the augmenter was trained on {seen_by_augmenter} of these classes, so it may help less on new ones")
    return seen
