"""Learners that leave the encoder alone, beside what others compute."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge
from torch import nn

from manyshot import learners
from manyshot.base import InputError
from manyshot.learners import LEARNERS, FeatureLearner, fit_softmax_regression
from manyshot.learners.ridge import ridge_solve
from manyshot.nets import Conv4
from manyshot.tasks import Episode, Examples, Sinusoids
from small_feature_learners import KINDS, feature_learner


def examples(items: torch.Tensor, ways: int = 3, weight: torch.Tensor | None = None) -> Examples:
    """One task; item i is of class i modulo ways."""
    labels = torch.eye(ways, dtype=items.dtype)[torch.arange(len(items)) % ways]
    weight = torch.ones(len(items), dtype=items.dtype) if weight is None else weight
    return Examples(items[None], labels[None], weight[None], torch.ones(1, ways, dtype=torch.bool))


def features(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def images(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
class TestEveryFeatureLearner:
    def test_evaluated_with_running_averages_no_query_sees_another(self, kind):
        learner = feature_learner(kind).eval()
        classify = learner.adapt(examples(images(6)))
        queries = images(5, seed=1)[None]
        alone = torch.cat([classify(queries[:, i : i + 1]) for i in range(5)], 1)
        assert torch.allclose(classify(queries), alone, atol=1e-10)

    def test_in_training_mode_batch_statistics_join_the_queries(self, kind):
        if kind == "fine-tuning":
            pytest.skip("adapts with running averages in any mode")
        learner = feature_learner(kind).train()
        classify = learner.adapt(examples(images(6)))
        queries = images(5, seed=1)[None]
        assert not torch.allclose(classify(queries)[:, :2], classify(queries[:, :2]), atol=1e-6)

    def test_on_features_gives_the_same_answers(self, kind):
        learner = feature_learner(kind).eval()
        support, queries = examples(images(6)), images(5, seed=1)
        encoder, alone = learner.on_features()
        given = replace(support, items=encoder(support.items[0])[None])
        result = alone.adapt(given)(encoder(queries)[None])
        assert torch.allclose(result, learner.adapt(support)(queries[None]), atol=1e-12)

    def test_on_features_shares_the_weights_and_needs_no_encoder_again(self, kind):
        learner = feature_learner(kind).eval()
        _, alone = learner.on_features()
        assert alone.on_features() is None
        assert not learner.given_features
        ours, theirs = learner.state_dict(keep_vars=True), alone.state_dict(keep_vars=True)
        assert ours.keys() == theirs.keys()
        assert all(ours[name] is theirs[name] for name in ours)

    def test_adapting_evaluated_with_running_averages_moves_none(self, kind):
        learner = feature_learner(kind).eval()
        before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
        learner.adapt(examples(images(6)))(images(5, seed=1)[None])
        assert all(tensor.equal(before[name]) for name, tensor in learner.state_dict().items())


class TestRidge:
    @pytest.mark.parametrize(("n", "d"), [(6, 20), (30, 4), (5, 5)])
    def test_the_solution_is_that_of_scikit_learn(self, n, d):
        x, y, weight = features(n, d), features(n, 2, seed=1), features(n, 1, seed=2)[:, 0].abs()
        result = ridge_solve(x, weight, weight[:, None] * y, torch.tensor(0.5))
        expected = SklearnRidge(alpha=0.5, fit_intercept=False).fit(x, y, sample_weight=weight).coef_.T
        assert np.allclose(result, expected, atol=1e-10)

    @pytest.mark.parametrize(("n", "d"), [(4, 7), (7, 3)])
    def test_the_derivative_is_exact_for_items_labels_weights_and_penalty(self, n, d):
        weight = torch.linspace(0, 2, n, dtype=torch.float64)  # the first is absent

        def solve(x, y, w, penalty):
            return ridge_solve(x, w, w[:, None] * y, penalty)

        penalty = torch.tensor(0.7, dtype=torch.float64)
        given = [v.requires_grad_() for v in (features(n, d), features(n, 2, seed=1), weight, penalty)]
        # A difference of two sides takes a weight below 0, where the solution goes on smoothly.
        assert torch.autograd.gradcheck(solve, given)
        assert torch.autograd.gradgradcheck(solve, given)

    def test_predicts_numbers_where_labels_are_numbers(self):
        x = features(40, 3)
        y = (x @ torch.tensor([[1.0], [-2.0], [0.5]]).double()) + 4
        support = Examples(x[None], y[None], torch.ones(1, 40).double(), torch.ones(1, 1, dtype=torch.bool))
        predicted = learners.Ridge(nn.Identity(), penalty=1e-6, scale=1.0).double().adapt(support)(x[None])
        assert torch.allclose(predicted[0], y, atol=1e-4)

    def test_meta_learns_to_predict_the_numbers_of_sine_waves(self):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh())
        learner = learners.Ridge(net, penalty=0.1, scale=1.0, criterion="squared-error")
        optimizer = torch.optim.Adam(learner.parameters(), lr=5e-3)
        waves, losses = Sinusoids(shots=10, queries=10), []
        for step in range(60):
            loss = learner.loss(waves.batch(16 * step, 16))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        assert sum(losses[-10:]) < 0.7 * sum(losses[:10])

    def test_an_unknown_criterion_is_named(self):
        with pytest.raises(InputError, match="criterion='absolute'"):
            learners.Ridge(nn.Flatten(), criterion="absolute")


class TestLogistic:
    @pytest.mark.parametrize(("n", "d"), [(9, 20), (30, 3)])
    def test_newton_steps_converge_to_the_solution_of_scikit_learn(self, n, d):
        x, weight = features(n, d), features(n, 1, seed=2)[:, 0].abs()
        support, queries = examples(x, weight=weight), features(7, d, seed=3)
        result = learners.Logistic(nn.Identity(), steps=12, penalty=0.5).double().adapt(support)(queries[None])[0]
        with_one = np.concatenate([x, np.ones((n, 1))], 1)
        for c in range(3):
            model = LogisticRegression(C=1 / 0.5, fit_intercept=False, tol=1e-12, max_iter=10_000)
            model.fit(with_one, np.arange(n) % 3 == c, sample_weight=weight)
            expected = model.decision_function(np.concatenate([queries, np.ones((7, 1))], 1))
            assert np.allclose(result[:, c].detach(), expected, atol=1e-5)

    def test_five_steps_come_close(self):
        support, queries = examples(features(15, 10)), features(7, 10, seed=3)[None]
        five, many = (learners.Logistic(nn.Identity(), steps).double().adapt(support)(queries) for steps in (5, 30))
        assert torch.allclose(five, many, atol=1e-3)
        assert not torch.allclose(learners.Logistic(nn.Identity(), 1).double().adapt(support)(queries), many, atol=1e-3)


class TestSoftmax:
    @pytest.mark.parametrize(("n", "d"), [(9, 20), (30, 3)])
    def test_steps_converge_to_the_solution_of_scikit_learn(self, n, d):
        x, weight = features(n, d), features(n, 1, seed=2)[:, 0].abs()
        given = examples(x, weight=weight)
        result = fit_softmax_regression(x[None], given.labels, given.weight, given.class_mask, penalty=1.0, steps=500)[
            0
        ]
        model = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-12, max_iter=10_000)
        model.fit(x, np.arange(n) % 3, sample_weight=weight)
        assert np.allclose(result.T, model.coef_, atol=1e-5)

    def test_two_hundred_steps_are_enough_for_many_items_of_unit_length(self):
        x = nn.functional.normalize(features(200, 64), dim=-1)
        given = examples(x, ways=5)
        few, many = (
            fit_softmax_regression(x[None], given.labels, given.weight, given.class_mask, penalty=1.0, steps=steps)
            for steps in (200, 1000)
        )
        assert torch.allclose(few, many, atol=1e-3)

    @pytest.mark.parametrize(("penalty", "steps"), [(0.0, 10), (1.0, 0)])
    def test_what_is_out_of_range_is_named(self, penalty, steps):
        given = examples(features(6, 2))
        with pytest.raises(InputError, match="give a positive penalty and at least 1 step"):
            fit_softmax_regression(given.items, given.labels, given.weight, given.class_mask, penalty, steps)


class TestRelation:
    @pytest.mark.parametrize(("pools", "side"), [(None, 2), (1, 4), (0, 8)])
    def test_takes_maps_of_any_size(self, pools, side):
        encoder = Conv4(1, 8, (4, 4), pools=pools)
        assert encoder.map_shape == (4, side, side)
        learner = learners.Relation(encoder).double().eval()
        assert learner.adapt(examples(images(6)))(images(5)[None]).shape == (1, 5, 3)

    def test_its_loss_is_the_squared_error_of_the_relations(self):
        learner = feature_learner("relation").eval()
        support, query = examples(images(6)), examples(images(9, seed=1))
        relations = learner.adapt(support)(query.items).sigmoid()
        loss = learner.loss(Episode(support, query, torch.arange(3)[None]))
        assert torch.allclose(loss, (relations - query.labels).square().mean())


class TestClassifiers:
    def test_train_on_the_classes_that_the_episode_names(self):
        torch.manual_seed(0)
        learner = learners.LinearProbe(Conv4(1, 8, (4, 4), "group"), classes=9).double()
        support, query = examples(images(3)), examples(images(6, seed=1))
        loss = learner.loss(Episode(support, query, torch.tensor([[7, 2, 5]])))
        logits = learner.base(learner.encoder(torch.cat([support.items, query.items], 1)[0]))
        expected = nn.functional.cross_entropy(logits, torch.tensor([7, 2, 5] * 3))
        assert torch.allclose(loss, expected)

    def test_classes_that_were_added_do_not_count(self):
        learner = learners.LinearProbe(Conv4(1, 8, (4, 4), "group"), classes=9).double()
        support, query = examples(images(6)), examples(images(3, seed=1))
        with_others = learner.loss(Episode(support, query, torch.tensor([[7, 2, -1]])))
        kept = torch.tensor([0, 1, 3, 4])
        fewer = replace(
            support, items=support.items[:, kept], labels=support.labels[:, kept], weight=support.weight[:, kept]
        )
        few = replace(query, items=query.items[:, :2], labels=query.labels[:, :2], weight=query.weight[:, :2])
        assert torch.allclose(with_others, learner.loss(Episode(fewer, few, torch.tensor([[7, 2, -1]]))))

    @pytest.mark.parametrize(
        ("classes", "message"),
        [
            (0, "built without base classes"),
            (7, "class index 7 in a task, but the learner was built for 7"),
        ],
    )
    def test_what_cannot_be_trained_is_named(self, classes, message):
        learner = learners.LinearProbe(Conv4(1, 8, (4, 4)), classes=classes).double()
        with pytest.raises(InputError, match=message):
            learner.loss(Episode(examples(images(3)), examples(images(6)), torch.tensor([[7, 2, 5]])))

    @pytest.mark.parametrize("kind", [learners.LinearProbe, learners.BaselinePlusPlus, learners.FineTune])
    def test_train_the_same_on_features_as_on_images(self, kind):
        torch.manual_seed(0)
        built = kind(Conv4(1, 8, (4, 4), "group"), classes=3).double()
        episode = Episode(examples(images(6)), examples(images(3, seed=1)), torch.arange(3)[None])
        body, alone = built.on_features()

        def given(side: Examples) -> Examples:
            return replace(side, items=body(side.items[0])[None])

        on_features = replace(episode, support=given(episode.support), query=given(episode.query))
        assert torch.allclose(alone.loss(on_features), built.loss(episode))


class TestFineTune:
    def test_steps_lower_the_loss_on_the_support(self):
        support, losses = examples(images(9)), []
        for steps in (1, 10, 50):
            torch.manual_seed(0)
            learner = learners.FineTune(Conv4(1, 8, (6, 6)), steps=steps, step_size=0.1).double().eval()
            logits = learner.adapt(support)(support.items)[0]
            losses.append(float(nn.functional.cross_entropy(logits, support.class_ids[0]).detach()))
        assert losses[0] > losses[1] > losses[2]

    def test_leaves_the_modes_of_every_part_as_they_were(self):
        learner = feature_learner("fine-tuning").train()
        learner.encoder.norms[0].eval()
        learner.adapt(examples(images(6)))(images(2)[None])
        assert learner.encoder.training
        assert learner.encoder.norms[1].training
        assert not learner.encoder.norms[0].training

    def test_the_size_of_the_chunks_changes_nothing(self):
        support = examples(images(6))
        many = Examples(*(torch.cat([v, v.flip(1), v]) for v in (support.items, support.labels, support.weight)),
                        support.class_mask.expand(3, -1))  # fmt: skip
        answers = []
        for chunk in (1, 2, 8):
            torch.manual_seed(0)
            learner = learners.FineTune(Conv4(1, 8, (6, 6)), steps=3, chunk=chunk).double().eval()
            answers.append(learner.adapt(many)(images(4)[None].expand(3, -1, -1, -1, -1)))
        assert torch.allclose(answers[0], answers[1], atol=1e-12)
        assert torch.allclose(answers[0], answers[2], atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: learners.Ridge(nn.Flatten(), penalty=0.0), "penalty=0.0: give a positive number"),
        (lambda: learners.Ridge(nn.Flatten(), scale=-1.0), "scale=-1.0: give a positive number"),
        (lambda: learners.Logistic(nn.Flatten(), steps=0), "steps=0: give at least 1"),
        (lambda: learners.Matching(nn.Flatten(), scale=float("inf")), "scale=inf"),
        (lambda: learners.Relation(nn.Flatten()), "relation needs an encoder that gives feature maps"),
        (lambda: learners.Relation(Conv4(1, 8, (4, 4)), hidden=0), "hidden=0"),
        (lambda: learners.LinearProbe(nn.Flatten(), steps=0), "penalty=1.0, steps=0"),
        (lambda: learners.LinearProbe(nn.Flatten(), classes=3), "has no attribute `features`"),
        (lambda: learners.BaselinePlusPlus(nn.Flatten(), step_size=0.0), "step_size=0.0"),
        (lambda: learners.FineTune(nn.Flatten()), "fine-tune needs an encoder made of stages"),
        (lambda: learners.FineTune(Conv4(1, 8, (4, 4)), chunk=0), "chunk=0"),
        (lambda: learners.FineTune(Conv4(1, 8, (4, 4)), step_size=-1.0), "step_size=-1.0"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["prototypes", "ridge", "logistic", "matching", "relation", "probe", "baseline-plus-plus", "fine-tune"]
)
def test_the_table_makes_the_learner_with_its_options(name):
    learner = LEARNERS.build(name, encoder=lambda norm: Conv4(1, 16, (4, 4, 4), norm), ways=5)
    assert isinstance(learner, FeatureLearner)
