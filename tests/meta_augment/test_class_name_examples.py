"""Names as shots: the map, its weight, the controls, and that nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from manyshot.augment import Plan
from manyshot.learners import Prototypes
from manyshot.meta_augment.class_name_examples import ExamplesFromNames
from manyshot.meta_augment.text_map import PENALTIES, ClassRows, TextMap, choose_weight, fit_text_map
from manyshot.tasks import EpisodeSampler, Examples, Source
from manyshot.training import evaluate_tasks
from manyshot.training.name_probe import probe_names
from one_line_error import one_line_error

TEXT, FEATURES, EACH = 12, 20, 15


def told_source(classes: int = 40, seed: int = 0, informative: bool = True) -> Source:
    """Classes whose means are a linear map of their texts, beside noise, and their texts."""
    draws = torch.Generator().manual_seed(7)
    matrix = torch.randn(TEXT, FEATURES, generator=draws)
    draws = torch.Generator().manual_seed(seed)
    texts = F.normalize(torch.randn(classes, TEXT, generator=draws), dim=1)
    means = texts @ matrix if informative else torch.randn(classes, FEATURES, generator=draws)
    items = means.repeat_interleave(EACH, 0) + 1.2 * torch.randn(classes * EACH, FEATURES, generator=draws)
    labels = [f"class {number:03}" for number in range(classes) for _ in range(EACH)]
    return replace(Source.of(items, labels), about=texts)


def fitted(source: Source, **options) -> ExamplesFromNames:
    naming = ExamplesFromNames(FEATURES, **options)
    naming.fit_statistics(source)
    return naming.eval()


def accuracy(source: Source, naming: ExamplesFromNames | None, shots: int = 1, weight: str = "") -> np.ndarray:
    plan = Plan() if naming is None else Plan(f"shots: 1 x learned{weight}", naming)
    return evaluate_tasks(Prototypes(torch.nn.Identity()), EpisodeSampler(source, 5, shots, 5), 100, plan).accuracy


def fit(texts: torch.Tensor, items: torch.Tensor) -> TextMap:
    starts = torch.arange(len(texts) + 1) * (len(items) // len(texts))
    return fit_text_map(texts.double(), ClassRows(items.double(), starts), torch.Generator().manual_seed(0))


class TestMap:
    def test_equals_ridge_regression_by_normal_equations(self):
        source = told_source()
        texts, means = source.about.double(), source.store.view(40, EACH, FEATURES).mean(1).double()
        result = fit(texts, source.store)
        t, y = texts - texts.mean(0), means - means.mean(0)
        scale = t.square().sum() / len(t)
        system = t.mT @ t + result.penalty * scale * torch.eye(TEXT, dtype=t.dtype)
        torch.testing.assert_close(result.matrix, torch.linalg.solve(system, t.mT @ y), rtol=1e-4, atol=1e-5)
        assert result.penalty in PENALTIES

    def test_predicts_a_held_out_class_by_a_map_fitted_without_it(self):
        source = told_source()
        other = source.store.clone()
        other[3 * EACH : 4 * EACH] += 3
        first, second = (fit(source.about, items) for items in (source.store, other))
        assert first.explained > 0.5
        if (first.penalty, first.prior) == (second.penalty, second.prior):
            torch.testing.assert_close(first.held_out[3], second.held_out[3], rtol=1e-4, atol=1e-4)

    def test_explains_nothing_where_texts_say_nothing(self):
        source = told_source(informative=False)
        assert fit(source.about, source.store).explained < 0.1

    def test_begins_with_the_text_itself_where_texts_are_examples(self):
        draws = torch.Generator().manual_seed(0)
        texts = F.normalize(torch.randn(12, 30, generator=draws), dim=1)
        items = (texts + 0.3).repeat_interleave(8, 0) + 0.3 * torch.randn(96, 30, generator=draws)
        same, other = fit(texts, items), fit(texts, items[:, torch.randperm(30, generator=draws)])
        assert (same.prior, other.prior) == (1.0, 0.0)

    def test_takes_a_larger_weight_where_texts_say_more(self):
        source = told_source()
        rows = ClassRows(source.store, torch.from_numpy(source.starts))
        means = source.store.view(40, EACH, FEATURES).mean(1)
        draws = torch.Generator().manual_seed(0)
        good, _ = choose_weight(rows, means, draws)
        bad, _ = choose_weight(rows, means[torch.randperm(40, generator=draws)], draws)
        assert good > 2 * bad

    def test_holds_out_whole_groups_of_classes(self):
        groups = torch.arange(40) % 10
        fold = ClassRows(torch.zeros(40, 1), torch.arange(41), groups=groups).folds(torch.Generator().manual_seed(0))
        assert all(len(fold[groups == group].unique()) == 1 for group in range(10))
        assert len(fold.unique()) == 8

    @pytest.mark.parametrize("groups", [torch.arange(40) % 2, (torch.arange(40) - 25).clamp(min=0)])
    def test_holds_out_single_classes_where_groups_are_few_or_one_has_most(self, groups):
        rows = ClassRows(torch.zeros(40, 1), torch.arange(41))
        grouped = replace(rows, groups=groups)
        first, second = (one.folds(torch.Generator().manual_seed(0)) for one in (rows, grouped))
        assert first.tolist() == second.tolist()

    def test_weighs_less_where_texts_say_something_of_known_groups_alone(self):
        """Each group of four classes has a direction of its own, in texts and in features, that says which is which."""
        draws = torch.Generator().manual_seed(0)
        group = torch.arange(40) // 4
        place = 2.0 * (torch.arange(40) % 4)[:, None] - 3
        own_text, own_feature = torch.randn(10, TEXT, generator=draws), torch.randn(10, FEATURES, generator=draws)
        texts = F.normalize(place * own_text[group] + own_text[group].flip(1), dim=1)
        means = place * own_feature[group]
        items = means.repeat_interleave(EACH, 0) + 1.5 * torch.randn(40 * EACH, FEATURES, generator=draws)
        names = [f"class {number:03}" for number in range(40)]
        of_class = {name: f"group {number // 4}" for number, name in enumerate(names)}
        plain = replace(Source.of(items, [name for name in names for _ in range(EACH)]), about=texts)
        grouped = replace(plain, groups=tuple(of_class.values()))
        first, second = (float(fitted(one).budget.log_weight.exp()) for one in (plain, grouped))
        assert second < first

    def test_shots_and_queries_are_by_different_authors(self):
        """Where each author has a way of their own, shots look better than they are to queries by the same author."""
        source, draws = told_source(), torch.Generator().manual_seed(3)
        author = torch.arange(EACH).repeat(40) % 3
        way = 6 * torch.randn(40 * 3, FEATURES, generator=draws)
        items = source.store + way[torch.arange(40).repeat_interleave(EACH) * 3 + author]
        first, second = (
            Source.of(items, [source.class_names[label] for label in source.labels], authors=authors)
            for authors in (None, [str(number) for number in author.tolist()])
        )
        told = [replace(one, about=source.about) for one in (first, second)]
        plain, apart = (float(fitted(one).budget.log_weight.exp()) for one in told)
        assert apart > plain

    def test_needs_four_classes(self):
        with one_line_error("at least 4"):
            fitted(told_source(3))


class TestNames:
    def test_help_at_one_shot_and_less_at_ten(self):
        naming, new = fitted(told_source()), told_source(30, seed=5)
        one, ten = ((accuracy(new, naming, k) - accuracy(new, None, k)).mean() for k in (1, 10))
        assert one > 0.05
        assert ten < one / 2

    def test_of_other_classes_hurt_and_one_for_all_changes_little(self):
        naming, new = fitted(told_source()), told_source(30, seed=5)
        learner, sampler = Prototypes(torch.nn.Identity()), EpisodeSampler(new, 5, 1, 5)
        plan = Plan("shots: 1 x learned", naming)
        probe = probe_names(evaluate_tasks(learner, sampler, 100, plan), learner, sampler, plan)
        plain = accuracy(new, None).mean()
        assert probe.others.mean() < plain - 0.02
        assert abs(probe.same.mean() - plain) < 0.03
        assert set(probe.as_dict()["lost"]) == {"another class's name", "one name for all"}

    def test_alone_are_better_than_chance(self):
        naming, new = fitted(told_source()), told_source(30, seed=5)
        assert accuracy(new, naming, weight=" weight 1000").mean() > 0.5

    def test_weigh_less_with_more_shots(self):
        naming = fitted(told_source())
        totals = []
        for shots in (1, 4):
            support = replace(
                Examples.of(torch.rand(1, 2 * shots, FEATURES), torch.arange(2).repeat_interleave(shots)),
                about=torch.rand(1, 2, TEXT),
            )
            totals.append(float(naming.make(support, 3, torch.Generator()).weight.sum()) / 2)
        assert totals[1] < totals[0]
        torch.testing.assert_close(totals[0], float(naming.budget.log_weight.exp()))

    def test_a_class_of_which_nothing_is_said_gets_weight_zero(self):
        about = torch.rand(1, 2, TEXT)
        about[0, 1] = 0
        support = replace(Examples.of(torch.rand(1, 2, FEATURES), torch.arange(2)), about=about)
        made = fitted(told_source()).make(support, 2, torch.Generator())
        assert (made.weight > 0).tolist() == [[True, True, False, False]]

    def test_noise_has_the_covariance_of_the_residuals(self):
        source = told_source(60)
        naming = fitted(source, noise=1.0)
        support = replace(Examples.of(torch.rand(1, 1, FEATURES), torch.arange(1)), about=torch.rand(1, 1, TEXT))
        made = naming.make(support, 20_000, torch.Generator().manual_seed(0)).items[0]
        expected = naming.residuals.mT @ naming.residuals / len(naming.residuals)
        torch.testing.assert_close(torch.cov(made.mT), expected, atol=0.08, rtol=0.05)

    def test_without_noise_copies_are_equal(self):
        support = replace(Examples.of(torch.rand(1, 1, FEATURES), torch.arange(1)), about=torch.rand(1, 1, TEXT))
        first, second = fitted(told_source()).make(support, 2, torch.Generator()).items[0]
        assert first.equal(second)

    def test_learned_ones_are_predicted_by_held_out_maps_in_training_alone(self):
        source = told_source()
        naming = fitted(source, learned=True)
        support = replace(Examples.of(torch.rand(1, 2, FEATURES), torch.arange(2)), about=source.about[None, :2])
        used = naming.make(support, 1, torch.Generator()).items[0]
        trained = naming.train().make(support, 1, torch.Generator()).items[0]
        torch.testing.assert_close(trained, naming.held_out[:2])
        assert not torch.allclose(used, trained)

    def test_are_asked_for_in_one_line(self):
        naming = fitted(told_source())
        support = Examples.of(torch.rand(1, 2, FEATURES), torch.arange(2))
        with one_line_error("add_class_vectors(source, 'minilm')"):
            naming.make(support, 1, torch.Generator())
        with one_line_error("train it first"):
            ExamplesFromNames(FEATURES).make(support, 1, torch.Generator())


class TestWithoutNames:
    @pytest.mark.parametrize("plan", ["none", "shots: 4 x mixup", "support: mixup"])
    def test_everything_is_the_same_bit_for_bit_whether_names_exist_or_not(self, plan):
        told = told_source()
        untold = replace(told, about=None)
        learner = Prototypes(torch.nn.Identity())
        first, second = (
            evaluate_tasks(learner, EpisodeSampler(source, 5, 2, 5), 50, Plan(plan), seed=3)
            for source in (told, untold)
        )
        assert first.accuracy.tobytes() == second.accuracy.tobytes()
        assert first.correct.tobytes() == second.correct.tobytes()
