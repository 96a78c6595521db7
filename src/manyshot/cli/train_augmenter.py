"""`manyshot train --stage augmenter` and `--stage joint`: what they ask for and print."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from manyshot.base import InputError, check_out, note
from manyshot.cli.options import Context, command_line, print_json, stands
from manyshot.cli.ranges import number_or_range

if TYPE_CHECKING:
    from manyshot.training import Settings

STAGES = ("learner", "augmenter", "joint")
OF_THE_LEARNER = (
    "split",
    "root",
    "size",
    "centered",
    "text_column",
    "label_column",
    "encoding",
    "plan",
    "test_plan",
    "objective",
    "encoder",
    "classes",
    "validation",
    "test",
    "for_augmenter",
    "split_by",
)
"""Options that the learner's run has settled."""


def train_stage(
    context: Context,
    stage: str,
    data: str,
    learner: str,
    augmenter: str | None,
    head: str | None,
    gradient: str,
    copies: int,
    ways: str,
    shots: str,
    queries: int,
    within_group: float,
    fit: "Settings",
    out: Path,
    resume: bool,
    as_json: bool,
) -> None:
    """Train an augmenter for a learner's run, or both of an augmenter's run further.

    Args:
        context: of the command, to tell what stands on the command line.
        stage: "augmenter" or "joint".
        data: the learner's, again.
        learner: the folder of a run.
        augmenter: method and options; the default, or what the run holds, if None.
        head: see `AugmenterConfig`; so are gradient, copies, ways, shots, queries, within_group and fit.
        gradient: see there.
        copies: see there.
        ways: see there.
        shots: see there.
        queries: see there.
        within_group: see there.
        fit: see there.
        out: the run's folder.
        resume: go on from its last checkpoint.
        as_json: print JSON.

    Raises:
        InputError: for an option that the learner's run has settled, or other data than its own.
    """
    from manyshot.meta_augment.config import AugmenterConfig
    from manyshot.meta_augment.diagnose import diagnose_run
    from manyshot.meta_augment.train import load_augmenter_run, train_augmenter
    from manyshot.report.augmenter_page import augmenter_page
    from manyshot.report.page import write_page
    from manyshot.runtime.distributed import joined_processes
    from manyshot.training import load_run

    for name in OF_THE_LEARNER:
        if stands(context, name):
            raise InputError(
                f"--{name.replace('_', '-')} is as in the run of --learner at --stage {stage}; leave it out"
            )
    if not stands(context, "learner"):
        what = "an augmenter's run" if stage == "joint" else "a run"
        raise InputError(f"--stage {stage} needs --learner RUN, the folder of {what} that `manyshot train` wrote")
    given = load_augmenter_run(learner) if stage == "joint" else None
    trained_on = (load_run(learner) if given is None else given.run).config
    if replace(trained_on, data=data).anchored().data != trained_on.anchored().data:
        raise InputError(
            f"DATA {data}: the run in {learner} has set classes of {trained_on.data} aside; name those data"
        )
    config = AugmenterConfig(
        learner=learner,
        augmenter=augmenter or ("hallucinator" if given is None else given.config.augmenter),
        head=head,
        gradient=gradient,
        copies=copies,
        ways=number_or_range(ways, "--ways"),
        shots=number_or_range(shots if stands(context, "shots") else "1-5", "--shots"),
        queries=queries,
        within_group=within_group,
        joint=stage == "joint",
        fit=fit,
    )
    check_out(out)
    with joined_processes() as processes:
        run = train_augmenter(config, out, resume, title=f"{stage} {out.name}", processes=processes)
    if not processes.is_main:
        return
    report = out / "report.html"
    diagnosed = diagnose_run(run)
    write_page(report, augmenter_page(run, command_line(), diagnosed))
    warnings = [] if diagnosed is None else diagnosed[0].warnings
    losses = [row["loss"] for row in run.rows if "loss" in row]
    held_out = [row["validation_accuracy"] for row in run.rows if "validation_accuracy" in row]
    if as_json:
        print_json(
            {
                "run": str(out),
                "stage": stage,
                "steps": len(losses),
                "loss": losses[-1] if losses else None,
                "validation_accuracy": max(held_out, default=None),
                "diagnosis": None if diagnosed is None else diagnosed[0].as_dict(),
                "report": str(report),
            }
        )
        return
    told = f"{len(losses):,} steps, loss {losses[-1]:.3f}" if losses else "nothing to train, statistics gathered"
    chosen = f", held-out accuracy {max(held_out):.1%}" if held_out else ""
    print(f"{out}: {told}{chosen}")
    for warning in warnings:
        note(warning)
    use = f"manyshot evaluate {shlex.quote(str(out / 'learner'))} DATA --augmenter {shlex.quote(str(out))}"
    print(f'Look at {report}; judge it with: {use} --plan "shots: {config.copies} x learned"')
