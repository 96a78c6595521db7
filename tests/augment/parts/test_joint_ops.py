"""Ops find their part; joint ops and mixes change several parts by one draw, and labels stay right."""

import pytest
import torch

from manyshot.augment import Plan
from manyshot.augment.image import Flip
from manyshot.augment.mix import Mixup, mix_examples
from manyshot.augment.parts import Drop, Mirror, MixGen, SwapWithinClass
from manyshot.augment.parts.left_right import exchange_left_right
from manyshot.augment.plan.pipeline_json import from_json, to_json
from manyshot.augment.registry import NAMED
from manyshot.base import InputError
from manyshot.tasks import EpisodeSampler, Examples, Parts, Source
from manyshot.tasks.items import flatten_tasks

N = 24


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_parts(n: int = N) -> Parts:
    images = torch.randint(0, 256, (n, 3, 8, 8), generator=generator(), dtype=torch.uint8)
    texts = [f"example {i} is on the left side" if i % 4 else "" for i in range(n)]
    return Parts.of({"photo": images, "caption": texts, "size": torch.rand(n, 2, generator=generator(1))})


def make_episode(parts: Parts):
    return EpisodeSampler(Source.of(parts, [i % 4 for i in range(len(parts))]), 3, 2, 2).batch(0, 5)


class TestRouting:
    def test_each_op_changes_the_part_of_its_kind_as_it_changes_examples_of_one_part(self):
        episode = make_episode(make_parts())
        changed = Plan("support: flip(1) case").apply(episode, generator()).support.items
        photos = episode.support.items["photo"].float() / 255
        assert torch.allclose(changed["photo"], photos.flip(-1))
        assert changed["caption"] != episode.support.items["caption"]
        assert changed["size"].equal(episode.support.items["size"])

    def test_missing_parts_stay_missing(self):
        episode = make_episode(make_parts())
        changed = Plan("support: eda; shots: 2 x typos").apply(episode, generator()).support.items
        flat = flatten_tasks(changed)
        assert all(
            bool(text) == there for text, there in zip(flat["caption"], flat.there["caption"].tolist(), strict=True)
        )

    def test_the_other_parts_of_a_plan_do_not_change_a_parts_draws(self):
        whole = make_episode(make_parts())
        photo = make_episode(make_parts().only(["photo"]))
        plan = Plan("support: affine noise")
        first, second = (plan.apply(e, generator(3)).support.items["photo"] for e in (whole, photo))
        assert first.equal(second)

    def test_two_parts_of_a_kind_need_a_name(self):
        images = make_parts()["photo"]
        episode = make_episode(Parts.of({"front": images, "back": images}))
        with pytest.raises(
            InputError, match=r"Flip: changes images, and there are two parts of them: front, back; name"
        ):
            Plan("support: flip").apply(episode)
        changed = Plan("support: flip(1, at=back)").apply(episode, generator()).support.items
        assert torch.allclose(changed["back"], changed["front"].flip(-1))

    @pytest.mark.parametrize(
        ("plan", "message"),
        [
            ("support: pitch", "Pitch: changes sounds, and the parts are photo .images., caption .texts., size"),
            ("support: flip(at=foto)", "at=foto: no such part; there are photo"),
            ("support: flip(at=caption)", "Flip: changes images, and these items are texts"),
            ("support: cutmix", "CutMix: mixes pictures alone"),
            ("support: oneof(flip eda)", "holds ops on|changes texts|changes images"),
        ],
    )
    def test_what_cannot_be_is_said(self, plan, message):
        with pytest.raises(InputError, match=message):
            Plan(plan).apply(make_episode(make_parts()))

    @pytest.mark.parametrize("plan", ["support: mirror", "support: drop", "support: mixgen", "support: flip(at=photo)"])
    def test_examples_of_one_part_are_refused(self, plan):
        episode = EpisodeSampler(Source.of(make_parts()["photo"], [i % 4 for i in range(N)]), 3, 2, 2).batch(0, 2)
        with pytest.raises(InputError):
            Plan(plan).apply(episode)

    def test_plans_print_as_they_were_written_and_ops_are_stored(self):
        text = "support: flip(0.5, at=front) mirror(0.3) drop(at=caption); shots: 2 x swap_within_class(photo) mixgen"
        assert str(Plan(text)) == text
        op = Plan("support: flip(at=front)").placements["support"].op.ops[0]
        assert from_json(to_json(op)) == op
        assert all(name in NAMED for name in ("mirror", "drop", "mixgen", "swap_within_class"))

    def test_the_same_state_gives_the_same_result(self):
        plan = Plan("support: flip eda mirror drop; shots: 2 x mixgen")
        first, second = (plan.apply(make_episode(make_parts()), generator(5)).support.items for _ in range(2))
        assert first["photo"].equal(second["photo"])
        assert first["caption"] == second["caption"]


