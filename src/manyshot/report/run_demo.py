"""The demo: letters printed in many typefaces teach a network to read handwritten digits from a few examples."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from manyshot.augment import Plan
from manyshot.base import InputError, write_json
from manyshot.compare import Arm, ArmResult, Comparison, EvaluationSuite, run_comparison
from manyshot.datasets import load_dataset
from manyshot.report.compare_page import compare_page
from manyshot.report.demo_stage_two import AUGMENTERS, COPIES, TAILORED, StageTwo, stage_two
from manyshot.report.page import Command, Paragraph, Picture, Section, write_page
from manyshot.samples.contact_sheet import Row, save, sheet, to_pillow
from manyshot.samples.export_pictures import Exported, export
from manyshot.tasks import EpisodeSampler
from manyshot.training import Config, Settings

WITHOUT, WITH = "without augmentation", "with augmentation"
DEFORM = "affine(10, 1.2, 0.2, 0.1) elastic(0.06)"
# Mirrored letters serve as letters that do not exist. Turned ones, which help on Omniglot, cost five points here: found
# on one half of the scans, and again on MNIST's digits.
PLAN = f"task: flip; support+query: {DEFORM} stroke(0.7, p=0.5)"
SAMPLES = f"shots: {COPIES} x {DEFORM}"
SHOTS = {"1 shot": 1, "5 shots": 5}
NOTE = "demo.json"
"""The figures; also marks a folder that a demo made."""
WAYS, QUERIES, TASKS, SEEDS, PER_CLASS = 10, 10, 600, 3, 12

CONFIG = Config(
    data="glyphs",
    split="greek",
    encoder="conv4(32, 32, 64, 64)",
    ways=20,
    shots=1,
    queries=1,
    validation=0.0,
    augmenter=0.2,
    fit=Settings(steps=700, meta_batch_size=3, learning_rate=2e-3),
)


@dataclass(frozen=True, eq=False)
class Demo:
    """What the demo found.

    Args:
        results: by number of shots, each arm's.
        report: the HTML page.
        samples: the folder of samples made by a fixed plan.
        learned: what an augmenter came to that learned on letters.
    """

    results: dict[str, dict[str, ArmResult]]
    report: Path
    samples: Path
    learned: StageTwo

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """For JSON: by number of shots, the accuracy of each arm, their difference and its interval; then stage two."""
        answer: dict[str, dict[str, Any]] = {}
        for name, arms in self.results.items():
            gap = arms[WITH].against_first
            answer[name] = {
                "without": arms[WITHOUT].mean,
                "with": arms[WITH].mean,
                "difference": arms[WITH].difference,
                "interval": None if gap is None else [gap.low, gap.high],
            }
        return {**answer, "stage_two": self.learned.as_dict()}


def make_demo(out: Path, seed: int, command: str) -> Demo:
    """Train on printed letters with and without augmentation, judge on scanned digits, make samples, write the page.

    Args:
        out: a folder that is new, or that an earlier demo wrote and that is then replaced.
        seed: of everything.
        command: the command line, for the page.

    Raises:
        InputError: if `out` holds something else.
    """
    _make_room(out)
    write_json(out / NOTE, {"command": command, "seed": seed})
    compared = run_comparison(_comparison(seed), out / "runs")
    digits = load_dataset("digits", size=28)
    sampler, plan = EpisodeSampler(digits, WAYS, 1, QUERIES, seed=seed), Plan(SAMPLES)
    _write_task(sampler, out / "task")
    made = export(out / "task", plan, PER_CLASS, out / "samples", seed=seed)
    learned = stage_two(compared.runs[WITH], sampler, plan, out, PER_CLASS, seed)
    report = out / "report.html"
    more = [_samples(out / "task", made), learned.section]
    page = compare_page("From printed letters to handwritten digits", [compared], command, more)
    write_page(report, page)
    results = {name: compared.results[words] for name, words in (("one_shot", "1 shot"), ("five_shot", "5 shots"))}
    found = Demo(results, report, made.folder, learned)
    write_json(out / NOTE, {"command": command, "seed": seed, **found.as_dict()})
    return found


def _comparison(seed: int) -> Comparison:
    judgings = [EvaluationSuite(name, WAYS, shots, QUERIES, TASKS, "digits") for name, shots in SHOTS.items()]
    return Comparison("", CONFIG.with_seed(seed), (Arm(WITHOUT, "none"), Arm(WITH, PLAN)), tuple(judgings), SEEDS)


def _make_room(out: Path) -> None:
    """Remove what an earlier demo made, and nothing else."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is no folder; name another --out")
    strange = sorted(file.name for file in out.iterdir() if not file.name.startswith(".")) if out.exists() else []
    if strange and NOTE not in strange:
        raise InputError(f"{out} holds something that no demo made ('{strange[0]}'); name another --out")
    for name in ("runs", "task", "samples", AUGMENTERS, TAILORED):
        if (out / name).is_dir():
            shutil.rmtree(out / name)


def _write_task(sampler: EpisodeSampler, folder: Path) -> None:
    """The support of a task as a folder of pictures, as a person would have it."""
    table = sampler.indices(0, 1)
    for c, positions in zip(table.classes[0], table.support[0], strict=True):
        for number, image in enumerate(sampler.source.gather(positions)):
            save(to_pillow(image), folder / sampler.source.class_names[c] / f"{number}.png")


def _samples(task: Path, made: Exported) -> Section:
    """What was made of the task's one example a digit, and how to do the same with pictures of one's own."""
    names = sorted(made.made)
    originals = [[Image.open(file) for file in sorted((task / name).glob("*.png"))] for name in names]
    samples = [[Image.open(file) for file in sorted((made.folder / name).glob("*.png"))] for name in names]
    rows = [Row(name, [*first, *more]) for name, first, more in zip(names, originals, samples, strict=True)]
    drawn = sheet(rows, headings=("scanned", "made"), rules=(1,), cell=56, paper=True)
    own = f'manyshot augment FOLDER --plan "{SAMPLES}" --per-class {PER_CLASS} --out more'
    return Section(
        "New samples of one task",
        [
            Paragraph("One scanned example of each digit, and new samples made of it; the files are in 'samples'."),
            Picture.of(drawn, alt="One scanned example of each digit and the samples made of it"),
            Command(own, "The same for your own pictures"),
        ],
    )
