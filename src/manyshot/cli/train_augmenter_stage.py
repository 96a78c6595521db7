"""`manyshot train --stage augmenter` and `--stage joint`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from manyshot.base import InputError, check_out, note
from manyshot.cli.option_groups import Keywords
from manyshot.cli.output import command_line
from manyshot.cli.shared_options import Context, given, is_given, spelled
from manyshot.cli.training_options import settings_options
from manyshot.cli.training_result import print_training

if TYPE_CHECKING:
    from manyshot.meta_augment.augmenter_config import AugmenterConfig

STAGES = ("learner", "augmenter", "joint")
AUGMENTER_OPTIONS = ("augmenter", "head", "gradient", "copies", "about")
AugmenterOptions = Annotated[
    Keywords,
    settings_options(
        "meta_augment/augmenter_config.py",
        "AugmenterConfig",
        only=AUGMENTER_OPTIONS,
        prefix="At --stage augmenter and joint: ",
    ),
]
TASK_OPTIONS = ("ways", "shots", "queries", "within_group")
"""Options of a learner's training that an augmenter's training has too; the others are settled by the learner's run."""


def train_augmenter_stage(
    context: Context,
    stage: str,
    augmenter: Keywords,
    config: Keywords,
    fit: Keywords,
    out: Path,
    resume: bool,
    as_json: bool,
) -> None:
    """Train an augmenter for a learner's run, or train both of an augmenter's run further.

    Args:
        context: Context of the command, which says what is on the command line.
        stage: "augmenter" or "joint".
        augmenter: Values of `AUGMENTER_OPTIONS`.
        config: Settings of a learner's run, of which the data, the run's folder and `TASK_OPTIONS` matter here.
        fit: Settings of the training loop.
        out: Folder of the run.
        resume: Continue from its last checkpoint.
        as_json: Print JSON.

    Raises:
        InputError: For an option that the learner's run has settled, or data that are not those of the learner's run.
    """
    from manyshot.meta_augment.diagnose import diagnose_run
    from manyshot.meta_augment.train_augmenter import train_augmenter
    from manyshot.report.augmenter_page import augmenter_page
    from manyshot.report.page import write_page
    from manyshot.runtime.distributed import joined_processes

    for name in (*config, "for_augmenter"):
        if name not in ("data", "learner", *TASK_OPTIONS) and is_given(context, name):
            raise InputError(f"{spelled(name)} is as in the run of --learner at --stage {stage}; leave it out")
    settings = _augmenter_config(context, stage, augmenter, config, fit)
    check_out(out)
    with joined_processes() as processes:
        run = train_augmenter(settings, out, resume, title=f"{stage} {out.name}", processes=processes)
    if not processes.is_main:
        return
    diagnosed = diagnose_run(run)
    write_page(out / "report.html", augmenter_page(run, command_line(), diagnosed))
    for warning in [] if diagnosed is None else diagnosed[0].warnings:
        note(warning)
    plan = f"shots: {settings.copies} x learned"
    evaluate = ("evaluate", str(out / "learner"), "DATA", "--augmenter", str(out), "--plan", plan)
    diagnosis = None if diagnosed is None else diagnosed[0].as_dict()
    print_training(out, run.rows, as_json, evaluate, stage, diagnosis)


def _augmenter_config(
    context: Context, stage: str, augmenter: Keywords, config: Mapping[str, Any], fit: Keywords
) -> "AugmenterConfig":
    """The settings of the training, checked against those of the learner's run."""
    from manyshot.meta_augment.augmenter_config import AugmenterConfig
    from manyshot.meta_augment.augmenter_run import load_augmenter_run
    from manyshot.training import Settings, load_run

    if not is_given(context, "learner"):
        run = "an augmenter's run" if stage == "joint" else "a run"
        raise InputError(f"--stage {stage} needs --learner RUN, the folder of {run} that `manyshot train` wrote")
    learner, data = config["learner"], config["data"]
    if stage == "joint":
        earlier = load_augmenter_run(learner)
        trained_on = earlier.run.config
        augmenter = augmenter | {"augmenter": earlier.config.augmenter} | given(context, ["augmenter"])
    else:
        trained_on = load_run(learner).config
    if replace(trained_on, data=data).with_absolute_paths().data != trained_on.with_absolute_paths().data:
        raise InputError(
            f"DATA {data}: the run in {learner} has set classes of {trained_on.data} aside; name those data"
        )
    tasks = {name: config[name] for name in TASK_OPTIONS if name != "shots" or is_given(context, "shots")}
    return AugmenterConfig(**augmenter, **tasks, learner=learner, joint=stage == "joint", fit=Settings(**fit))
