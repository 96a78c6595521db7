"""The second part of the demo: an augmenter learns on printed letters and generates scanned digits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from manyshot.augment import Plan
from manyshot.compare import ArmResult
from manyshot.compare.arm_result import arm_results
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.meta_augment.augmenter_run import AugmenterRun
from manyshot.meta_augment.train_augmenter import train_augmenter
from manyshot.report.compare_page import columns_of, differences_of, result_rows
from manyshot.report.page import Command, Paragraph, Part, Picture, Section, Table
from manyshot.samples.contact_sheet import SheetRow, draw_sheet
from manyshot.samples.export_learned import export_learned
from manyshot.tasks import EpisodeSampler
from manyshot.training import Run, Settings
from manyshot.training.evaluate import evaluate_tasks

TASKS, COPIES = 100, 4
AUGMENTER = "deformation"
FIT = Settings(steps=40, meta_batch_size=2, learning_rate=3e-3, warmup_steps=5)
NOTHING, FIXED, LEARNED = "no generated shots", "shots by a fixed plan", "shots by the augmenter"
TAILORED, AUGMENTERS = "tailored", "augmenters"
"""Folders of the generated samples and of the augmenters' runs."""


@dataclass(frozen=True, eq=False)
class AugmenterDemo:
    """Results of the augmenter.

    Args:
        results: Results of each arm, on the same tasks; the first arm is the learner without generated shots.
        samples: Folder of the generated samples.
        section: Section of the page.
    """

    results: Mapping[str, ArmResult]
    samples: Path
    section: Section

    def as_dict(self) -> dict[str, Any]:
        """For JSON: each arm's accuracy and its difference from the first."""
        return {"tasks": TASKS, "augmenter": AUGMENTER} | {name: one.as_dict() for name, one in self.results.items()}


def augmenter_demo(
    runs: Sequence[Run], sampler: EpisodeSampler, plan: Plan, out: Path, per_class: int, seed: int
) -> AugmenterDemo:
    """Train an augmenter for each learner, compare it with no augmentation and a fixed plan, and generate samples.

    Args:
        runs: Runs with different seeds that have set classes aside for an augmenter.
        sampler: Tasks to evaluate on.
        plan: The fixed plan.
        out: Folder of the demo, which holds the images of one task in `task`.
        per_class: Number of samples of each class of that task.
        seed: Seed of the draws.
    """
    augmenters = [_train_augmenter(run, out / AUGMENTERS / f"seed-{run.config.fit.seed}") for run in runs]
    results = _evaluate_arms(runs, augmenters, sampler, plan, seed)
    exported = export_learned(out / "task", augmenters[0], per_class, out / TAILORED, seed=seed)
    return AugmenterDemo(results, exported.folder, _section(results, out, per_class))


def _train_augmenter(run: Run, folder: Path) -> AugmenterRun:
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


def _evaluate_arms(
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
                evaluate_tasks(run.learner, sampler, TASKS, arm_plan, seed, title=name).accuracy
                for run, arm_plan in zip(runs, arm_plans, strict=True)
            ]
        )
        for name, arm_plans in plans.items()
    }
    return arm_results(accuracy)


def _section(results: Mapping[str, ArmResult], out: Path, per_class: int) -> Section:
    names = sorted(folder.name for folder in (out / "task").iterdir())
    rows = []
    for name in names:
        files = [*sorted((out / "task" / name).glob("*.png")), *sorted((out / TAILORED / name).glob("*.png"))]
        rows.append(SheetRow(name, [Image.open(file) for file in files]))
    drawn = draw_sheet(rows, headings=("scanned", "generated"), rules=(1,), cell=56, paper=True)
    parts: list[Part] = [
        Paragraph(
            "An augmenter learned, on printed letters that the learner had not seen, how to distort the few examples "
            "of a task so that the learner is most accurate on others. Here it takes one scanned example of each digit "
            f"and generates samples; the files are in '{TAILORED}'."
        ),
        Picture.of(drawn, alt="One scanned example of each digit and the generated samples"),
        Table(
            columns_of(results),
            result_rows(results),
            caption=f"One example of each digit, {TASKS} tasks, the same learners.",
        ),
        *differences_of(results),
        Command(
            f"manyshot augment FOLDER --run {out / AUGMENTERS / 'seed-0'} --per-class {per_class} --out more",
            "The same for your own images",
        ),
    ]
    return Section("Samples by a learned augmenter", parts)
