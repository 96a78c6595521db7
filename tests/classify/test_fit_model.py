"""From examples to a model and a report."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from manyshot.augment import Plan
from manyshot.augment.plan.presets import PRESETS
from manyshot.base import InputError
from manyshot.classify.choose.candidates import LEARNED, TOGETHER, Setting, check_plan
from manyshot.classify.choose.search_space import SearchSpace
from manyshot.classify.encode.encode_examples import plan_op
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.encode.plan_encoding import plan_encoding
from manyshot.classify.examples.read_examples import examples_from_arrays
from manyshot.classify.fit_model import fit_model
from manyshot.classify.heads import Transform
from manyshot.meta_augment.auto.candidate_ops import OPS, OpShares

GREET = ["hello there", "hello my friend", "hello again", "hello to you all", "hello everybody", "well hello"]
LEAVE = [text.replace("hello", "goodbye") for text in GREET]


def sentences(shots: int):
    return examples_from_arrays(GREET[:shots] + LEAVE[:shots], ["greet"] * shots + ["leave"] * shots)


def squares(shots: int, seed: int = 0):
    """Noisy pictures, bright above or bright below."""
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 60, (2 * shots, 24, 24, 3), dtype=np.uint8)
    pictures[:shots, :12] += 150
    pictures[shots:, 12:] += 150
    return examples_from_arrays(pictures, ["above"] * shots + ["below"] * shots)


class TestSentences:
    def test_new_examples_are_classified_and_the_report_agrees_with_the_model(self):
        lines = []
        model, report = fit_model(sentences(6), encoder="ngrams", progress=lines.append)
        answer = model.predict(examples_from_arrays(["hello world", "goodbye world"]))
        assert [model.class_names[index] for index in answer.probabilities.argmax(1)] == ["greet", "leave"]
        assert report.accuracy > 0.7
        assert report.interval[0] < report.accuracy < report.interval[1]
        assert report.chosen == model.candidate
        assert model.report["chosen"]["encoder"] == "ngrams"
        assert "12 sentences" in lines[0]
        assert "ngrams" in lines[0]

    def test_with_one_example_per_class_nothing_can_be_evaluated(self):
        _, report = fit_model(sentences(1), encoder="ngrams")
        assert report.accuracy is None
        assert report.interval == (0.5, 0.99)
        assert report.as_dict()["augmentation"] is None
        assert "other data" in report.why

    @pytest.mark.parametrize(("groups", "judged"), [([0, 0, 0, 1, 1, 1] * 2, True), ([0] * 6 + [1] * 6, False)])
    def test_examples_of_a_group_are_held_out_together(self, groups, judged):
        _, report = fit_model(replace(sentences(6), groups=np.array(groups)), encoder="ngrams", head="ridge")
        assert (report.accuracy is not None) == judged

    def test_a_head_by_name_is_tried_with_several_penalties(self):
        _, report = fit_model(sentences(4), encoder="ngrams", head="ridge")
        heads = {one.candidate.setting.head for one in report.tried}
        assert len(heads) > 2
        assert all(head.startswith("ridge") for head in heads)

    def test_a_head_with_options_is_taken_as_it_is(self):
        _, report = fit_model(sentences(4), encoder="ngrams", head="lda(shrinkage=0.9)")
        assert {one.candidate.setting.head for one in report.tried} == {"lda(shrinkage=0.9)"}

    def test_a_wrong_label_is_suspected_and_a_copy_found(self):
        texts = [*GREET, *LEAVE, "goodbye and hello goodbye", GREET[0]]
        labels = ["greet"] * 6 + ["leave"] * 6 + ["greet"] * 2
        _, report = fit_model(examples_from_arrays(texts, labels), encoder="ngrams")
        found = report.as_dict()
        assert found["duplicates"][0]["examples"] == ["row 0", "row 13"]
        assert all(one["example"] == "row 12" for one in found["suspects"])

    def test_the_same_seed_gives_the_same_model(self):
        (first, _), (second, _) = (fit_model(sentences(5), encoder="ngrams", seed=3) for _ in range(2))
        assert first.linear.weight.equal(second.linear.weight)
        assert first.temperature == second.temperature

    def test_a_plan_that_is_asked_for_is_used(self):
        model, report = fit_model(sentences(4), encoder="ngrams", head="ridge", plan="typos")
        assert model.views[0][0] == "typos"
        assert report.augmentation is not None

    def test_what_a_plan_gains_is_over_the_same_head_without_it(self):
        drowned = "case delete_words(0.9)"  # variants of which little is left
        _, with_plan = fit_model(sentences(5), encoder="ngrams", head="centroid", plan=drowned)
        _, plain = fit_model(sentences(5), encoder="ngrams", head="centroid", plan="none")
        assert with_plan.augmentation is not None
        gained = with_plan.accuracy - plain.accuracy
        assert with_plan.augmentation.difference == pytest.approx(gained, abs=0.05)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_plan_of_a_fit(preset):
    op = plan_op(check_plan(preset))
    assert op == Plan(preset).item_op()


class TestBalance:
    def test_all_classes_weigh_the_same_with_their_variants(self):
        rows = {("ngrams", "none"): torch.ones(3, 1, 2), ("ngrams", "typos"): torch.ones(3, 2, 2)}
        encoded = EncodedExamples(rows, torch.tensor([0.75, 0.75, 1.5]))
        setting = Setting(Transform(), "ridge", (("typos", 2),))
        assert encoded.row_weights(setting).view(3, 3).tolist() == [[0.75, 0.375, 0.375]] * 2 + [[1.5, 0.75, 0.75]]
        assert encoded.select(torch.tensor([2])).row_weights(setting).tolist() == [1.5, 0.75, 0.75]

    def test_a_rare_class_is_found_more_often_and_the_report_says_so(self):
        texts = [f"hello {word}" for word in ["there", "friend", "again", "all", "world", "you", "two", "one"]] + [
            "bye all",
            "bye you",
        ]
        examples = examples_from_arrays(texts, ["greet"] * 8 + ["leave"] * 2)
        asked = examples_from_arrays(["bye there friend", "bye world", "bye again one"])
        rare = []
        for balance in (False, True):
            model, report = fit_model(examples, encoder="ngrams", head="ridge(1)", names="none", balance=balance)
            assert report.as_dict()["balanced"] == balance
            rare.append(float(model.predict(asked).probabilities[:, 1].mean()))
        assert rare[1] > rare[0] + 0.1

    def test_classes_of_one_size_give_the_same_model(self):
        plain, balanced = (fit_model(sentences(4), encoder="ngrams", balance=one)[0] for one in (False, True))
        assert torch.allclose(plain.linear.weight, balanced.linear.weight)


class TestPictures:
    def test_pictures_are_classified_with_augmentation_and_without_budget(self):
        examples = squares(3)
        model, report = fit_model(examples, encoder="efficientnet-lite0", budget=0)
        assert model.predict(squares(2, seed=1)).probabilities.argmax(1).tolist() == [0, 0, 1, 1]
        assert report.chosen.setting.variants == ()
        assert len(report.left_out) == sum(len(variants) for variants in TOGETHER) - 1  # affine is in two of them
        augmented, _ = fit_model(examples, encoder="efficientnet-lite0", head="ridge", plan="brightness(0.2)")
        assert augmented.views == (("brightness(0.2)", 4),)
        assert augmented.predict(squares(2, seed=1)).probabilities.argmax(1).tolist() == [0, 0, 1, 1]

    def test_nothing_is_mirrored_where_left_and_right_mean_something(self):
        may, must_not = (
            SearchSpace.of("pictures", "auto", "ridge", "auto", mirror=one).together for one in (True, False)
        )
        assert set(may) - set(must_not) == {TOGETHER[2]}
        _, report = fit_model(squares(2), encoder="efficientnet-lite0", head="centroid", mirror=False, names="none")
        assert {one.candidate.setting.plan for one in report.tried} == {"none", "2 x affine"}
        with pytest.raises(InputError, match="says itself whether pictures are mirrored"):
            fit_model(squares(3), encoder="efficientnet-lite0", plan="flip", mirror=False)

    def test_the_learned_mix_by_name(self):
        model, report = fit_model(squares(2), encoder="efficientnet-lite0", head="ridge", plan="learned", names="none")
        assert model.views == LEARNED
        assert report.as_dict()["chosen"]["plan"] == "2 x resized_crop(0.4) + 2 x blur(7) noise(0.1)"
        with pytest.raises(InputError, match="is for pictures"):
            fit_model(sentences(2), encoder="ngrams", plan="learned")

    def test_the_learned_mix_is_of_ops_of_auto_at_the_size_of_the_encoders(self):
        ours = " ".join(plan if " " not in plan else f"someof({plan}, 2)" for plan, _ in LEARNED)
        mix = OpShares(tuple(int(row in ("resized_crop(0.4)", "blur(2) noise(0.1)")) for row in OPS))
        assert f"shots: 2 x oneof({ours}) weight" in str(mix.plan_for(224))

    def test_variants_that_are_used_together_fit_the_budget_together_or_not_at_all(self, monkeypatch):
        seconds = "manyshot.classify.encode.plan_encoding.estimate_seconds"
        monkeypatch.setattr(seconds, lambda _encoder, _examples, _uncached, copies: copies)
        examples = squares(2)
        together = ((("flip", 1),), (("affine", 2), ("flip", 1)), (("crop(0.6)", 1), ("blur(2)", 3)))
        encoding = plan_encoding(examples, ["efficientnet-lite0"], together, budget=6)
        assert [one.plan for one in encoding.passes] == ["none", "flip", "affine"]  # flip is made once
        assert [one.plan for one in encoding.left_out] == ["crop(0.6)", "blur(2)"]
        assert encoding.seconds == 4
        shapes = encoding.shapes(10_000_000)  # they take no memory
        assert {plan: one.shape[:2] for (_, plan), one in shapes.features.items()} == {
            "none": (10_000_000, 1),
            "flip": (10_000_000, 1),
            "affine": (10_000_000, 2),
        }

    def test_a_second_fit_encodes_what_the_first_did(self, monkeypatch):
        module = "manyshot.classify.encode.plan_encoding"
        monkeypatch.setattr(f"{module}.estimate_seconds", lambda _encoder, _examples, count, _copies: count)
        cached: set[str | None] = set()
        monkeypatch.setattr(
            f"{module}.count_uncached",
            lambda _encoder, examples, plan, copies, seed: 0 if plan in cached else len(examples) * copies,
        )
        examples, together = squares(1), ((("flip", 1),), (("affine", 2),))
        count = len(examples)

        def plans(budget: float) -> tuple[list[str], float]:
            encoding = plan_encoding(examples, ["efficientnet-lite0"], together, budget)
            return [one.plan for one in encoding.passes], encoding.seconds

        assert plans(budget=3 * count) == (["none", "flip"], 2 * count)
        cached |= {None, "flip"}
        assert plans(budget=3 * count) == (["none", "flip"], 0)
        assert plans(budget=0) == (["none", "flip"], 0)
        assert plans(budget=4 * count) == (["none", "flip"], 0)  # another time, it would just not have fitted
        assert plans(budget=5 * count) == (["none", "flip", "affine"], 2 * count)

    def test_the_spread_is_tried_joined_and_alone_only_when_asked_for(self):
        names = ("efficientnet-lite0", "efficientnet-lite0-spread", "efficientnet-lite2")
        encoded = EncodedExamples({(name, "none"): torch.ones(2, 1, 3) for name in names})

        def tried(*encoders: str) -> list[str]:
            search = SearchSpace(encoders, ("centroid",), (), must_augment=False)
            return [candidate.encoder for candidate in search.candidates(encoded, "pictures")]

        assert tried(*names) == [names[0], names[2], "+".join(names[:2]), "+".join(names)]
        assert tried(names[1]) == [names[1]]
        assert tried("+".join(names[1:])) == ["+".join(names[1:])]


class TestErrors:
    def test_one_class_alone(self):
        with pytest.raises(InputError, match="two or more"):
            fit_model(examples_from_arrays(GREET, ["greet"] * 6), encoder="ngrams")

    def test_an_example_without_a_class(self):
        with pytest.raises(InputError, match="row 0: has no class"):
            fit_model(examples_from_arrays(GREET), encoder="ngrams")

    def test_an_encoder_of_another_kind(self):
        with pytest.raises(InputError, match="takes pictures"):
            fit_model(sentences(3), encoder="efficientnet-lite0")

    @pytest.mark.parametrize(
        ("option", "value"), [("encoder", "nothing"), ("head", "rigde"), ("plan", "shots: 2 x eda"), ("budget", -1.0)]
    )
    def test_options_that_make_no_sense(self, option, value):
        with pytest.raises(InputError):
            fit_model(sentences(3), **{"encoder": "ngrams", option: value})
