"""Neural deformation: fields that do not fold, and a distribution that follows what a family of tasks bears."""

import torch

from manyshot.augment.image.geometric.warp import pixels
from manyshot.learners import Ridge
from manyshot.meta_augment import AUGMENTERS
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.meta_augment.spline import Spline
from manyshot.tasks import Examples
from manyshot.training import Settings, fit


def grads(op: Spline, coefficients: torch.Tensor, size: int) -> torch.Tensor:
    """The determinant of the map's derivative between neighboring pixels, 1 where nothing moves."""
    points = pixels(torch.zeros(1, 1, size, size, dtype=torch.float64))
    out = op.source_points(points, {"coefficients": coefficients}, (size, size))[0]
    right, down = (out[:, 1:] - out[:, :-1])[:-1], (out[1:] - out[:-1])[:, :-1]
    return (right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0]) * (size / 2) ** 2


def test_the_largest_coefficients_do_not_fold():
    op, stream = Spline(cells=4), torch.Generator().manual_seed(0)
    for _ in range(10):
        signs = torch.randint(2, (1, 2, 7, 7), generator=stream).double() * 2 - 1
        assert (grads(op, op.bound * signs, 200) > 0).all()


def test_larger_ones_would():
    op = Spline(cells=4)
    signs = torch.randint(2, (20, 2, 7, 7), generator=torch.Generator().manual_seed(0)).double() * 2 - 1
    assert any((grads(op, 2 * op.bound * each[None], 200) < 0).any() for each in signs)


def test_any_numbers_become_coefficients_that_do_not_fold():
    op = Spline(cells=3)
    assert float(op.bounded(torch.tensor([-1e6, 1e6])).abs().max()) <= op.bound
    small = torch.tensor([1e-3])
    torch.testing.assert_close(op.bounded(small), small, rtol=1e-3, atol=0)


def test_equal_coefficients_move_everything_alike():
    coefficients = torch.zeros(1, 2, 6, 6)
    coefficients[:, 0] = 0.1
    points = pixels(torch.zeros(1, 1, 8, 10))
    moved = Spline(cells=3).source_points(points, {"coefficients": coefficients}, (8, 10))
    torch.testing.assert_close(moved - points, torch.tensor([0.1, 0.0]).expand_as(points))


def test_a_field_is_the_sum_over_its_knots():
    op, size = Spline(cells=2), 7
    coefficients = torch.randn(1, 2, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points = pixels(torch.zeros(1, 1, size, size, dtype=torch.float64))
    result = op.source_points(points, {"coefficients": coefficients}, (size, size)) - points

    def weight(at: float, knot: int) -> float:
        away = abs((at + 1) * op.cells / 2 - knot)
        if away >= 2:
            return 0.0
        return 2 / 3 - away**2 + away**3 / 2 if away < 1 else (2 - away) ** 3 / 6

    for row, column in ((0, 0), (2, 5), (6, 3)):
        x, y = points[0, row, column].tolist()
        for axis in range(2):
            expected = sum(
                weight(y, i - 1) * weight(x, j - 1) * float(coefficients[0, axis, i, j])
                for i in range(5)
                for j in range(5)
            )
            assert abs(float(result[0, row, column, axis]) - expected) < 1e-12


def test_scattered_points_see_the_same_field_as_the_grid():
    op = Spline(cells=3)
    params = {"coefficients": torch.randn(1, 2, 6, 6, dtype=torch.float64) / 10}
    points = pixels(torch.zeros(1, 1, 8, 8, dtype=torch.float64))
    turned = points.flip(1)
    torch.testing.assert_close(
        op.source_points(turned, params, (8, 8)).flip(1), op.source_points(points, params, (8, 8))
    )


def test_distortions_keep_within_their_bounds():
    torch.manual_seed(0)
    augmenter = AUGMENTERS.parse("deformation(cells=2, rank=3)").build(shape=(1, 12, 12))
    with torch.no_grad():
        augmenter.log_spread += 1  # e to the power of 10 units
    support = Examples.of(torch.rand(1, 2, 1, 12, 12), torch.arange(2))
    draws = augmenter.draw(support, 8, torch.Generator().manual_seed(0))
    result = augmenter.deformations(support, 8, draws, support)
    assert (result.abs() <= augmenter.bound).all()
    assert augmenter.replay(support, 8, draws).items.isfinite().all()


def test_it_learns_wide_shifts_where_they_keep_the_class_and_none_where_they_decide_it(toy):
    spread = {}
    for family in ("shift kept", "shift decides"):
        torch.manual_seed(0)
        augmenter = AUGMENTERS.parse("deformation(cells=2, rank=3, hidden=8, width=4)").build(shape=(3, 9, 9))
        learner = Ridge(torch.nn.Flatten(), penalty=1.0, scale=5.0).requires_grad_(False)
        settings = Settings(steps=30, meta_batch_size=16, learning_rate=3e-2, warmup_steps=5)
        fit(AugmentedLearner(learner, augmenter, 4), toy((family,)), settings, objective=AugmenterObjective())
        support = toy((family,), seed=9).batch(0, 8).support
        draws = augmenter.draw(support, 16, torch.Generator().manual_seed(0))
        with torch.no_grad():
            spread[family] = float(augmenter.deformations(support, 16, draws, support)[..., 3].std())
    assert spread["shift kept"] > 1.5 * spread["shift decides"]
