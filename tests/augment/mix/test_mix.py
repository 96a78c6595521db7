"""Mixing over a batch and within tasks: pixels, labels, partners."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from manyshot.augment import take
from manyshot.augment.mix import MIXES, CutMix, Mixup, Mosaic, SometimesMix, mix_examples, partners_of
from manyshot.base import InputError
from manyshot.tasks import Examples


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flat(n: int, size: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Images that show their own number everywhere, and one class each: the mixture can be read off the pixels."""
    return torch.eye(n)[:, :, None, None].expand(n, n, size, size).clone(), torch.eye(n)


ALL = {"mixup": Mixup(alpha=1.0), "cutmix": CutMix(), "mosaic": Mosaic(), "mosaic of two": Mosaic(tiles=2)}
EVERY = pytest.mark.parametrize("mix", ALL.values(), ids=ALL)


@EVERY
class TestEveryMix:
    def test_labels_say_which_fraction_of_the_pixels_each_class_has(self, mix):
        images, labels = flat(9)
        mixed, soft = mix(images, labels, generator())
        assert torch.allclose(mixed.mean((2, 3)), soft, atol=1e-5)
        assert torch.allclose(soft.sum(1), torch.ones(9), atol=1e-5)

    def test_mixes_most_items_and_each_in_its_own_way(self, mix):
        images, labels = flat(60)
        _, soft = mix(images, labels, generator())
        assert (soft.amax(1) < 0.999).float().mean() > 0.8
        assert len(soft.unique(dim=0)) > 50

    def test_the_same_params_give_the_same_mix_and_rows_can_be_taken(self, mix):
        images, labels = flat(8)
        params = mix.sample(8, generator())
        partners = partners_of(params["partner"], torch.zeros(8, dtype=torch.long))
        first, again = (mix.apply(images, labels, params, partners) for _ in range(2))
        assert first[0].equal(again[0])
        order = torch.randperm(8, generator=generator())
        position = order.argsort()
        moved = mix.apply(images[order], labels[order], take(params, order), position[partners[order]])
        assert torch.allclose(moved[0], first[0][order])
        assert torch.allclose(moved[1], first[1][order])

    def test_leaves_its_input_as_it_was(self, mix):
        images, labels = flat(5)
        before = images.clone(), labels.clone()
        mix(images, labels, generator())
        assert (images.equal(before[0]), labels.equal(before[1])) == (True, True)

    def test_has_gradients_in_images_and_labels(self, mix):
        images, labels = (value.requires_grad_() for value in flat(6))
        mixed, soft = mix(images, labels, generator())
        (mixed.square().sum() + soft.square().sum()).backward()
        assert images.grad.isfinite().all()
        assert images.grad.abs().sum() > 0
        assert labels.grad.abs().sum() > 0

    @pytest.mark.parametrize("shape", [(0, 3, 4, 4), (1, 3, 4, 4), (5, 1, 1, 1), (4, 3, 1, 7)])
    def test_takes_any_shape(self, mix, shape):
        images, labels = torch.rand(shape, generator=generator()), torch.ones(shape[0], 1)
        mixed, soft = mix(images, labels, generator())
        assert (mixed.shape, soft.shape) == (images.shape, labels.shape)
        assert torch.allclose(soft, labels)
        assert ((mixed >= 0) & (mixed <= 1)).all()

    def test_an_item_that_stands_alone_stays(self, mix):
        images, labels = torch.full((1, 1, 6, 6), 0.3), torch.ones(1, 1)
        assert torch.allclose(mix(images, labels, generator())[0], images)


def test_mixup_is_the_formula_of_the_paper():
    images, labels = torch.rand(4, 3, 5, 5, generator=generator()), torch.eye(4)
    params = {"lam": torch.tensor([0.0, 0.3, 0.9, 1.0])}
    other = torch.tensor([3, 0, 1, 2])
    mixed, soft = Mixup().apply(images, labels, params, other[:, None])
    lam = params["lam"][:, None]
    assert torch.allclose(mixed, lam[..., None, None] * images + (1 - lam)[..., None, None] * images[other])
    assert torch.allclose(soft, lam * labels + (1 - lam) * labels[other])


def test_cutmix_pastes_one_rectangle_of_the_area_drawn_at_the_same_position():
    images, labels = torch.rand(200, 1, 32, 32, generator=generator()), torch.eye(200)
    op = CutMix()
    params = op.sample(200, generator())
    partners = partners_of(params["partner"], torch.zeros(200, dtype=torch.long))
    mixed, _ = op.apply(images, labels, params, partners)
    pasted = mixed == images[partners[:, 0]]
    assert ((mixed == images) | pasted).all()
    rows, columns = pasted.any(3).sum(2), pasted.any(2).sum(2)
    assert (rows * columns == pasted.sum((2, 3))).all()
    within = (params["center"].abs() + params["side"][:, None] < 1).all(1)
    area = pasted.float().mean((1, 2, 3))
    assert within.sum() > 20
    assert torch.allclose(area[within], params["side"][within] ** 2, atol=0.08)


