"""What every op does with what it is handed: images come back in the type they had, the rest is refused in a line."""

import numpy as np
import pytest
import torch

from manyshot import ops
from manyshot.augment import NAMED, OPS, Compose, OneOf, SomeOf, Sometimes
from manyshot.augment.adapters.torchvision import FromTorchvision
from manyshot.augment.engine import Compiled
from manyshot.augment.image import Affine, Blur, Brightness, Contrast, Elastic, Flip, Grayscale, Noise, Saturation, Turn
from manyshot.augment.mix import MIXES, Mixup, SometimesMix
from manyshot.augment.ops.op import Op
from manyshot.augment.task import MoreClasses, PermuteLabels
from manyshot.augment.text import Typos
from manyshot.base import InputError
from manyshot.tasks import EpisodeSampler, Source


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


ON_IMAGES = {name: op for name, op in OPS.items() if getattr(op, "takes", ()) != ("volumes",)}
EVERY = {
    **{name: op() for name, op in ON_IMAGES.items()},
    "compose": Compose((Flip(), Affine(), Elastic(), Brightness(), Contrast(), Noise())),
    "sometimes": Sometimes(Blur(2.0)),
    "one of": OneOf((Flip(), Noise(), Affine())),
    "some of": SomeOf((Flip(), Noise(), Affine()), 2),
    "of another library": FromTorchvision(lambda image: 1 - image),
}
EVERY_OP = pytest.mark.parametrize("op", EVERY.values(), ids=EVERY)
COLORED = {"saturation", "hue", "temperature", "grayscale", "stain_jitter", "stain_style", "stain_normalize"}
COLORED |= {"randaugment", "trivialaugment"}
DRAWS_NOTHING = ("of another library", "stain_normalize")


def levels(n: int = 8, c: int = 3, side: int = 16) -> torch.Tensor:
    return torch.randint(256, (n, c, side, side), dtype=torch.uint8, generator=generator(5))


@EVERY_OP
class TestEveryOp:
    def test_changes_bytes_as_it_changes_floats_and_gives_bytes_back(self, op):
        params = op.sample(8, generator())
        wanted = (op.apply(levels().float() / 255, params) * 255).round().to(torch.uint8)
        assert op.apply(levels(), params).equal(wanted)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_gives_back_the_precision_that_it_got(self, op, dtype):
        images, params = (levels().float() / 255).to(dtype), op.sample(8, generator())
        result = op.apply(images, params)
        assert (result.dtype, result.shape) == (dtype, images.shape)
        if dtype != torch.float64:  # where a value lies on a level, float64 may round to the next
            assert result.equal(op.apply(images.float(), params).to(dtype))

    def test_can_be_called_and_draws_from_the_generator(self, op):
        images = levels().float() / 255
        assert op(images, generator(3)).equal(op.apply(images, op.sample(8, generator(3))))

    def test_draws_from_the_global_stream_without_a_generator(self, op):
        torch.manual_seed(3)
        first, second = op(levels(40)), op(levels(40))
        torch.manual_seed(3)
        assert op(levels(40)).equal(first)
        if all(op != EVERY[name] for name in DRAWS_NOTHING):
            assert not second.equal(first)

    def test_takes_one_image(self, op):
        image = levels(1)[0]
        assert op(image, generator()).equal(op(image[None], generator())[0])

    @pytest.mark.parametrize("shape", [(16, 16), (2, 4, 3, 2, 16, 16), (16,)], ids=str)
    def test_refuses_what_has_other_axes_without_looking_at_its_draws(self, op, shape):
        for _ in range(3):
            with pytest.raises(InputError, match=r"^\w+: images of shape \[.*\]: give .*\[n, c, h, w\]") as caught:
                op(torch.rand(shape))
            assert "\n" not in str(caught.value)

    def test_refuses_one_image_where_params_are_of_a_batch(self, op):
        with pytest.raises(InputError, match=r"images\[None\]"):
            op.apply(torch.rand(3, 16, 16), op.sample(3, generator()))

    @pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64], ids=str)
    def test_refuses_other_types(self, op, dtype):
        with pytest.raises(InputError, match=f"images of {str(dtype)[6:]}: give floats from 0 to 1, or uint8"):
            op(torch.zeros(2, 3, 8, 8, dtype=dtype))

    @pytest.mark.parametrize(
        "wrong", [np.zeros((8, 8, 3)), [torch.zeros(3, 8, 8)], None], ids=("array", "list", "none")
    )
    def test_refuses_what_is_no_tensor(self, op, wrong):
        with pytest.raises(InputError, match=r"give a tensor \[n, c, h, w\]"):
            op(wrong)

    @pytest.mark.parametrize("shape", [(2, 3, 0, 8), (2, 3, 8, 0), (2, 0, 8, 8)], ids=str)
    def test_refuses_images_of_no_pixels(self, op, shape):
        with pytest.raises(InputError, match="give at least one channel and one pixel"):
            op(torch.rand(shape))

    def test_an_empty_batch_passes(self, op):
        assert op(torch.rand(0, 3, 8, 8)).shape == (0, 3, 8, 8)


@pytest.mark.parametrize("name", ON_IMAGES)
def test_images_of_four_channels_are_refused_by_ops_on_colors_alone(name):
    images = torch.rand(8, 4, 8, 8)
    if name in COLORED:
        with pytest.raises(InputError, match=r"images of 4 channels: give 1 \(gray\) or 3 \(red, green, blue\)"):
            OPS[name]()(images)
    else:
        assert OPS[name]()(images).shape == images.shape


