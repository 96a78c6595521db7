"""Candidates, folds and the choice among candidates."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from manyshot.base import InputError
from manyshot.classify.choose.candidate_prior import Gain, Prior, load_prior
from manyshot.classify.choose.candidates import LEARNED, Candidate, Setting, check_plan, settings
from manyshot.classify.choose.choose_candidate import choose
from manyshot.classify.choose.cross_validate import left_out_logits, stratified_folds
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.heads import HEADS, Transform, predict_splits

TRANSFORM = Transform(normalize=False)
PLAIN = Setting(TRANSFORM, "ridge(penalty=0.1)")
TURNED = Setting(TRANSFORM, "ridge(penalty=0.1)", (("turn", 4),), views=True)


def make_encoded(shots: int, spread: float, seed: int = 0, classes: int = 3) -> tuple[EncodedExamples, np.ndarray]:
    """Classes, and a nuisance along what tells two of them apart: variants have less of it."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), shots)
    means = 2.0 * np.eye(classes, 12)
    own = means[labels] + 0.3 * random.normal(size=(len(labels), 12))
    direction = (np.eye(12)[0] - np.eye(12)[1]) / 2**0.5

    def nuisance(copies: int, amount: float) -> np.ndarray:
        return own[:, None] + amount * random.normal(size=(len(labels), copies, 1)) * direction

    features = {("pixels", "none"): nuisance(1, spread), ("pixels", "turn"): nuisance(4, spread / 20)}
    return EncodedExamples({key: torch.from_numpy(value).float() for key, value in features.items()}), labels


def flat_prior(sd: float = 0.02) -> Prior:
    keys = [setting.key for setting in (PLAIN, TURNED)]
    return Prior({"pixels": {1: Gain(0.0, 0.0)}}, {key: {1: Gain(0.0, sd), 20: Gain(0.0, sd)} for key in keys})


class TestFolds:
    @given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.integers(2, 5), st.integers(0, 99))
    @hypothesis_settings(max_examples=50, deadline=None)
    def test_each_fold_has_about_as_many_of_a_class(self, counts, folds, seed):
        labels = np.repeat(np.arange(len(counts)), counts)
        fold = stratified_folds(labels, folds, seed)
        for label, count in enumerate(counts):
            sizes = np.bincount(fold[labels == label], minlength=folds)
            assert sizes.sum() == count
            assert sizes.max() - sizes.min() <= 1

    @given(st.integers(0, 99))
    @hypothesis_settings(max_examples=20, deadline=None)
    def test_groups_stay_together(self, seed):
        labels = np.repeat([0, 1, 2], 8)
        groups = np.random.default_rng(seed).permutation(24) // 3
        fold = stratified_folds(labels, 3, seed, groups)
        assert all(len(set(fold[groups == group])) == 1 for group in groups)
        assert set(fold) == {0, 1, 2}

    def test_another_seed_gives_other_folds(self):
        labels = np.repeat([0, 1], 10)
        assert (stratified_folds(labels, 5, 0) != stratified_folds(labels, 5, 1)).any()


class TestLeftOutLogits:
    @pytest.mark.parametrize("setting", [PLAIN, TURNED], ids=["plain", "variants"])
    def test_equal_a_loop_that_fits_again(self, setting):
        encoded, labels = make_encoded(shots=6, spread=0.5)
        fold, targets = torch.from_numpy(stratified_folds(labels, 3, 0)), torch.from_numpy(labels)
        everything = torch.ones(1, len(labels))
        ((_, logits),) = left_out_logits(encoded, targets, 3, [Candidate("pixels", setting)], everything, fold)
        each = 1 + setting.copies
        one_hot = torch.eye(3).double()[targets].repeat_interleave(each, 0)
        for index in range(3):
            w = (encoded.row_weights(setting) * (fold != index).repeat_interleave(each))[None]
            x = encoded.rows("pixels", setting)
            again = predict_splits(TRANSFORM, [HEADS.build(setting.head)], x, one_hot, w)[0, 0].unflatten(0, (-1, each))
            expected = (again.mean(1) if setting.views else again[:, 0])[fold == index]
            # The closed form keeps the mean of all rows, which needs no labels.
            assert torch.allclose(logits[0, fold == index], expected, atol=0.2)

    def test_several_heads_are_distinguished(self):
        encoded, labels = make_encoded(shots=4, spread=0.5)
        candidates = [
            Candidate("pixels", Setting(TRANSFORM, head)) for head in ("centroid", "ridge(penalty=1)", "centroid")
        ]
        everything = torch.ones(1, len(labels))
        results = dict(left_out_logits(encoded, torch.from_numpy(labels), 3, candidates, everything, None))
        assert results[0].equal(results[2])
        assert not results[0].equal(results[1])


