"""The part of `manyshot compare` for comparisons with a name."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from manyshot.base import InputError, did_you_mean, write_json
from manyshot.cli.compare_results import tell
from manyshot.cli.options import Context, command_line, print_json, print_table, refuse_others, stands

PRESETS = {
    "cifar-fs-tasks": "CIFAR-FS, 5 ways: each method of augmenting whole tasks alone, and several together",
    "few-tasks": "Omniglot from 10, 20, 50 and 100 training classes, with and without new ones made of them",
    "memorisation": "sine waves from few fixed tasks: are they learned by heart, with and without label-shared noise",
    "omniglot-challenge": "Omniglot's one-shot challenge from five alphabets: what each part of augmentation brings",
    "transfer": "Omniglot's letters to MNIST's digits, from 1 and 5 examples each",
}
"""Names and summaries of the presets; here too, so that the help need not wait for torch."""
OPTIONS = ("preset", "out", "root", "steps", "tasks", "seeds", "jobs", "device", "seed", "as_json", "quiet")
"""The options that mean something beside --preset."""
SAYS_ITSELF = "with this --preset, which says itself"


def compare_preset(
    context: Context,
    name: str,
    out: Path,
    root: Path | None,
    one_shot_runs: Path | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Run a preset, write its report, and print what came of it.

    Args:
        context: of the command; what stands there of steps, tasks, seeds, seed and device takes the preset's place.
        name: of the preset.
        out: the folder of runs and report.
        root: of the data sets' files.
        one_shot_runs: what omniglot-challenge is judged on.
        jobs: trainings at a time.
        as_json: print JSON.

    Raises:
        InputError: for an unknown name, or an option that the preset has no use for.
    """
    from manyshot.compare import adjusted, run_comparisons
    from manyshot.compare.presets import COMPARISONS

    if name == "memorisation":
        _memorisation(context, out, as_json)
        return
    if name == "omniglot-challenge":
        _omniglot_challenge(context, out, root, one_shot_runs, jobs, as_json)
        return
    if name not in PRESETS:
        raise InputError(f"--preset {name}: {did_you_mean(name, PRESETS)}")
    refuse_others(context, OPTIONS, SAYS_ITSELF)
    asked = {option: _asked(context, option) for option in ("seeds", "steps", "tasks", "seed", "device")}
    comparisons = [
        adjusted(one, root=None if root is None else str(root), **asked) for one in COMPARISONS[name].comparisons
    ]
    compared = run_comparisons(comparisons, out, jobs)
    told = {"preset": name, "comparisons": {one.comparison.name: one.as_dict() for one in compared}}
    tell(COMPARISONS[name].summary, compared, out, told if as_json else None)


def _asked(context: Context, name: str, otherwise: Any = None) -> Any:  # noqa: ANN401 - an option of any kind
    """What stands on the command line, if anything does."""
    return context.params[name] if stands(context, name) else otherwise


def _memorisation(context: Context, out: Path, as_json: bool) -> None:
    """Sine waves, which are no data set and are judged by squared error."""
    from manyshot.compare import check_arms
    from manyshot.compare.memorisation import SEEDS, STEPS, remember
    from manyshot.report.memorisation_page import COLUMNS, memorisation_page, memorisation_rows
    from manyshot.report.page import write_page
    from manyshot.training.task_csv import TASKS, write_task_csv

    refuse_others(context, [name for name in OPTIONS if name not in ("root", "jobs", "device")], SAYS_ITSELF)
    seeds, tasks = _asked(context, "seeds", SEEDS), _asked(context, "tasks", 200)
    if seeds < 1 or tasks < 2:
        raise InputError(f"--seeds {seeds}, --tasks {tasks}: give at least 1 seed and 2 tasks")
    check_arms((), out)
    steps = _asked(context, "steps", STEPS)
    found = [remember(waves, seeds, steps, tasks, context.params["seed"]) for waves in (4, 10)]
    write_json(out / "compare.json", {"preset": "memorisation"})
    write_task_csv(out / TASKS, [row for one in found for row in one.task_rows(context.params["seed"])])
    report = out / "report.html"
    write_page(report, memorisation_page(PRESETS["memorisation"], found, steps, command_line()))
    if as_json:
        told = {f"{one.waves} waves": one.as_dict() for one in found}
        print_json(
            {
                **{"preset": "memorisation", "seeds": seeds, "steps": steps, "comparisons": told},
                **{"tasks_file": str(out / TASKS), "report": str(report)},
            }
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
    jobs: int | None,
    as_json: bool,
) -> None:
    """A ladder, which is judged on one-shot runs, with ensembles on its upper rungs."""
    from manyshot.compare.omniglot_ladder import CONFIG, practice_runs, run_ladder
    from manyshot.report.one_shot_page import COLUMNS, one_shot_page, one_shot_rows
    from manyshot.report.page import write_page

    refuse_others(context, [name for name in (*OPTIONS, "one_shot_runs") if name != "tasks"], SAYS_ITSELF)
    given = context.params
    fit = replace(CONFIG.fit, steps=_asked(context, "steps", CONFIG.fit.steps), seed=given["seed"])
    fit = replace(fit, device=given["device"])
    config = replace(CONFIG, root=None if root is None else str(root), fit=fit)
    judged = practice_runs(root) if one_shot_runs is None else one_shot_runs
    found = run_ladder(config, judged, given["seeds"], out, jobs)
    report = out / "report.html"
    write_page(report, one_shot_page(PRESETS["omniglot-challenge"], found, command_line()))
    if as_json:
        told = {"preset": "omniglot-challenge", "seeds": given["seeds"], "one_shot_runs": judged.name}
        print_json(told | found.as_dict() | {"tasks_file": str(out / "tasks.csv"), "report": str(report)})
        return
    print_table(COLUMNS, one_shot_rows(found), right=(1, 2, 3, 4))
    trials, runs = found.trials
    print(f"{given['seeds']} seeds, {trials:,} trials of {runs} runs; intervals are 95 %. Look at {report}")
