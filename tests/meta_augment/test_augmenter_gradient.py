"""Every way to an augmenter's gradient, beside central differences of the loss."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.learners import (
    ANIL,
    MAML,
    BaselinePlusPlus,
    FeatureLearner,
    Learner,
    LinearProbe,
    Logistic,
    Matching,
    MetaSGD,
    Prototypes,
    Reptile,
    Ridge,
)
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.meta_augment.augmenter_gradient import ESTIMATORS, Estimator, Exact, FiniteDifference, Implicit
from manyshot.meta_augment.hallucinator import Hallucinator
from manyshot.meta_augment.linear_solve import conjugate_gradient, neumann
from manyshot.objectives import StepTasks
from manyshot.tasks import Episode, Examples

WAYS, SHOTS, QUERIES, SIZE, TASKS, COPIES = 3, 1, 4, 4, 2, 2


def episode() -> Episode:
    """Classes along axes, with items spread about them: what a made item is matters."""
    torch.manual_seed(1)

    def side(each: int) -> Examples:
        labels = torch.eye(WAYS, dtype=torch.float64).repeat_interleave(each, 0).expand(TASKS, -1, -1)
        items = labels @ torch.eye(WAYS, SIZE, dtype=torch.float64) + 0.7 * torch.randn(
            TASKS, WAYS * each, SIZE, dtype=torch.float64
        )
        return Examples(items, labels, torch.ones_like(items[..., 0]), torch.ones(TASKS, WAYS, dtype=torch.bool))

    return Episode(side(SHOTS), side(QUERIES), torch.arange(WAYS).expand(TASKS, -1))


def model() -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(SIZE, 5), nn.Tanh(), nn.Linear(5, WAYS)).double()


def augmenter() -> Hallucinator:
    torch.manual_seed(0)
    return Hallucinator(SIZE, noise=2, hidden=5).double()


def on_features(learner: FeatureLearner) -> Learner:
    learner.given_features = True
    return learner.double()


def learners() -> dict[str, Learner]:
    same = nn.Identity()
    return {
        "ridge": on_features(Ridge(same)),
        "logistic": on_features(Logistic(same)),
        "prototypes": Prototypes(same),
        "matching": on_features(Matching(same)),
        "probe": on_features(LinearProbe(same, penalty=0.3, steps=400)),
        "baseline-plus-plus": on_features(BaselinePlusPlus(same, steps=5)),
        "one step": MAML(model(), WAYS, step_size=0.5, steps=1),
        "three steps": MAML(model(), WAYS, step_size=0.3, steps=3),
        "rates": MetaSGD(model(), WAYS, step_size=0.3, steps=2),
        "last layer": ANIL(model(), WAYS, step_size=0.3, steps=2),
    }


def as_features(learner: Learner) -> AugmentedLearner:
    """An augmenter of vectors before a learner of vectors; the space is a name only."""
    generated = augmenter()
    if not isinstance(learner, FeatureLearner | Prototypes):
        generated.space = "items"
    return AugmentedLearner(learner, generated, COPIES)


def value(trained: AugmentedLearner, estimator: Estimator) -> torch.Tensor:
    tasks = StepTasks(episode(), Plan(), (0,))
    return AugmenterObjective(estimator).loss(trained.train(), tasks, torch.Generator().manual_seed(4))


def slope(trained: AugmentedLearner, estimator: Estimator) -> torch.Tensor:
    parameters = list(trained.augmenter.parameters())
    return torch.cat([s.flatten() for s in torch.autograd.grad(value(trained, estimator), parameters)])


def along(
    trained: AugmentedLearner, loss, grads: torch.Tensor, step: float = 1e-5
) -> tuple[torch.Tensor, torch.Tensor]:
    """The derivative of a loss along four directions: by central differences, and as the grads have it."""
    torch.manual_seed(6)
    parameters = list(trained.augmenter.parameters())
    before = parameters_to_vector(parameters).detach()
    directions = torch.randn(4, len(before), dtype=torch.float64)
    result = []
    with torch.no_grad():
        for direction in directions:
            ends = []
            for sign in (1, -1):
                vector_to_parameters(before + sign * step * direction, parameters)
                ends.append(loss())
            result.append((ends[0] - ends[1]) / (2 * step))
        vector_to_parameters(before, parameters)
    return torch.stack(result), directions @ grads


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


@pytest.mark.parametrize("name", learners())
def test_the_exact_gradient_is_that_of_central_differences(name):
    trained = as_features(learners()[name])
    exact = slope(trained, Exact())
    expected, result = along(trained, lambda: value(trained, Exact()), exact)
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-8)
    assert exact.norm() > 1e-4


@pytest.mark.parametrize(
    ("estimator", "least"),
    [(Implicit(terms=30), 0.9999), (Implicit("neumann", 300), 0.999), (FiniteDifference(0.01), 0.999)],
    ids=["conjugate gradient", "neumann", "finite difference"],
)
def test_the_estimators_for_long_loops_agree_with_the_unrolled_probe(estimator, least):
    trained = as_features(learners()["probe"])
    exact, estimated = slope(trained, Exact()), slope(trained, estimator)
    assert cosine(exact, estimated) > least
    assert estimated.norm() == pytest.approx(exact.norm().item(), rel=0.05)
    torch.testing.assert_close(value(trained, estimator), value(trained, Exact()), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "estimator",
    [Implicit(terms=60, proximal=0.5), FiniteDifference(0.01, proximal=0.5)],
    ids=["implicit", "difference"],
)
def test_they_agree_with_differences_of_a_long_inner_loop_of_a_whole_network(estimator):
    """The loss is that of the weights that the proximal problem leads to, whatever the order of the learner."""
    trained = as_features(MAML(model(), WAYS, step_size=0.3, steps=40, order=1))
    expected, result = along(trained, lambda: value(trained, estimator), slope(trained, estimator), step=1e-4)
    assert cosine(result, expected) > 0.95


def test_a_larger_nudge_is_worse():
    trained = as_features(learners()["probe"])
    exact = slope(trained, Exact())
    near, far = (slope(trained, FiniteDifference(nudge)) for nudge in (0.05, 5.0))
    assert (near - exact).norm() < (far - exact).norm()


def test_an_augmenter_gets_nothing_through_constant_inner_gradients_and_is_reported():
    for learner in (MAML(model(), WAYS, order=1), Reptile(model(), WAYS)):
        with pytest.raises(InputError, match="no gradient through them"):
            value(as_features(learner), Exact())


def test_only_learners_with_an_objective_take_the_others():
    with pytest.raises(InputError, match="--gradient exact"):
        value(as_features(learners()["ridge"]), Implicit())


def test_the_number_of_inner_steps_can_be_drawn():
    trained = as_features(MAML(model(), WAYS, step_size=0.3, steps=4))
    tasks = StepTasks(episode(), Plan(), (0,))
    losses = {
        round(
            AugmenterObjective(Exact(random_steps=True))
            .loss(trained, tasks, torch.Generator().manual_seed(seed))
            .item(),
            10,
        )
        for seed in range(12)
    }
    assert len(losses) > 3
    with pytest.raises(InputError, match="takes no inner gradient steps"):
        value(as_features(learners()["ridge"]), Exact(random_steps=True))


def test_a_process_learns_from_its_share_with_the_draws_of_all():
    trained, whole = as_features(learners()["ridge"]), episode()
    parts = [
        AugmenterObjective().loss(trained, StepTasks(whole, Plan(), (0,), share), torch.Generator().manual_seed(4))
        for share in (slice(0, 1), slice(1, 2))
    ]
    torch.testing.assert_close(sum(parts) / 2, value(trained, Exact()))


def test_the_query_stays_clean_and_the_real_shots_stay():
    trained = as_features(learners()["prototypes"])
    step = trained.step(episode(), torch.Generator())
    enlarged = step.augmented(step.generate())
    assert enlarged.query.items.equal(episode().query.items)
    assert enlarged.support.items[:, : WAYS * SHOTS].equal(episode().support.items)


def test_a_frozen_learner_is_neither_trained_nor_stored():
    trained = as_features(MAML(model(), WAYS))
    inside = {id(parameter) for parameter in trained.learner.parameters()}
    assert not inside & {id(parameter) for parameter in trained.parameters()}
    assert all(name.startswith("augmenter.") for name in trained.state_dict())
    joint = AugmentedLearner(MAML(model(), WAYS), trained.augmenter, COPIES, joint=True)
    assert any(name.startswith("learner.") for name in joint.state_dict())


def test_a_learner_without_fixed_features_takes_no_augmenter_of_features():
    with pytest.raises(InputError, match="adapts its encoder"):
        AugmentedLearner(MAML(model(), WAYS), augmenter(), COPIES)


def test_features_between_encoder_and_head_are_those_of_encoded_items():
    torch.manual_seed(3)
    encoder = nn.Linear(SIZE, 6).double()
    generated = Hallucinator(6, noise=2, hidden=5).double()
    tasks = episode()
    trained = AugmentedLearner(Ridge(encoder).double(), generated, COPIES).eval()
    body, alone = trained.on_features()
    direct = trained.adapt(tasks.support)(tasks.query.items)
    encoded = replace(tasks.support, items=body(tasks.support.items))
    torch.testing.assert_close(alone.adapt(encoded)(body(tasks.query.items)), direct)


def test_linear_systems_are_solved():
    torch.manual_seed(0)
    root = torch.randn(2, 6, 6, dtype=torch.float64)
    matrix = root @ root.mT + torch.eye(6)
    right = torch.randn(2, 2, 3, dtype=torch.float64)

    def product(x):
        return {"x": torch.einsum("tij,tj->ti", matrix, x["x"].flatten(1)).view(2, 2, 3)}

    expected = torch.linalg.solve(matrix, right.flatten(1)).view(2, 2, 3)
    torch.testing.assert_close(conjugate_gradient(product, {"x": right}, 6)["x"], expected)
    torch.testing.assert_close(neumann(product, {"x": right}, 3000)["x"], expected)


def test_estimators_are_read_from_text():
    assert ESTIMATORS.parse("finite-difference(0.2)").build() == FiniteDifference(0.2)
    with pytest.raises(InputError, match="did you mean 'implicit'"):
        ESTIMATORS.parse("implict").build()
    with pytest.raises(InputError, match="solver='lu'"):
        ESTIMATORS.parse("implicit(lu)").build()
