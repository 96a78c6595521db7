"""`manyshot compare --preset`: comparisons with a name."""

from dataclasses import replace
from pathlib import Path

from manyshot.base import InputError, did_you_mean, write_json
from manyshot.cli.option_groups import Keywords
from manyshot.cli.output import command_line, print_json, print_table, say
from manyshot.cli.print_comparison import print_comparisons
from manyshot.cli.shared_options import Context, given, refuse_others

PRESETS = {
    "cifar-fs-tasks": "CIFAR-FS, 5 ways: each method of augmenting whole tasks alone, and several together",
    "few-tasks": "Omniglot from 10, 20, 50 and 100 training classes, with and without new ones made of them",
    "memorization": "sine waves from few fixed tasks: are they memorized, with and without label-shared noise",
    "omniglot-challenge": "Omniglot's one-shot challenge from five alphabets: what each part of augmentation brings",
    "transfer": "Omniglot's letters to MNIST's digits, from 1 and 5 examples each",
}
"""Names and summaries of the presets; stated here so that the help need not wait for torch."""
CHANGES = ("root", "steps", "tasks", "seeds", "seed", "device")
"""Options that replace a setting of the preset."""
OPTIONS = ("preset", "out", "jobs", "on", "as_json", "quiet", *CHANGES)
"""Options that have an effect beside --preset."""


def compare_preset(
    context: Context, name: str, out: Path, one_shot_runs: Path | None, jobs: int | None, on: str, as_json: bool
) -> None:
    """Run a preset, write its report, and print the results.

    Args:
        context: Context of the command; those of `CHANGES` that are on the command line replace the preset's settings.
        name: Name of the preset.
        out: Folder of the runs and the report.
        one_shot_runs: Test tasks of omniglot-challenge.
        jobs: Trainings at the same time.
        on: Where they run.
        as_json: Print JSON.

    Raises:
        InputError: For an unknown name, or an option that has no effect on the preset.
    """
    from manyshot.compare import override, run_comparisons
    from manyshot.compare.preset_comparisons import COMPARISONS

    if name not in PRESETS:
        raise InputError(f"--preset {name}: {did_you_mean(name, PRESETS)}")
    effective = {
        "memorization": set(OPTIONS) - {"root", "jobs", "on", "device"},
        "omniglot-challenge": {*OPTIONS, "one_shot_runs"} - {"tasks"},
    }.get(name, OPTIONS)
    refuse_others(context, effective, f"with --preset {name}, which sets it itself")
    changes = given(context, CHANGES)
    if name == "memorization":
        _compare_memorization(changes, out, as_json)
    elif name == "omniglot-challenge":
        _compare_omniglot_challenge(changes, out, one_shot_runs, jobs, on, as_json)
    else:
        comparisons = [override(one, **changes) for one in COMPARISONS[name].comparisons]
        compared = run_comparisons(comparisons, out, jobs, on)
        answer = {"preset": name, "comparisons": {one.comparison.name: one.as_dict() for one in compared}}
        print_comparisons(COMPARISONS[name].summary, compared, out, answer if as_json else None)


def _compare_memorization(changes: Keywords, out: Path, as_json: bool) -> None:
    """Compare on sine waves, which are no data set and are evaluated by squared error."""
    from manyshot.compare import check_arms
    from manyshot.compare.memorization import SEEDS, STEPS, run_memorization
    from manyshot.report.memorization_page import COLUMNS, memorization_page, memorization_rows
    from manyshot.report.page import write_page
    from manyshot.training.task_csv import TASKS, write_task_csv

    seeds, tasks, steps = changes.get("seeds", SEEDS), changes.get("tasks", 200), changes.get("steps", STEPS)
    first_seed = changes.get("seed", 0)
    if seeds < 1 or tasks < 2:
        raise InputError(f"--seeds {seeds}, --tasks {tasks}: give at least 1 seed and 2 tasks")
    check_arms((), out)
    results = [run_memorization(waves, seeds, steps, tasks, first_seed) for waves in (4, 10)]
    write_json(out / "compare.json", {"preset": "memorization"})
    write_task_csv(out / TASKS, [row for result in results for row in result.task_rows(first_seed)])
    report = out / "report.html"
    write_page(report, memorization_page(PRESETS["memorization"], results, steps, command_line()))
    if as_json:
        comparisons = {f"{result.waves} waves": result.as_dict() for result in results}
        print_json(
            {
                **{"preset": "memorization", "seeds": seeds, "steps": steps, "comparisons": comparisons},
                **{"tasks_file": str(out / TASKS), "report": str(report)},
            }
        )
        return
    for result in results:
        say(f"{result.waves} training waves, mean squared errors:")
        print_table(COLUMNS, memorization_rows(result), right=(1, 2, 3, 4, 5, 6))
    say(f"{seeds} seeds; 95 % intervals. Look at {report}")


def _compare_omniglot_challenge(
    changes: Keywords, out: Path, one_shot_runs: Path | None, jobs: int | None, on: str, as_json: bool
) -> None:
    """Compare a ladder of arms, each with one more part of augmentation, on one-shot runs."""
    from manyshot.compare.omniglot_ladder import CONFIG, practice_runs, run_ladder
    from manyshot.report.one_shot_page import COLUMNS, one_shot_page, one_shot_rows
    from manyshot.report.page import write_page
    from manyshot.training.task_csv import TASKS

    root, seeds = changes.get("root"), changes.get("seeds", 3)
    fit: Keywords = {name: changes[name] for name in ("steps", "seed", "device") if name in changes}
    config = replace(CONFIG, root=root, fit=replace(CONFIG.fit, **fit))
    tested_on = practice_runs(root and Path(root)) if one_shot_runs is None else one_shot_runs
    result = run_ladder(config, tested_on, seeds, out, jobs=jobs, on=on)
    report = out / "report.html"
    write_page(report, one_shot_page(PRESETS["omniglot-challenge"], result, command_line()))
    if as_json:
        answer = {"preset": "omniglot-challenge", "seeds": seeds, "one_shot_runs": tested_on.name}
        print_json(answer | result.as_dict() | {"tasks_file": str(out / TASKS), "report": str(report)})
        return
    print_table(COLUMNS, one_shot_rows(result), right=(1, 2, 3, 4))
    trials, runs = result.trials
    say(f"{seeds} seeds, {trials:,} trials of {runs} runs; 95 % intervals. Look at {report}")
