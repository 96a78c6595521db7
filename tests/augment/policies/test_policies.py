"""Policies: their lists, their ranges, and what every op promises."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from manyshot.augment import Plan, take
from manyshot.augment.ops.beta_dirichlet import beta, dirichlet
from manyshot.augment.ops.combine import apply_layers
from manyshot.augment.policies import (
    POLICIES,
    AugMix,
    RandAugment,
    TrivialAugment,
)
from manyshot.augment.policies.space import layer
from manyshot.base import InputError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 64, size: int = 16) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=generator(7)) * 0.6 + 0.2


def move(policy, name, strength, images):
    """One move of a policy, on all images, at one strength."""
    space = policy.space()
    choice = torch.full((len(images),), list(space).index(name))
    return apply_layers(images, [layer(space, choice, torch.full((len(images),), float(strength)))])


PAPER = {
    "identity", "autocontrast", "equalize", "rotate", "solarize", "color", "posterize", "contrast", "brightness",
    "sharpness", "shear_x", "shear_y", "translate_x", "translate_y",
}  # fmt: skip


def test_the_lists_are_those_of_the_papers():
    assert set(RandAugment.space()) == set(TrivialAugment.space()) == PAPER
    assert set(AugMix.space()) == PAPER - {"identity", "color", "contrast", "brightness", "sharpness"}


@pytest.mark.parametrize("policy", [RandAugment, TrivialAugment])
@pytest.mark.parametrize("name", sorted(PAPER - {"identity"}))
def test_every_move_changes_pictures_at_full_strength_either_way(policy, name):
    images = pictures(4)
    there, back = move(policy, name, 1, images), move(policy, name, -1, images)
    assert (there - images).abs().mean() > 0.01
    directed = name in {"rotate", "color", "contrast", "brightness", "sharpness", "shear_x", "shear_y"} or "_" in name
    assert there.equal(back) != directed
    assert there.min() >= 0
    assert there.max() <= 1


@pytest.mark.parametrize("name", sorted(PAPER - {"autocontrast", "equalize", "posterize"}))
def test_a_strength_of_nothing_leaves_the_picture(name):
    images = pictures(4)
    assert torch.allclose(move(RandAugment, name, 0, images), images, atol=1e-5)


def smooth(size: tuple[int, int] = (48, 64)) -> np.ndarray:
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    return (127 + 50 * np.sin(x / 6) + 50 * np.cos(y / 8 + x / 20)).astype(np.uint8)


@pytest.mark.parametrize(("name", "matrix"), [("shear_x", (1, 0.15, 0, 0, 1, 0)), ("shear_y", (1, 0, 0, 0.15, 1, 0))])
def test_shears_slant_by_the_range_about_the_center_as_pillow_slants(name, matrix):
    array = smooth()
    (h, w), (a, b, _, d, e, _) = array.shape, matrix
    center = (w / 2 - a * w / 2 - b * h / 2, h / 2 - d * w / 2 - e * h / 2)
    expected = Image.fromarray(array).transform(
        (w, h), Image.Transform.AFFINE, (a, b, center[0], d, e, center[1]), Image.Resampling.BILINEAR
    )
    image = torch.from_numpy(array)[None, None].float() / 255
    ours = move(RandAugment, name, 0.5, image)[0, 0] * 255
    inside = slice(12, -12)
    assert np.abs(ours.numpy() - np.asarray(expected))[inside, inside].max() <= 2


def test_translation_is_a_fraction_of_the_side():
    image = torch.zeros(1, 1, 31, 31)
    image[..., 15, 5] = 1
    moved = move(TrivialAugment, "translate_x", 0.9, image)  # 0.3 of 31 pixels
    center = (moved[0, 0].sum(0) * torch.arange(31)).sum() / moved.sum()
    assert center == pytest.approx(5 + 0.3 * 31, abs=0.02)


class TestRandAugment:
    def test_every_move_is_as_likely_and_strengths_have_either_sign(self):
        params = RandAugment(2, 15).sample(7000, generator())
        assert torch.bincount(params["choice"].flatten()).tolist() == pytest.approx([1000] * 14, rel=0.15)
        assert params["strength"].abs().unique().tolist() == [0.5]
        assert params["strength"].mean().abs() < 0.02

    def test_moves_are_carried_out_one_after_another(self):
        names = list(RandAugment.space())
        params = {
            "choice": torch.tensor([[names.index("rotate"), names.index("solarize")]] * 3),
            "strength": torch.full((3, 2), 0.5),
        }
        images = pictures(3)
        expected = move(RandAugment, "solarize", 0.5, move(RandAugment, "rotate", 0.5, images))
        assert torch.allclose(RandAugment(2).apply(images, params), expected, atol=1e-6)


def test_trivial_augment_draws_31_strengths_up_to_its_largest():
    strength = TrivialAugment(0.5).sample(20_000, generator())["strength"]
    assert len(strength.abs().unique()) == 31
    assert strength.abs().max() == pytest.approx(0.5)


class TestAugMix:
    def test_a_blend_of_nothing_is_the_image_and_weights_sum_to_one(self):
        params = AugMix().sample(64, generator())
        assert torch.allclose(params["weight"].sum(1), torch.ones(64))
        assert torch.allclose(AugMix().apply(pictures(), {**params, "blend": torch.zeros(64)}), pictures())

    def test_is_the_formula_of_the_paper(self):
        op, images = AugMix(width=2), pictures(5)
        params = op.sample(5, generator())
        result = op.apply(images, params)
        names = list(AugMix.space())
        for i in range(5):
            chains = []
            for k in range(2):
                image = images[i : i + 1]
                for step, strength in zip(
                    params["choice"][i, k].tolist(), params["strength"][i, k].tolist(), strict=True
                ):
                    image = image if step < 0 else move(AugMix, names[step], strength, image)
                chains.append(params["weight"][i, k] * image)
            expected = (1 - params["blend"][i]) * images[i] + params["blend"][i] * sum(chains)[0]
            assert torch.allclose(result[i], expected, atol=1e-5)

    def test_chains_have_one_to_three_moves(self):
        depth = (AugMix().sample(900, generator())["choice"] >= 0).sum(-1)
        assert torch.bincount(depth.flatten())[1:].tolist() == pytest.approx([900] * 3, rel=0.1)


@pytest.mark.parametrize("op", [RandAugment(), RandAugment(3, 30), TrivialAugment(), AugMix(), AugMix(10, 4)])
class TestEveryPolicy:
    def test_replays_from_params_written_as_json(self, op):
        params = op.sample(16, generator())
        again = {
            name: torch.tensor(json.loads(json.dumps(value.tolist())), dtype=value.dtype)
            for name, value in params.items()
        }
        assert op.apply(pictures(16), params).equal(op.apply(pictures(16), again))

    def test_an_item_does_not_depend_on_its_neighbors(self, op):
        params, order = op.sample(64, generator()), torch.randperm(64, generator=generator())[:20]
        alone = op.apply(pictures()[order], take(params, order))
        assert torch.allclose(alone, op.apply(pictures(), params)[order], atol=1e-6)

    @pytest.mark.parametrize("shape", [(0, 3, 8, 8), (9, 1, 7, 5), (9, 3, 1, 1)])
    def test_takes_any_shape(self, op, shape):
        images = torch.rand(shape, generator=generator())
        result = op.apply(images, op.sample(shape[0], generator()))
        assert result.shape == shape
        assert ((result >= 0) & (result <= 1)).all()

    def test_changes_most_items_and_has_a_finite_gradient(self, op):
        images = pictures().requires_grad_()
        result = op.apply(images, op.sample(64, generator()))
        assert ((result - images).abs().amax((1, 2, 3)) > 1e-3).float().mean() > 0.7
        result.square().sum().backward()
        assert images.grad.isfinite().all()
        assert images.grad.abs().sum() > 0

    def test_brings_params_to_the_device_of_the_items(self, op):
        images = torch.empty(4, 3, 8, 8, device="meta")
        assert op.apply(images, op.sample(4, generator())).device == images.device


def test_policies_can_be_written_in_plans():
    assert Plan("support: randaugment(3, 12)").item_op().ops == (RandAugment(3, 12.0),)
    assert set(POLICIES) == {"randaugment", "trivialaugment", "augmix"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: RandAugment(0),
        lambda: RandAugment(2, 31),
        lambda: TrivialAugment(2),
        lambda: AugMix(11),
        lambda: AugMix(3, 0),
    ],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(InputError):
        wrong()


def test_beta_and_dirichlet_have_the_moments_of_their_distributions():
    shares = beta(20_000, 0.4, generator())
    assert shares.mean() == pytest.approx(0.5, abs=0.01)
    assert shares.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.03)
    rows = dirichlet(20_000, 3, 1.0, generator())
    assert rows.var(0).tolist() == pytest.approx([2 / 36] * 3, rel=0.05)
    assert beta(5, 0.4, generator()).equal(beta(5, 0.4, generator()))
    assert not beta(5, 0.4, generator()).equal(beta(5, 0.4, generator(1)))
