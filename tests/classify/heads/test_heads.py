"""Heads agree with scikit-learn and with being fitted again without each example."""

from importlib import import_module

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge
from torch.nn.functional import one_hot

from manyshot.base import InputError
from manyshot.classify.heads import (
    HEADS,
    LDA,
    Centroid,
    Head,
    LinearHead,
    Logistic,
    Nearest,
    Ridge,
    Transform,
    balanced_weights,
    leave_one_out,
    predict_splits,
)

ALL = [Centroid(), Ridge(0.3), Logistic(0.1), LDA(0.4), Nearest()]
LINEAR = [head for head in ALL if isinstance(head, LinearHead)]


def problem(classes: int = 3, examples: int = 5, variants: int = 1, d: int = 7, seed: int = 0):
    """Rows of examples with variants: features, labels, weights, the example of each row."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(classes).repeat_interleave(examples)
    centers = torch.randn(classes, d, generator=generator)
    own = centers[label] + torch.randn(len(label), d, generator=generator)
    x = own.repeat_interleave(variants, 0) + 0.3 * torch.randn(len(label) * variants, d, generator=generator)
    y = one_hot(label.repeat_interleave(variants), classes).double()
    w = 0.2 + torch.rand(1, len(x), generator=generator, dtype=torch.float64)
    return x.double(), y, w, torch.arange(len(label)).repeat_interleave(variants)


def relative(logits: torch.Tensor) -> torch.Tensor:
    """Logits less their mean over classes: a constant of all classes changes nothing."""
    return logits - logits.mean(-1, keepdim=True)


@pytest.mark.parametrize("d", [4, 40])
@pytest.mark.parametrize("c", [0.1, 1.0, 100.0])
def test_logistic_is_scikit_learns(c, d):
    x, y, w, _ = problem(d=d)
    fitted = Logistic(1 / c).fit(x[None], y, w)
    sklearn = LogisticRegression(C=c, tol=1e-10, max_iter=10_000).fit(x, y.argmax(1), w[0])
    np.testing.assert_allclose(fitted.weight[0], sklearn.coef_, atol=1e-4)
    np.testing.assert_allclose(relative(fitted.bias[0]), relative(torch.tensor(sklearn.intercept_)), atol=1e-4)


@pytest.mark.parametrize("d", [4, 40])
def test_ridge_is_scikit_learns(d):
    x, y, w, _ = problem(d=d)
    fitted = Ridge(0.3).fit(x[None], y, w)
    sklearn = SklearnRidge(0.3).fit(x, y, w[0])
    np.testing.assert_allclose(fitted.weight[0], sklearn.coef_, atol=1e-10)
    np.testing.assert_allclose(fitted.bias[0], sklearn.intercept_, atol=1e-10)


def test_lda_is_scikit_learns():
    x, y, _, _ = problem(examples=8, d=5)
    fitted = LDA(0.3).fit(x[None], y, torch.ones(1, len(x)))
    sklearn = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3).fit(x, y.argmax(1))
    np.testing.assert_allclose(relative(fitted(x[None])[0]), relative(torch.tensor(sklearn.decision_function(x))))


def test_lda_of_more_features_than_rows_is_scikit_learns_at_another_shrinkage():
    x, y, _, _ = problem(examples=4, d=30)
    s, rank = 0.3, 12 - 3
    odds = s / (1 - s) * 30 / rank
    theirs = odds / (1 + odds)
    sklearn = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=theirs, priors=[1 / 3] * 3).fit(x, y.argmax(1))
    ours = relative(LDA(s).fit(x[None], y, torch.ones(1, len(x)))(x[None])[0])
    other = relative(torch.tensor(sklearn.decision_function(x)))
    np.testing.assert_allclose(ours * (1 - s) / (1 - theirs) / other, 1, atol=1e-9)


def test_centroid_is_the_nearest_mean():
    x, y, w, _ = problem()
    means = (w[0, :, None] * y).T @ x / (w[0] @ y)[:, None]
    distances = torch.cdist(x, means).square()
    np.testing.assert_allclose(relative(Centroid().fit(x[None], y, w)(x[None])[0]), relative(-distances), atol=1e-9)


def test_labels_may_be_soft():
    x, y, w, _ = problem()
    soft = 0.8 * y + 0.2 / 3
    twice, hard = x.repeat(3, 1)[None], torch.eye(3).double().repeat_interleave(len(x), 0)
    spread = (w * soft.T).reshape(1, -1)
    for head in (Centroid(), Ridge(0.3), Logistic(0.1)):
        a, b = head.fit(x[None], soft, w), head.fit(twice, hard, spread)
        np.testing.assert_allclose(relative(a(x[None])), relative(b(x[None])), atol=1e-5)


@pytest.mark.parametrize("head", ALL, ids=str)
@pytest.mark.parametrize("d", [4, 40])
@pytest.mark.parametrize("variants", [1, 3])
def test_leave_one_out_is_fitting_again_without_the_example(head: Head, d, variants):
    x, y, w, ids = problem(variants=variants, d=d)
    plain = Transform(None, center=False, normalize=False)
    (logits,) = leave_one_out(plain, [head], x, y, w, ids)
    for example in range(3):
        rows = ids == 5 * example
        again = head.fit(x[None], y, torch.where(rows, 0, w))(x[None, rows])
        np.testing.assert_allclose(relative(logits[:, rows]), relative(again), atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("head", ALL, ids=str)
def test_rows_of_weight_0_are_test_examples(head: Head):
    x, y, w, ids = problem(variants=2, d=40)
    w = w.repeat(2, 1)
    w[0, ids % 5 == 0], w[1, ids % 5 == 1] = 0, 0
    transform = Transform()
    split, left = predict_splits(transform, [head], x, y, w), leave_one_out(transform, [head], x, y, w, ids)
    for b in range(2):
        test = w[b] == 0
        fitted = transform.fit(x, w[b : b + 1])
        expected = head.fit(fitted(x), y, w[b : b + 1])(fitted(x[test]))
        for logits in (split, left):
            np.testing.assert_allclose(relative(logits[0, b, test]), relative(expected[0]), atol=2e-4)


@pytest.mark.parametrize("head", ALL, ids=str)
def test_a_class_that_loses_its_only_example_is_never_predicted(head: Head):
    x, y, w, ids = problem(examples=1, variants=2, d=40)
    (logits,) = leave_one_out(Transform(), [head], x, y, w, ids)
    gone = y[None] > 0
    assert (logits[gone] == -torch.inf).all()
    assert logits[~gone].isfinite().all()


@pytest.mark.parametrize("head", ALL, ids=str)
def test_settings_fitted_together_agree_with_each_on_its_own(head: Head):
    x, y, w, ids = problem(d=40)
    heads = [head, Ridge(3.0), Logistic(3.0), LDA(0.9), head]
    for function in (predict_splits, lambda *a: leave_one_out(*a, ids)):
        together = function(Transform(0.5), heads, x, y, w)
        (alone,) = function(Transform(0.5), [head], x, y, w)
        np.testing.assert_allclose(relative(together[0]), relative(alone), atol=1e-4)
        np.testing.assert_allclose(together[0], together[4])


@pytest.mark.parametrize("head", ALL, ids=str)
def test_whole_folds_are_left_out_together(head: Head):
    x, y, w, ids = problem(variants=2, d=40)
    plain = Transform(None, center=False, normalize=False)
    fold = ids % 5
    (logits,) = leave_one_out(plain, [head], x, y, w, fold)
    again = head.fit(x[None], y, torch.where(fold == 2, 0, w))(x[None, fold == 2])
    np.testing.assert_allclose(relative(logits[:, fold == 2]), relative(again), atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("head", ALL, ids=str)
def test_two_examples_of_two_classes_are_enough(head: Head):
    x, y, w, ids = problem(classes=2, examples=1)
    assert not predict_splits(Transform(), [head], x, y, w).isnan().any()
    assert not leave_one_out(Transform(), [head], x, y, w, ids).isnan().any()


def test_lda_with_soft_labels_is_fitted_again():
    x, y, w, ids = problem(d=40)
    soft = 0.9 * y + 0.1 / 3
    plain = Transform(None, center=False, normalize=False)
    (logits,) = leave_one_out(plain, [LDA(0.4)], x, soft, w, ids)
    again = LDA(0.4).fit(x[None], soft, torch.where(ids == 4, 0, w))(x[None, ids == 4])
    np.testing.assert_allclose(relative(logits[:, ids == 4]), relative(again))


def test_a_repeated_row_is_a_row_of_double_weight():
    x, y, w, _ = problem(d=40)
    for head in LINEAR:
        if isinstance(head, LDA):
            continue  # its rank counts rows
        a = head.fit(x.repeat(2, 1)[None], y.repeat(2, 1), w.repeat(1, 2))(x[None])
        np.testing.assert_allclose(relative(a), relative(head.fit(x[None], y, 2 * w)(x[None])), atol=1e-5)


def test_features_of_several_encoders_are_transformed_one_by_one():
    x, y, w, _ = problem(d=40)
    transform = Transform()
    rows = torch.cat([transform.fit(block, w)(block) for block in (x[:, :30], 5 * x[:, 30:])], 2)
    (logits,) = predict_splits(transform, [Ridge(0.1)], [x[:, :30], x[:, 30:]], y, w)
    np.testing.assert_allclose(logits, Ridge(0.1).fit(rows, y, w)(rows), atol=1e-9)


def test_chunks_change_nothing(monkeypatch):
    x, y, w, ids = problem(d=40)
    w = torch.rand(5, len(x), dtype=torch.float64)
    whole = leave_one_out(Transform(), ALL, x, y, w, ids)
    for module in ("leave_one_out", "lda_head", "logistic_head"):
        monkeypatch.setattr(import_module(f"manyshot.classify.heads.{module}"), "CHUNK", 1)
    np.testing.assert_allclose(leave_one_out(Transform(), ALL, x, y, w, ids), whole, atol=1e-3)


def test_the_transform_takes_the_root_centers_and_normalizes():
    x = torch.tensor([[1.0, -4.0], [9.0, 0.0], [25.0, 16.0]])
    w = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 2.0]])
    rows = Transform(0.5).fit(x, w)(x)
    roots = torch.tensor([[1.0, -2.0], [3.0, 0.0], [5.0, 4.0]]).double()
    for b, mean in enumerate(([2.0, -1.0], [3.5, 1.5])):
        centered = roots - torch.tensor(mean)
        np.testing.assert_allclose(rows[b], centered / centered.norm(dim=1, keepdim=True))


def test_balanced_weights_make_classes_equal():
    _, y, w, _ = problem()
    y = y[:12]
    balanced = balanced_weights(y, w[:, :12])
    np.testing.assert_allclose(balanced @ y, (w[:, :12].sum() / 3).expand(1, 3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ridge(penalty=0)", "penalty=0.0: give a positive number"),
        ("logistic(penalty=-1)", "penalty=-1.0: give a positive number"),
        ("lda(shrinkage=0)", "shrinkage=0.0: give a number above 0 and at most 1"),
        ("logistik", "did you mean 'logistic'"),
    ],
)
def test_wrong_settings_are_one_line(text, message):
    with pytest.raises(InputError, match=message):
        HEADS.parse(text)


def test_wrong_rows_and_empty_splits_are_one_line():
    x, y, w, _ = problem()
    with pytest.raises(InputError, match="rows"):
        predict_splits(Transform(), [Centroid()], x[1:], y, w)
    with pytest.raises(InputError, match="without training examples"):
        predict_splits(Transform(), [Centroid()], x, y, 0 * w)
    with pytest.raises(InputError, match=r"power=-1.0"):
        Transform(-1.0)


class RefittedRidge(Ridge):
    """Ridge regression without its closed form."""

    leave_out_each = classmethod(LinearHead.leave_out_each.__func__)


@pytest.mark.parametrize("variants", [1, 3])
def test_a_head_without_a_closed_form_is_fitted_again_without_each_example(variants):
    x, y, w, ids = problem(variants=variants)
    own, closed = (leave_one_out(Transform(), [kind(0.3), kind(3.0)], x, y, w, ids) for kind in (RefittedRidge, Ridge))
    torch.testing.assert_close(relative(own), relative(closed), rtol=1e-8, atol=1e-8)