class TestChoose:
    def test_variants_that_help_are_chosen_with_enough_examples(self):
        encoded, labels = make_encoded(shots=12, spread=3.0)
        candidates = [Candidate("pixels", PLAIN), Candidate("pixels", TURNED)]
        choice = choose(LabeledFeatures(encoded, labels), candidates, flat_prior(sd=0.1))
        assert choice.candidate.setting == TURNED
        assert not choice.by_prior
        assert choice.correct.mean() > choice.correct_without.mean() + 0.02

    def test_the_prior_decides_with_few_examples(self):
        encoded, labels = make_encoded(shots=3, spread=6.0)
        prior = Prior({}, {PLAIN.key: {3: Gain(0.1, 0.001)}, TURNED.key: {3: Gain(0.0, 0.001)}})
        choice = choose(
            LabeledFeatures(encoded, labels), [Candidate("pixels", TURNED), Candidate("pixels", PLAIN)], prior
        )
        assert choice.candidate.setting == PLAIN

    @pytest.mark.parametrize("shots", [1, 2])
    def test_one_or_two_examples_choose_nothing(self, shots):
        encoded, labels = make_encoded(shots=shots, spread=0.1)
        prior = Prior({}, {PLAIN.key: {1: Gain(0.0, 0.1)}, TURNED.key: {1: Gain(0.1, 0.1)}})
        choice = choose(
            LabeledFeatures(encoded, labels), [Candidate("pixels", PLAIN), Candidate("pixels", TURNED)], prior
        )
        assert choice.by_prior
        assert choice.candidate.setting == TURNED
        assert (choice.correct is None) == (shots == 1)

    @pytest.mark.parametrize("shots", [2, 3])
    def test_the_learned_mix_is_taken_where_it_can_be_compared(self, shots):
        encoded, labels = make_encoded(shots=shots, spread=0.1)
        rows = encoded.features["pixels", "none"]
        both = EncodedExamples({**encoded.features, **{("pixels", plan): rows.repeat(1, 2, 1) for plan, _ in LEARNED}})
        mix = Setting(PLAIN.transform, PLAIN.head, LEARNED, views=True)
        prior = Prior({}, {PLAIN.key: {1: Gain(0.0, 0.001)}, mix.key: {1: Gain(0.1, 0.001)}})
        choice = choose(LabeledFeatures(both, labels), [Candidate("pixels", PLAIN), Candidate("pixels", mix)], prior)
        assert (choice.candidate.setting == mix) == (shots == 3)
        forced = choose(LabeledFeatures(both, labels), [Candidate("pixels", mix)], prior)
        assert forced.candidate.setting == mix

    def test_accuracy_is_honest_where_there_is_nothing_to_learn(self):
        values = []
        for seed in range(6):
            encoded, labels = make_encoded(shots=6, spread=0.5, seed=seed)
            labels = np.random.default_rng(seed).permutation(labels)
            candidates = [
                Candidate("pixels", setting)
                for setting in settings("pictures", ["ridge(penalty=0.1)", "lda"], [(("turn", 4),)])
            ]
            values.append(choose(LabeledFeatures(encoded, labels, seed=seed), candidates, Prior({}, {})).correct.mean())
        assert abs(np.mean(values) - 1 / 3) < 0.1  # choosing among many candidates does not raise it

    def test_a_group_is_never_on_both_sides(self):
        # Examples of a group are copies: judged by their own copies, they would all be right.
        random = np.random.default_rng(0)
        groups, labels = np.arange(24) // 2, np.arange(24) // 2 % 3
        rows = np.repeat(random.normal(size=(12, 30)), 2, 0)
        encoded = EncodedExamples({("pixels", "none"): torch.from_numpy(rows).float()[:, None]})
        candidate = [Candidate("pixels", PLAIN)]
        apart, together = (
            choose(LabeledFeatures(encoded, labels, g), candidate, Prior({}, {})).correct.mean() for g in (groups, None)
        )
        folds = [
            choose(LabeledFeatures(encoded, labels, g), candidate, Prior({}, {})).folds for g in (groups // 4, labels)
        ]
        assert folds == [3, 0]  # the groups of each class, not its eight examples
        assert together > 0.9
        assert apart < 0.7

    def test_a_class_of_one_example_is_always_wrong_when_left_out(self):
        encoded, labels = make_encoded(shots=6, spread=0.1)
        rows = np.r_[0:12, 12]
        examples = LabeledFeatures(encoded.select(torch.from_numpy(rows)), labels[rows])
        choice = choose(examples, [Candidate("pixels", PLAIN)], Prior({}, {}))
        assert choice.correct[-1] == 0
        assert choice.correct[:-1].mean() > 0.9


class TestCandidates:
    def test_pictures_are_augmented_and_sentences_not(self):
        assert any(setting.variants for setting in settings("pictures"))
        assert not any(setting.variants for setting in settings("sentences"))

    def test_keys_are_unique(self):
        keys = [setting.key for setting in settings("pictures")]
        assert len(set(keys)) == len(keys)

    def test_an_unknown_head_is_refused(self):
        with pytest.raises(InputError, match="ridge"):
            settings("pictures", heads=["rigde"])

    @pytest.mark.parametrize("text", ["support: flip", "flipp", "query: 2 x flip"])
    def test_plans_are_ops_alone(self, text):
        with pytest.raises(InputError):
            check_plan(text)


class TestPrior:
    @pytest.mark.parametrize("kind", ["pictures", "sentences"])
    def test_every_setting_that_is_tried_was_measured(self, kind):
        prior = load_prior(kind)
        assert {setting.key for setting in settings(kind)} == set(prior.settings)

    def test_joined_encoders_take_the_better_one_where_they_were_not_measured(self):
        prior = Prior({"a": {1: Gain(0.01, 0.0)}, "b": {1: Gain(0.03, 0.0)}}, {PLAIN.key: {1: Gain(0.0, 0.0)}})
        assert prior.gain_of(Candidate("a+b", PLAIN), 1).mean == pytest.approx(0.03)

    def test_the_nearest_number_of_shots_is_taken(self):
        prior = Prior({}, {PLAIN.key: {1: Gain(0.0, 0.0), 5: Gain(0.5, 0.0)}})
        assert [prior.gain_of(Candidate("a", PLAIN), shots).mean for shots in (0.5, 2, 3, 100)] == [0.0, 0.0, 0.5, 0.5]
