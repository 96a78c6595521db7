"""The page of an augmenter's run: what it makes, what it does, what it chose."""

from dataclasses import replace

import pytest
import torch

from manyshot.meta_augment import AUGMENTERS
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.meta_augment.augmenter_run import AugmenterRun
from manyshot.meta_augment.diagnose import diagnose_run
from manyshot.report.augmenter_page import augmenter_page
from manyshot.training import Config, Run
from manyshot.training.load_run import make_learner

FEATURES, PICTURES = "hallucinator(noise=4, hidden=8)", "context_free(rotate-elastic)"


def run_of(text: str, **settings) -> AugmenterRun:
    config = Config("glyphs", split="greek", encoder="conv4(4, 4, 4, 4)", size=16, **{"validation": 0.2, **settings})
    shape = (4,) if text == FEATURES else (1, 16, 16)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        augmenter = AUGMENTERS.parse(text).build(shape=shape).eval()
    learner = make_learner(config, 1, 16).eval()
    output = AugmenterConfig("runs/letters", augmenter=text, ways=3, copies=2)
    return AugmenterRun(output, augmenter, Run(config, learner, 1, 16, []), shape, [])


def headings(page) -> list[str]:
    return [section.heading for section in page.sections]


@pytest.mark.parametrize(("text", "chose"), [(FEATURES, False), (PICTURES, True)])
def test_a_diagnosis_has_pictures_measures_and_the_choices_of_a_policy(text, chose):
    run = run_of(text)
    diagnosed = diagnose_run(run, tasks=4)
    page = augmenter_page(run, "manyshot train", diagnosed)
    assert headings(page)[:2] == ["Generated samples", "Effect"]
    assert ("Probabilities of the ops" in headings(page)) == chose
    kinds = [part.kind for part in page.sections[1].parts]
    assert kinds == ["paragraph"] * len(diagnosed[0].warnings) + ["table", "table"]
    assert diagnosed[1].name == "glyphs/greek (validation part)"


def test_the_classes_set_aside_for_testing_come_first():
    assert diagnose_run(run_of(FEATURES, test=0.2), tasks=4)[1].name == "glyphs/greek (test part)"


def test_without_classes_set_aside_nothing_is_diagnosed():
    run = run_of(FEATURES, validation=0.0)
    assert diagnose_run(run, tasks=4) is None
    assert headings(augmenter_page(run, "manyshot train")) == ["How to reproduce this page"]


def test_a_control_stands_beside_the_gains():
    run = run_of(FEATURES)
    result, source = diagnose_run(run, tasks=4)
    page = augmenter_page(run, "manyshot train", (replace(result, control=result.gains), source))
    gains = next(part for part in page.sections[1].parts if part.kind == "table")
    assert gains.columns[-1] == "gain of the control"
    assert all(row[1] == row[2] for row in gains.rows)
