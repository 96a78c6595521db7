from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from PIL import Image

from manyshot.base.sound import from_samples, to_samples
from manyshot.classify.choose.candidates import Candidate, Setting
from manyshot.classify.data_issues.find_duplicate_examples import DuplicateExamples
from manyshot.classify.data_issues.label_issues import Confusion, LabelIssue
from manyshot.classify.evaluate.evaluate_model import ModelEvaluation
from manyshot.classify.evaluate.metrics import Metrics, measure
from manyshot.classify.examples.read_examples import examples_from_arrays, load_examples
from manyshot.classify.fit_report import NamesUsed, PairedGain
from manyshot.classify.heads import Transform
from manyshot.datasets.sound_files import decode_sound, encode_wav
from manyshot.report.classifier_page import MOST, evaluation_page, fit_page
from manyshot.report.page import write_page
from manyshot.report.sound_clip import MOST_BYTES

PICTURES = examples_from_arrays(
    [Image.fromarray(np.random.default_rng(i).integers(0, 256, (20, 30, 3)).astype(np.uint8)) for i in range(8)],
    ["ant", "bee"] * 4,
)
SENTENCES = examples_from_arrays([f"sentence {i}" for i in range(8)], ["ant", "bee"] * 4)


def evaluation(examples, wrong=(1, 4)) -> ModelEvaluation:
    answers = examples.labels.copy()
    answers[list(wrong)] = 1 - answers[list(wrong)]
    probabilities = np.where(np.eye(2)[answers] > 0, 0.8, 0.2)
    probabilities[list(wrong)[:1]] = np.where(probabilities[list(wrong)[:1]] > 0.5, 0.95, 0.05)
    metrics = measure(probabilities, examples.labels, examples.groups)
    return ModelEvaluation(
        metrics, examples.class_names, examples.names, examples.labels, probabilities, np.zeros(len(examples), bool)
    )


def parts(page) -> dict[str, list]:
    return {section.heading: list(section.parts) for section in page.sections}


@dataclass(frozen=True)
class Augmentation:
    difference: float = 0.02
    low: float = -0.01
    high: float = 0.05
    is_clear: bool = False


@dataclass(frozen=True)
class Tried:
    candidate: Candidate
    accuracy: float | None


CHOSEN = Candidate("efficientnet-lite0", Setting(Transform(), "ridge(penalty=0.1)", (("flip", 1),)))


NAMES = NamesUsed(1.0, 2.0, 0.75, PairedGain(0.1, 0.05, 0.15), PairedGain(-0.2, -0.3, -0.1))


@dataclass(frozen=True)
class Report:
    """The fields of a `FitReport` that the page reads."""

    classes: tuple[str, ...] = ("ant", "bee")
    examples: int = 8
    chosen: Candidate = CHOSEN
    why: str = "It did best."
    tried: tuple[Tried, ...] = (Tried(CHOSEN, 0.75), Tried(CHOSEN, None))
    accuracy: float | None = 0.75
    interval: tuple[float, float] = (0.5, 0.9)
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    names_used: NamesUsed | None = NAMES
    suspects: tuple[LabelIssue, ...] = (LabelIssue(2, 0, 1, 0.93),)
    duplicates: tuple[DuplicateExamples, ...] = (DuplicateExamples(0, 3, "near", True),)
    confusions: tuple[Confusion, ...] = (Confusion((0, 1), 2.0, 8),)
    measures: Metrics | None = None
    units: str = "8 examples"
    metric: str = "accuracy"


def test_the_most_confident_mistakes_are_shown_as_pictures_with_both_classes(tmp_path):
    (gallery,) = parts(evaluation_page(evaluation(PICTURES), PICTURES, "manyshot evaluate"))["Most confident mistakes"]
    assert [picture.caption.partition(": ")[2] for picture in gallery.pictures] == [
        "bee, taken for ant (95%)",
        "ant, taken for bee (80%)",
    ]
    write_page(tmp_path / "page.html", evaluation_page(evaluation(PICTURES), PICTURES, "manyshot evaluate"))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count('class="gallery"') == 1
    assert "95 % interval" in text


def test_mistakes_of_sentences_are_text():
    (table,) = parts(evaluation_page(evaluation(SENTENCES), SENTENCES, "c"))["Most confident mistakes"]
    assert table.rows[0] == ("sentence 1", "bee, taken for ant (95%)")


def test_measures_stand_with_their_intervals_and_every_measure_is_explained():
    page = parts(evaluation_page(evaluation(PICTURES), PICTURES, "c"))
    rows = dict(page["Measures"][0].rows)
    assert rows["accuracy %"].startswith("75.0 [")
    explained = {row[0] for row in page["Terms"][0].rows}
    assert {name.removesuffix(" %") for name in rows} - {"accuracy"} <= explained
    assert [row[0] for row in page["By class, the hardest first"][0].rows] == ["ant", "bee"]
    assert "over 8 examples" in evaluation_page(evaluation(PICTURES), PICTURES, "c").summary