@pytest.mark.parametrize("holder", [Compose((Flip(), Saturation())), Sometimes(Grayscale(), 0.0)], ids=str)
def test_ops_that_hold_ops_refuse_what_these_refuse(holder):
    with pytest.raises(InputError, match="images of 4 channels"):
        holder(torch.rand(2, 4, 8, 8))
    with pytest.raises(InputError, match="images of 4 channels"):
        Compiled(holder)(torch.zeros(2, 4, 8, 8, dtype=torch.uint8))


def test_compositions_change_bytes_once_and_round_at_the_end():
    op = Compose((Brightness(), Compose((Contrast(), Sometimes(Noise(), 1.0)))))
    params = op.sample(8, generator())
    assert op.apply(levels(), params).equal((op.apply(levels() / 255, params) * 255).round().to(torch.uint8))


def test_a_quarter_turn_of_what_is_not_square_is_refused_when_called():
    with pytest.raises(InputError, match="cannot be rotated by 90 degrees"):
        Turn()(torch.rand(40, 3, 8, 9))


def test_gradients_pass_through_a_call():
    images = torch.rand(4, 3, 8, 8, requires_grad=True)
    Affine()(images).sum().backward()
    assert images.grad.abs().sum() > 0


def test_compiled_ops_are_called_like_others():
    op = Compose((Flip(), Brightness()))
    images = levels()
    assert (Compiled(op)(images, generator()).int() - op(images, generator()).int()).abs().max() <= 1
    assert (Compiled(op, layout="nhwc")(images.permute(0, 2, 3, 1).numpy())).shape == (8, 16, 16, 3)


class TestMixes:
    labels = torch.eye(8)

    @pytest.mark.parametrize("mix", [*(mix() for mix in MIXES.values()), SometimesMix(Mixup())], ids=str)
    @pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float64])
    def test_give_back_the_type_that_they_got(self, mix, dtype):
        images = levels() if dtype == torch.uint8 else (levels() / 255).to(dtype)
        floats = levels() / 255 if dtype == torch.uint8 else images.float()
        result, shares = mix(images, self.labels, generator())
        wanted, wanted_shares = mix(floats, self.labels, generator())
        assert result.dtype == dtype
        assert not result.equal(images)
        back = result / 255 if dtype == torch.uint8 else result.float()
        assert torch.allclose(back, wanted, atol=5e-3)
        assert torch.allclose(shares, wanted_shares, atol=1e-6)

    def test_draw_from_the_global_stream_without_a_generator(self):
        torch.manual_seed(1)
        first = Mixup()(levels(), self.labels)[0]
        torch.manual_seed(1)
        assert Mixup()(levels(), self.labels)[0].equal(first)

    @pytest.mark.parametrize("name", MIXES)
    def test_refuse_what_they_cannot_mix(self, name):
        with pytest.raises(InputError, match="int64"):
            MIXES[name]()(levels().long(), self.labels)
        if name != "mixup":
            with pytest.raises(InputError, match=r"images of shape \[8, 5\]"):
                MIXES[name]()(torch.rand(8, 5), self.labels)

    @pytest.mark.parametrize("labels", [torch.arange(8), torch.eye(8).long()])
    def test_refuse_labels_that_are_no_probabilities(self, labels):
        with pytest.raises(InputError, match=r"Mixup: labels of int64 .*one_hot\(labels, classes\)\.float\(\)"):
            Mixup()(levels(), labels)


class TestOtherCalls:
    def test_text_ops_take_texts_or_one(self):
        texts = ["a plain sentence of some length"] * 5
        op = Typos(0.5)
        assert op(texts, generator()) == op.apply(texts, op.sample(5, generator()))
        assert op(texts[0], generator()) == op(texts[:1], generator())[0]
        assert Sometimes(op, 1.0)(texts[0]) != texts[0]
        with pytest.raises(InputError, match="Typos: Tensor: give a text, or a list of texts"):
            op(torch.rand(2, 3, 8, 8))

    @pytest.mark.parametrize("op", [MoreClasses(Turn()), PermuteLabels()], ids=str)
    def test_task_ops_take_episodes(self, op):
        source = Source.of(levels(24), [str(k % 4) for k in range(24)])
        episode = EpisodeSampler(source, ways=3, shots=1, queries=2).batch(0, 4)
        result, again = op(episode, generator()), op(episode, generator())
        assert result.support.labels.equal(again.support.labels)
        labels = episode.support.labels
        assert result.support.labels.shape != labels.shape or not result.support.labels.equal(labels)


def test_every_op_is_named_in_one_flat_place():
    named = {kind.__name__: kind for kind in NAMED.values()} | {"Compose": Compose, "Sometimes": Sometimes}
    assert set(ops.__all__) == set(named)
    assert all(getattr(ops, name) is kind for name, kind in named.items())
    assert set(ops.__all__) <= set(dir(ops))
    with pytest.raises(AttributeError, match="has no attribute 'Affin'"):
        _ = ops.Affin


def test_an_op_of_ones_own_says_two_things_and_can_be_called():
    class Double(Op):
        def sample(self, n, generator):
            return {}

        def apply(self, items, params):
            return [2 * item for item in items]

    assert Double()([1, 2]) == [2, 4]