def test_the_tiles_of_a_mosaic_are_whole_images():
    # A picture that is black on the left and white on the right, shrunk into any tile, still is.
    image = torch.zeros(1, 1, 40, 40)
    image[..., 20:] = 1
    params = {
        "tiles": torch.tensor([2, 3, 4]),
        "cut": torch.zeros(3, 2),
        "down": torch.tensor([False, True, False]),
        "partner": torch.zeros(3, 3),
    }
    mixed, soft = Mosaic().apply(image.expand(3, 1, 40, 40), torch.eye(3), params, torch.tensor([[0, 1, 2]] * 3))
    across = mixed[:, 0, 5].round()
    assert across[0].tolist() == ([0.0] * 10 + [1.0] * 10) * 2  # two halves, side by side
    assert across[1].tolist() == [0.0] * 20 + [1.0] * 20  # the upper half, whole
    assert mixed[1, 0, 35].round().tolist() == ([0.0] * 10 + [1.0] * 10) * 2  # the lower half, parted
    assert across[2].tolist() == ([0.0] * 10 + [1.0] * 10) * 2
    assert torch.allclose(soft[2], torch.tensor([0.25, 0.25, 0.5]), atol=1e-6)  # itself, 0, 1 and 2


def test_mosaics_have_two_to_four_tiles():
    images, labels = flat(100)
    _, soft = Mosaic()(images, labels, generator())
    assert set((soft > 0).sum(1).tolist()) >= {2, 3, 4}
    _, soft = Mosaic(tiles=2)(images, labels, generator())
    assert set((soft > 0).sum(1).tolist()) == {2}


def test_sometimes_mixes_with_its_probability_and_leaves_the_other_items_bit_identical():
    images, labels = flat(400, size=4)
    op = SometimesMix(CutMix(), p=0.3)
    params = op.sample(400, generator())
    partners = partners_of(params["partner"], torch.zeros(400, dtype=torch.long))
    mixed, soft = op.apply(images, labels, params, partners)
    assert params["on"].float().mean() == pytest.approx(0.3, abs=0.06)
    assert mixed[~params["on"]].equal(images[~params["on"]])
    assert soft[~params["on"]].equal(labels[~params["on"]])


@given(
    group=st.lists(st.integers(0, 3), min_size=0, max_size=12),
    seed=st.integers(0, 1000),
    missing=st.sets(st.integers(0, 11)),
)
def test_a_partner_is_another_present_item_of_the_same_group(group, seed, missing):
    n = len(group)
    present = torch.tensor([i not in missing for i in range(n)], dtype=torch.bool)
    drawn = torch.rand(n, 2, generator=generator(seed))
    result = partners_of(drawn, torch.tensor(group, dtype=torch.long), present)
    for i, row in enumerate(result.tolist()):
        fellows = [j for j in range(n) if group[j] == group[i] and present[j] and j != i]
        for j in row:
            assert j in (fellows if present[i] and fellows else [i])


def test_every_other_item_is_as_likely_a_partner():
    result = partners_of(torch.rand(4000, 1, generator=generator()), torch.arange(4000) // 4).flatten()
    step = (result - torch.arange(4000)) % 4
    assert torch.bincount(step, minlength=4).tolist() == pytest.approx([0, 4000 / 3, 4000 / 3, 4000 / 3], rel=0.1)


class TestTasks:
    def examples(self) -> Examples:
        images = torch.arange(3.0)[:, None, None, None, None].expand(3, 6, 1, 8, 8) / 4 + 0.1
        images = images + torch.rand(3, 6, 1, 8, 8, generator=generator()) * 0.05
        labels = torch.eye(3).repeat_interleave(2, 0).expand(3, 6, 3)
        return Examples(images, labels, torch.ones(3, 6), torch.ones(3, 3, dtype=torch.bool))

    @EVERY
    def test_items_are_mixed_within_their_task_only(self, mix):
        plain = self.examples()
        mixed = mix_examples(mix, plain, generator())
        assert not mixed.items.equal(plain.items)
        low = torch.arange(3.0)[:, None, None, None, None] / 4 + 0.1
        assert ((mixed.items >= low - 1e-5) & (mixed.items <= low + 0.05 + 1e-5)).all()
        assert torch.allclose(mixed.labels.sum(-1), torch.ones(3, 6), atol=1e-5)
        assert mixed.weight.equal(plain.weight)

    @EVERY
    def test_padding_is_neither_mixed_nor_mixed_in(self, mix):
        plain = self.examples()
        weight, items = torch.ones(3, 6), plain.items.clone()
        weight[:, 5], items[:, 5] = 0, float("nan")
        mixed = mix_examples(mix, replace(plain, items=items, weight=weight), generator())
        assert mixed.items[:, :5].isfinite().all()
        assert mixed.items[:, 5].isnan().all()
        assert mixed.labels[:, 5].equal(plain.labels[:, 5])


@pytest.mark.parametrize(
    "wrong",
    [lambda: Mixup(0), lambda: CutMix(-1), lambda: Mosaic(5), lambda: Mosaic(4, 1), lambda: SometimesMix(Mixup(), 2)],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(InputError):
        wrong()


def test_every_mix_has_a_name():
    assert set(MIXES.values()) == {type(mix) for mix in ALL.values()}