def test_groups_are_named_as_what_intervals_are_over():
    grouped = replace(PICTURES, groups=np.arange(8) // 2)
    assert "4 groups of examples" in evaluation_page(evaluation(grouped), grouped, "c").summary


def test_a_classifier_without_mistakes_has_an_empty_list():
    page = parts(evaluation_page(evaluation(PICTURES, wrong=()), PICTURES, "c"))
    assert page["Most confident mistakes"][0].text == "There are none."


def test_many_mistakes_are_counted_and_many_classes_are_not_drawn():
    n = MOST + 16
    examples = examples_from_arrays([f"sentence {i}" for i in range(n)], [f"class {i:02d}" for i in range(n)])
    probabilities = np.roll(np.eye(n), 1, axis=1)
    one = ModelEvaluation(
        measure(probabilities, examples.labels),
        examples.class_names,
        examples.names,
        examples.labels,
        probabilities,
        np.zeros(n, bool),
    )
    page = parts(evaluation_page(one, examples, "c"))
    assert page["Most confident mistakes"][-1].text == "And 16 more mistakes."
    assert [part.kind for part in page["Confusion"]] == ["table"]


def test_a_fit_shows_what_was_chosen_and_which_examples_to_check(tmp_path):
    page = fit_page(Report(), PICTURES, "manyshot fit photos")
    found = parts(page)
    assert page.summary == "Accuracy on new examples 75.0% [50.0%, 90.0%] over 8 examples."
    rows = found["What was chosen"][0].rows
    assert ("gain from augmentation, points", "+2.0 [−1.0, +5.0] (not clearly)") in rows
    assert ("gain from names, points", "+10.0 [+5.0, +15.0]") in rows
    assert ("gain from another class's name, points", "−20.0 [−30.0, −10.0]") in rows
    assert (
        found["Labels that may be wrong"][0]
        .pictures[0]
        .caption.endswith("labeled ant, probably bee (wrong label: 93%)")
    )
    assert found["Duplicates"][0].rows[0][2:] == ("near", "different")
    assert found["Classes that are confused"][0].rows == [("ant and bee", "2 of 8")]
    write_page(tmp_path / "page.html", page)


def test_recordings_are_heard_and_no_clip_is_large(tmp_path):
    folder = tmp_path / "sounds"
    for name, pitch in (("ant", 300), ("bee", 500)):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            time = torch.arange((number + 1) * 8000) / 16000
            tone = to_samples(0.5 * torch.sin(6.2832 * pitch * time))
            (folder / name / f"{number}.wav").write_bytes(encode_wav(tone[None], 16_000))
    examples = load_examples(folder)
    report = Report(suspects=tuple(LabelIssue(i, 0, 1, 0.9) for i in range(20)), duplicates=())
    (gallery,) = parts(fit_page(report, examples, "manyshot fit"))["Labels that may be wrong"]
    clips = [picture.sound for picture in gallery.pictures]
    assert [bool(clip) for clip in clips] == [True] * 12 + [False] * 8
    assert max(map(len, clips)) <= MOST_BYTES
    first, rate = decode_sound(clips[0], "clip")
    assert rate == 16_000
    torch.testing.assert_close(first, from_samples(examples.sounds([0])[0]))
    assert decode_sound(clips[9], "clip")[1] == 8000  # five seconds


@pytest.mark.parametrize("examples", [PICTURES, SENTENCES])
def test_a_fit_without_findings_says_only_what_is_known(examples):
    bare = Report(
        accuracy=None,
        interval=(0.5, 0.99),
        augmentation=None,
        names_used=None,
        suspects=(),
        duplicates=(),
        confusions=(),
    )
    page = fit_page(bare, examples, "c")
    assert page.summary == "One example per class cannot be judged: accuracy between 50% and 99%."
    assert "Duplicates" not in parts(page)
    assert "Labels that may be wrong" not in parts(page)


def test_a_fit_shows_measures_on_held_out_examples_with_their_intervals():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    probabilities = rng.dirichlet((2, 2), size=60)
    called = {0.9: probabilities > 0.6}
    report = Report(
        measures=measure(probabilities, labels, np.arange(60) // 2, called), units="30 groups of 60 examples"
    )
    (table,) = parts(fit_page(report, PICTURES, "manyshot fit"))["Measures on held-out examples"]
    names = [row[0] for row in table.rows]
    assert "average precision" in names
    (sensitive,) = (name for name in names if name.startswith("sensitivity % at specificity 0.9 (here 0."))
    assert float(sensitive.rpartition(" ")[2][:-1]) == pytest.approx(
        report.measures.sensitivity[0.9].specificity, abs=0.01
    )
    assert "30 groups" in table.caption