class TestMirror:
    def test_flips_picture_and_text_by_one_draw(self):
        parts, op = make_parts(), Mirror()
        params = op.sample(N, generator())
        changed = op.apply(parts, params)
        assert 0 < params["on"].sum() < N
        for i, on in enumerate(params["on"].tolist()):
            assert changed["photo"][i].equal(parts["photo"][i].flip(-1) if on else parts["photo"][i])
            assert ("right" in changed["caption"][i]) == (on and parts.there["caption"][i])

    def test_twice_is_once_not_at_all(self):
        parts, params = make_parts(), {"on": torch.ones(N, dtype=torch.bool)}
        again = Mirror().apply(Mirror().apply(parts, params), params)
        assert again["photo"].equal(parts["photo"])
        assert again["caption"] == parts["caption"]

    def test_exchanges_channels_of_stereo_sounds_alone(self):
        sounds = torch.rand(2, 2, 8)
        parts = Parts.of({"photo": torch.rand(2, 3, 4, 4), "stereo": sounds, "mono": sounds[:, :1]})
        changed = Mirror().apply(parts, {"on": torch.tensor([True, False])})
        assert changed["stereo"][0].equal(sounds[0].flip(0))
        assert changed["stereo"][1].equal(sounds[1])
        assert changed["mono"].equal(sounds[:, :1])

    @pytest.mark.parametrize(
        ("text", "mirrored"),
        [
            ("Turn LEFT, then right.", "Turn RIGHT, then left."),
            ("the leftmost, left-hand cup", "the rightmost, right-hand cup"),
            ("All right, he has left right now", "All right, he has left right now"),
            ("bright lefty copyright", "bright lefty copyright"),
            ("clockwise", "counterclockwise"),
            ("左边的猫看着右边", "右边的猫看着左边"),
            ("大约三米左右", "大约三米左右"),
            ("左邻右舍站在左侧", "左邻右舍站在右侧"),
            (
                "a right-angled corner, right next to the left wall",
                "a right-angled corner, right next to the right wall",
            ),
            ("", ""),
        ],
    )
    def test_words(self, text, mirrored):
        assert exchange_left_right(text) == mirrored


class TestDrop:
    def test_drops_as_often_as_asked_and_never_the_last_part(self):
        parts = make_parts(2000)
        op = Drop(0.3)
        changed = op.apply(parts, op.sample(2000, generator()))
        gone = sum(int((parts.there[name] & ~changed.there[name]).sum()) for name in parts.names)
        assert 500 < gone < 700
        assert torch.stack(list(changed.there.values())).any(0).all()
        assert (changed["photo"][~changed.there["photo"]] == 0).all()
        each = [int((parts.there[name] & ~changed.there[name]).sum()) for name in parts.names]
        assert min(each) > 100

    def test_drops_the_part_that_is_named(self):
        parts = make_parts()
        changed = Drop(1, at="photo").apply(parts, Drop(1).sample(N, generator()))
        assert not changed.there["photo"].any()
        assert changed.there["caption"].equal(parts.there["caption"])
        with pytest.raises(InputError, match="no part 'foto'"):
            Drop(1, at="foto").apply(parts, Drop(1).sample(N, generator()))


class TestMixes:
    def examples(self) -> Examples:
        parts = make_parts(12).both(lambda value: [value] if isinstance(value, list) else value[None])
        return Examples.of(parts, torch.arange(12) % 3)

    def test_mixup_blends_tensors_and_labels_by_one_weight(self):
        examples = self.examples()
        params = Mixup(1.0).sample(12, generator())
        other = torch.arange(12).roll(1)
        parts, labels = flatten_tasks(examples.items), examples.labels[0]
        mixed, soft = Mixup(1.0).mix_parts(parts, labels, params, other[:, None])
        for i in range(12):
            lam, j = float(params["lam"][i]), int(other[i])
            photo = lam * parts["photo"][i].float() / 255 + (1 - lam) * parts["photo"][j].float() / 255
            assert torch.allclose(mixed["photo"][i], photo, atol=1e-6)
            assert torch.allclose(soft[i], lam * labels[i] + (1 - lam) * labels[j], atol=1e-6)
            both = parts.there["caption"][i] and parts.there["caption"][j]
            wanted = (i if lam >= 0.5 else j) if both else (i if parts.there["caption"][i] else j)
            assert mixed["caption"][i] == parts["caption"][wanted]
        assert mixed.there["caption"].equal(parts.there["caption"] | parts.there["caption"][other])

    def test_mixgen_joins_texts(self):
        mixed = mix_examples(MixGen(), self.examples(), generator())
        assert all(text.count("example") in (0, 1, 2) for text in mixed.items["caption"][0])
        assert any(text.count("example") == 2 for text in mixed.items["caption"][0])
        assert set(mixed.labels[0].flatten().tolist()) <= {0.0, 0.5, 1.0}

    def test_swaps_take_parts_of_the_same_class_and_keep_labels(self):
        examples = self.examples()
        swapped = mix_examples(SwapWithinClass("caption"), examples, generator())
        assert swapped.labels.equal(examples.labels)
        assert swapped.items["size"].equal(examples.items["size"])
        classes = {text: i % 3 for i, text in enumerate(examples.items["caption"][0]) if text}
        moved = 0
        for i, text in enumerate(swapped.items["caption"][0]):
            assert not text or classes[text] == i % 3
            moved += text != examples.items["caption"][0][i]
        assert moved > 3

    def test_padding_is_neither_mixed_nor_mixed_in(self):
        examples = self.examples()
        weight = examples.weight.clone()
        weight[:, 5] = 0
        mixed = mix_examples(
            MixGen(), Examples(examples.items, examples.labels, weight, examples.class_mask), generator()
        )
        assert mixed.items["caption"][0][5] == examples.items["caption"][0][5]
        assert not any("example 5 " in text for i, text in enumerate(mixed.items["caption"][0]) if i != 5)

    def test_sometimes(self):
        mixed = mix_examples(
            Plan("support: mixgen(p=0.5)").placements["support"].mixes[0], self.examples(), generator()
        )
        assert 0 < sum(float(row.max()) == 1 for row in mixed.labels[0]) < 12


def test_an_op_by_itself_is_drawn_as_in_a_plan():
    parts = make_parts()
    assert Drop(0.5)(parts, generator()).there["photo"].shape == (N,)
    with pytest.raises(InputError, match="examples of several parts"):
        Drop(0.5)(torch.zeros(2, 3, 8, 8), generator())
    assert Flip() == Plan("support: flip").placements["support"].op.ops[0]
