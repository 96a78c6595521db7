"""The end of the demo: an augmenter learns on printed letters, and makes samples for the task of scanned digits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from manyshot.augment import Plan
from manyshot.compare import ArmResult
from manyshot.compare.run_arms import against_first
from manyshot.meta_augment.config import AugmenterConfig
from manyshot.meta_augment.train import AugmenterRun, train_augmenter
from manyshot.report.compare_page import COLUMNS, differences_of, result_rows
from manyshot.report.page import Command, Paragraph, Part, Picture, Section, Table
from manyshot.samples.contact_sheet import Row, sheet
from manyshot.samples.export_learned import export_learned
from manyshot.tasks import EpisodeSampler
from manyshot.training import Run, Settings
from manyshot.training.evaluate import evaluate_tasks

TASKS, COPIES = 100, 4
AUGMENTER = "deformation"
FIT = Settings(steps=40, meta_batch_size=2, learning_rate=3e-3, warmup_steps=5)
NOTHING, FIXED, LEARNED = "no made shots", "shots by a fixed plan", "shots by the augmenter"
TAILORED, AUGMENTERS = "tailored", "augmenters"
"""Folders of the demo: the samples, and the augmenters' runs."""


@dataclass(frozen=True, eq=False)
class StageTwo:
    """What the augmenter came to.

    Args:
        results: of each arm, on the same tasks; the first is the learner without made shots.
        samples: the folder of tailored samples.
        section: of the page.
    """

    results: Mapping[str, ArmResult]
    samples: Path
    section: Section

    def as_dict(self) -> dict[str, Any]:
        """For JSON: each arm's accuracy and its difference from the first."""
        return {"tasks": TASKS, "augmenter": AUGMENTER} | {name: one.as_dict() for name, one in self.results.items()}


def stage_two(
    runs: Sequence[Run], sampler: EpisodeSampler, plan: Plan, out: Path, per_class: int, seed: int
) -> StageTwo:
    """Train an augmenter for each learner, judge it beside nothing and a fixed plan, and have it make samples.

    Args:
        runs: trained with different seeds, which have set classes aside for an augmenter.
        sampler: of the tasks to judge on.
        plan: the fixed plan's ops.
        out: the demo's folder, in which the pictures of one task lie in `task`.
        per_class: samples of each class of that task.
        seed: of the draws.
    """
    augmenters = [_trained(run, out / AUGMENTERS / f"seed-{run.config.fit.seed}") for run in runs]
    results = _judged(runs, augmenters, sampler, plan, seed)
    made = export_learned(out / "task", augmenters[0], per_class, out / TAILORED, seed=seed)
    return StageTwo(results, made.folder, _section(results, out, per_class))


def _trained(run: Run, folder: Path) -> AugmenterRun:
    config = AugmenterConfig(
        str(run.folder),
        AUGMENTER,
        copies=COPIES,
        ways=10,
        shots=1,
        queries=1,
        fit=Settings(**vars(FIT) | {"seed": run.config.fit.seed}),
    )
    return train_augmenter(config, folder, title=f"augmenter {run.config.fit.seed}")


def _judged(
    runs: Sequence[Run], augmenters: Sequence[AugmenterRun], sampler: EpisodeSampler, plan: Plan, seed: int
) -> dict[str, ArmResult]:
    learned = Plan(f"shots: {COPIES} x learned")
    plans = {
        NOTHING: [Plan()] * len(runs),
        FIXED: [plan] * len(runs),
        LEARNED: [learned.with_augmenter(one.augmenter) for one in augmenters],
    }
    accuracy = {
        name: np.stack(
            [
                evaluate_tasks(run.learner, sampler, TASKS, how, seed, title=name).accuracy
                for run, how in zip(runs, of_runs, strict=True)
            ]
        )
        for name, of_runs in plans.items()
    }
    return against_first(accuracy)


def _section(results: Mapping[str, ArmResult], out: Path, per_class: int) -> Section:
    names = sorted(folder.name for folder in (out / "task").iterdir())
    rows = []
    for name in names:
        files = [*sorted((out / "task" / name).glob("*.png")), *sorted((out / TAILORED / name).glob("*.png"))]
        rows.append(Row(name, [Image.open(file) for file in files]))
    drawn = sheet(rows, headings=("scanned", "tailored"), rules=(1,), cell=56, paper=True)
    parts: list[Part] = [
        Paragraph(
            "An augmenter learned, on printed letters that the learner had not seen, how to distort the few examples "
            "of a task so that the learner does best on further ones. Here it looks at one scanned example of each "
            f"digit and makes samples of them; the files are in '{TAILORED}'."
        ),
        Picture.of(drawn, alt="One scanned example of each digit and the samples tailored to it"),
        Table(COLUMNS, result_rows(results), caption=f"One example of each digit, {TASKS} tasks, the same learners."),
        *differences_of(results),
        Command(
            f"manyshot augment FOLDER --run {out / AUGMENTERS / 'seed-0'} --per-class {per_class} --out more",
            "The same for your own pictures",
        ),
    ]
    return Section("Samples tailored by a learned augmenter", parts)
