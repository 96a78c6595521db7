"""Diagnoses of augmenters whose ailment is known."""

import pytest
import torch
from torch import nn

from manyshot.learners import Ridge
from manyshot.meta_augment import LearnedAugmenter
from manyshot.meta_augment.augmenter_diagnosis import Diagnosis
from manyshot.meta_augment.diagnose import diagnose
from manyshot.meta_augment.policy import ContextFreePolicy
from manyshot.meta_augment.support_context import class_context, per_example
from manyshot.tasks import Source

SIZE, SPREAD = 8, 1.0


class Maker(LearnedAugmenter):
    """Makes whatever `what` says of items, their classes in the context, and noise."""

    space = "features"

    def __init__(self, what) -> None:
        super().__init__()
        self.what = what

    def draw(self, support, copies, generator):
        tasks, n = support.weight.shape
        return {"noise": torch.randn(tasks, n * copies, SIZE, generator=generator)}

    def vary(self, support, copies, draws, context):
        classes, _ = class_context(context.items, context)
        z, of_class = (
            values.repeat_interleave(copies, 1) for values in (support.items, per_example(classes, support.labels))
        )
        weight = torch.full(z.shape[:2], 1 / copies)
        return self.what(z, of_class, draws["noise"]), weight


MAKERS = {
    "copies": lambda z, c, e: z,
    "one shift": lambda z, c, e: z + 1,
    "noise": lambda z, c, e: z + SPREAD * e,
    "wild": lambda z, c, e: z + 9 * SPREAD * e,
    "its class": lambda z, c, e: c + SPREAD * e,
    "another class": lambda z, c, e: z.roll(z.shape[1] // 5, 1),
}


@pytest.fixture(scope="module")
def source() -> Source:
    """Classes as round clouds around centers of their own."""
    draws = torch.Generator().manual_seed(0)
    centers = 2 * torch.randn(20, 1, SIZE, generator=draws)
    items = centers + SPREAD * torch.randn(20, 30, SIZE, generator=draws)
    return Source.of(items.flatten(0, 1), [f"class {c}" for c in range(20) for _ in range(30)])


@pytest.fixture(scope="module")
def found(source) -> dict[str, Diagnosis]:
    return {
        name: diagnose(Ridge(nn.Identity()), Maker(what), source, shots=(1, 3), tasks=60)
        for name, what in MAKERS.items()
    }


def test_copies_are_no_displacement_and_are_warned_of(found):
    assert found["copies"].displacement == 0
    assert found["copies"].noise is None
    assert any("hardly changes anything" in warning for warning in found["copies"].warnings)


def test_noise_as_large_as_a_class_has_displacement_and_variance_1_and_nothing_to_say_of_both(found):
    assert found["noise"].displacement == pytest.approx(1, abs=0.1)
    assert found["noise"].variance == pytest.approx(1, abs=0.15)
    assert found["noise"].noise == pytest.approx(1, abs=0.1)
    assert not any("changes" in warning or "times the variance" in warning for warning in found["noise"].warnings)


def test_one_shift_for_all_copies_ignores_its_random_numbers(found):
    assert found["one shift"].noise == pytest.approx(0, abs=1e-5)
    assert any("ignores its random numbers" in warning for warning in found["one shift"].warnings)


def test_too_much_noise_leaves_the_classes_and_lies_far_from_real_items(found):
    wild = found["wild"]
    assert wild.variance > 50
    assert wild.neighbors < wild.real_neighbors - 0.3
    assert wild.kernel > 100 * abs(wild.real_kernel)
    assert any("times the variance of real ones" in warning for warning in wild.warnings)
    assert any("leaves its classes" in warning for warning in wild.warnings)


def test_items_of_another_class_cost_accuracy(found):
    assert found["another class"].gains[1].high < 0
    assert found["another class"].neighbors < 0.3
    assert any("None of its gains is certain" in warning for warning in found["another class"].warnings)


def test_the_context_of_another_task_costs_what_looks_at_it_and_nothing_else(found):
    assert found["its class"].swap.low > 0.1
    assert not any("may ignore the task" in warning for warning in found["its class"].warnings)
    assert found["noise"].swap.difference == 0
    assert any("may ignore the task" in warning for warning in found["noise"].warnings)


def test_a_control_is_evaluated_on_the_same_tasks(source, found):
    learner, noise = Ridge(nn.Identity()), Maker(MAKERS["noise"])
    both = diagnose(learner, Maker(MAKERS["copies"]), source, shots=(1, 3), tasks=60, control=noise)
    assert both.control == found["noise"].gains
    assert both.gains == found["copies"].gains


def test_it_can_be_written_as_json(found):
    output = found["noise"].as_dict()
    assert list(output["gains"]) == ["1", "3"]
    assert output["choices"] is None
    assert output["warnings"] == found["noise"].warnings


class TestPolicies:
    def diagnosis(self, raw: float) -> Diagnosis:
        draws = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (10, 20, 1, 12, 12), dtype=torch.uint8, generator=draws)
        source = Source.of(pixels.flatten(0, 1), [f"class {c}" for c in range(10) for _ in range(20)])
        policy = ContextFreePolicy(1, "rotate-noise", "straight-through", 1.0).eval()
        with torch.no_grad():
            policy.learned[:2] = raw
        return diagnose(Ridge(nn.Flatten()), policy, source, shots=(1,), tasks=4)

    def test_chances_and_their_entropy_are_reported(self):
        found = self.diagnosis(0.0)
        assert found.choices.probabilities == pytest.approx({"rotate": 0.5, "noise": 0.5})
        assert found.choices.entropy == pytest.approx(1, abs=1e-4)
        assert found.choices.std == pytest.approx({"rotate": 0, "noise": 0}, abs=1e-6)

    def test_a_policy_that_has_switched_everything_off_is_warned_of(self):
        found = self.diagnosis(-9.0)
        assert found.choices.entropy < 0.3
        assert any("switched off every op" in warning for warning in found.warnings)
