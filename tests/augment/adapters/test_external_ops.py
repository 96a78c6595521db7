"""Other libraries' transforms as ops, and ours as theirs; what needs a library is skipped where it is not there."""

import pickle
import random
from importlib import import_module

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import nn

from manyshot.augment import Compose, Sometimes, take
from manyshot.augment.adapters.albumentations import FromAlbumentations, to_albumentations
from manyshot.augment.adapters.augmentor import FromAugmentor
from manyshot.augment.adapters.external_op import require, seeded
from manyshot.augment.adapters.kornia import FromKornia
from manyshot.augment.adapters.torchvision import FromTorchvision, ToTorchvision
from manyshot.augment.image import Affine, Brightness, Flip, Noise
from manyshot.augment.ops.targets import apply_to
from manyshot.base import InputError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 6, c: int = 3, h: int = 12, w: int = 10) -> torch.Tensor:
    return (torch.rand(n, c, h, w, generator=generator(1)) * 255).round() / 255


def peer(name: str):
    try:
        return import_module(name)
    except Exception as error:  # some are installed but break on import
        pytest.skip(f"{name} cannot be imported here: {error}")


class Shift:
    """Draws from every global stream and adds what it drew."""

    def __call__(self, image):
        return image * 0 + (random.random() + np.random.rand() + torch.rand(()).item()) / 3  # noqa: NPY002

    def perform_operation(self, images):
        levels = self(np.zeros(3)) * 255
        return [Image.new("RGB", image.size, tuple(levels.astype(int).tolist())) for image in images]


class AsDict:
    def __call__(self, image):
        return {"image": np.full_like(image, int(255 * Shift()(0.0)))}


FOREIGN = {
    "torchvision": FromTorchvision(Shift()),
    "kornia": FromKornia(Shift()),
    "augmentor": FromAugmentor(Shift()),
    "albumentations": FromAlbumentations(AsDict()),
}


@pytest.mark.parametrize("op", FOREIGN.values(), ids=FOREIGN)
class TestEveryForeignOp:
    def test_gives_each_item_its_own_draw_and_replays_it(self, op):
        params = op.sample(6, generator())
        first, again = (op.apply(pictures(), params) for _ in range(2))
        assert first.equal(again)
        assert len(first[:, 0, 0, 0].unique()) >= 4  # uint8 levels may agree by chance

    def test_an_item_does_not_depend_on_its_neighbors(self, op):
        params, order = op.sample(6, generator()), torch.tensor([4, 0, 4])
        assert op.apply(pictures()[order], take(params, order)).equal(op.apply(pictures(), params)[order])

    def test_leaves_the_streams_of_the_process_as_they_were(self, op):
        before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
        op.apply(pictures(), op.sample(6, generator()))
        assert random.getstate() == before[0]
        assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
        assert torch.get_rng_state().equal(before[2])

    def test_composes_with_our_own_ops(self, op):
        pipeline = Compose((Flip(), Sometimes(op, 0.5), Brightness()))
        result = pipeline.apply(pictures(), pipeline.sample(6, generator()))
        assert result.shape == pictures().shape
        assert ((result >= 0) & (result <= 1)).all()

    def test_an_empty_batch_passes(self, op):
        assert op.apply(pictures(0), op.sample(0, generator())).shape == (0, 3, 12, 10)

    def test_cannot_be_followed_by_masks(self, op):
        with pytest.raises(InputError, match="does not say where pixels come from"):
            apply_to(op, op.sample(6, generator()), masks=torch.zeros(6, 12, 10))


def test_a_change_of_size_is_refused():
    op = FromTorchvision(lambda image: image[:, :5])
    with pytest.raises(InputError, match="from 3 x 12 x 10 to 3 x 5 x 10; give one that keeps the size"):
        op.apply(pictures(1), op.sample(1, generator()))


def test_gradients_pass_through_transforms_of_tensors():
    for op in (FromTorchvision(lambda image: image / 2), FromKornia(nn.AvgPool2d(3, 1, 1))):
        images = pictures().requires_grad_()
        op.apply(images, op.sample(6, generator())).sum().backward()
        assert (images.grad.abs() > 0).all()


def test_uint8_is_handed_over_where_asked_for():
    seen = []
    op = FromTorchvision(lambda image: seen.append(image.dtype) or image, as_uint8=True)
    assert torch.allclose(op.apply(pictures(), op.sample(6, generator())), pictures(), atol=1e-6)
    assert set(seen) == {torch.uint8}


def test_streams_are_put_back_after_an_error():
    before = random.getstate()
    with pytest.raises(ZeroDivisionError), seeded(1):
        _ = random.random() / 0
    assert random.getstate() == before


def test_a_library_that_is_missing_is_named_with_the_command_that_installs_it():
    with pytest.raises(InputError, match=r'needs nothing_like_it: run pip install "manyshot\[extra\]"'):
        require("nothing_like_it", "extra")


class TestAugmentor:
    def test_operations_of_a_pipeline_act_in_order_with_their_probability(self):
        class Pipeline:
            class Invert:
                probability = 0.5

                def perform_operation(self, images):
                    return [ImageOps.invert(image) for image in images]

            operations = (Invert(),)

        op, images = FromAugmentor(Pipeline()), torch.zeros(400, 1, 2, 2)
        result = op.apply(images, op.sample(400, generator()))
        assert result.amax((1, 2, 3)).mean() == pytest.approx(0.5, abs=0.08)

    def test_images_of_two_channels_are_refused(self):
        with pytest.raises(InputError, match="2 channels"):
            FromAugmentor(ImageOps.invert).apply(pictures(c=2), {"seed": torch.arange(6)})

    def test_takes_a_pipeline_of_the_library(self, tmp_path):
        augmentor = peer("Augmentor")
        Image.new("RGB", (10, 12)).save(tmp_path / "one.png")
        pipeline = augmentor.Pipeline(str(tmp_path))
        pipeline.rotate_without_crop(probability=1, max_left_rotation=20, max_right_rotation=20)
        pipeline.flip_left_right(probability=0.5)
        op = FromAugmentor(pipeline)
        params = op.sample(6, generator())
        result = op.apply(pictures(), params)
        assert result.equal(op.apply(pictures(), params))
        assert ((result - pictures()).abs().amax((1, 2, 3)) > 0.1).all()


class TestToTorchvision:
    def test_gives_back_what_it_got(self):
        transform = ToTorchvision(Flip(p=1))
        image = pictures(1)[0]
        assert transform(image).equal(image.flip(-1))
        levels = (image * 255).to(torch.uint8)
        assert transform(levels).equal(levels.flip(-1))
        assert transform(pictures()).equal(pictures().flip(-1))
        pil = Image.fromarray(levels.permute(1, 2, 0).numpy())
        assert (np.asarray(transform(pil)) == np.asarray(pil)[:, ::-1]).all()
        gray = pil.convert("L")
        assert transform(gray).mode == "L"

    def test_hands_labels_on(self):
        image, label = ToTorchvision(Flip(p=1))(pictures(1)[0], 7)
        assert (label, image.shape) == (7, (3, 12, 10))

    def test_draws_from_the_global_stream_of_torch(self):
        transform, image = ToTorchvision(Noise()), pictures(1)[0]
        torch.manual_seed(0)
        first, second = transform(image), transform(image)
        torch.manual_seed(0)
        assert transform(image).equal(first)
        assert not second.equal(first)

    def test_stands_among_other_modules(self):
        both = nn.Sequential(ToTorchvision(Flip(p=1)), nn.AvgPool2d(2))
        assert both(pictures()).shape == (6, 3, 6, 5)
        assert "Flip(p=1)" in repr(both)

    @pytest.mark.parametrize("wrong", ["a.png", torch.zeros(3), np.zeros((4, 4, 3)), Image.new("P", (2, 2))])
    def test_anything_else_is_refused(self, wrong):
        with pytest.raises(InputError, match="ToTorchvision: "):
            ToTorchvision(Flip())(wrong)

    def test_takes_and_joins_transforms_of_the_library(self):
        peer("torchvision")
        v2 = import_module("torchvision.transforms.v2")
        op = FromTorchvision(v2.Compose([v2.RandomHorizontalFlip(), v2.ColorJitter(0.5)]))
        params = op.sample(6, generator())
        assert op.apply(pictures(), params).equal(op.apply(pictures(), params))
        assert v2.Compose([v2.RandomHorizontalFlip(1.0), ToTorchvision(Flip(p=1))])(pictures()).equal(pictures())


class TestKornia:
    def test_takes_an_augmentation_of_the_library(self):
        kornia = peer("kornia")
        op = FromKornia(kornia.augmentation.RandomAffine(30.0, p=1.0))
        params = op.sample(6, generator())
        result = op.apply(pictures(), params)
        assert result.equal(op.apply(pictures(), params))
        assert len(result.flatten(1).unique(dim=0)) == 6


class TestAlbumentations:
    def test_takes_transforms_of_the_library(self):
        albumentations = peer("albumentations")
        inner = albumentations.Compose([albumentations.HorizontalFlip(), albumentations.RandomBrightnessContrast(p=1)])
        for transform in (inner, albumentations.RandomGamma(p=1), albumentations.Rotate(p=1)):
            for channels in (1, 3):
                op = FromAlbumentations(transform)
                params = op.sample(6, generator())
                images = pictures(c=channels)
                result = op.apply(images, params)
                assert result.equal(op.apply(images, params))
                assert len(result.flatten(1).unique(dim=0)) == 6

    def image(self) -> np.ndarray:
        image = np.zeros((40, 60, 3), np.uint8)
        image[10:20, 30:50] = 200
        return image

    def test_joins_the_transforms_of_the_library(self):
        albumentations = peer("albumentations")
        image = self.image()
        transform = albumentations.Compose(
            [albumentations.HorizontalFlip(p=1), to_albumentations(Flip(p=1))], seed=3, strict=True
        )
        assert (transform(image=image)["image"] == image).all()
        gray = transform(image=image[..., 0])["image"]
        assert (gray == image[..., 0]).all()
        floats = transform(image=image.astype(np.float32) / 255)["image"]
        assert floats.dtype == np.float32

    def test_masks_boxes_and_keypoints_follow(self):
        albumentations = peer("albumentations")
        transform = albumentations.Compose(
            [to_albumentations(Affine(degrees=10, shift=0.05))],
            bbox_params=albumentations.BboxParams("pascal_voc", label_fields=["labels"]),
            keypoint_params=albumentations.KeypointParams("xy"),
            seed=4,
        )
        image = self.image()
        moved = transform(
            image=image,
            mask=(image[..., 0] > 0).astype(np.uint8),
            bboxes=[(30, 10, 50, 20)],
            labels=["thing"],
            keypoints=[(39.5, 14.5)],
        )
        bright = moved["image"][..., 0] > 100
        assert bright.any()
        assert not (moved["image"] == image).all()
        assert (bright == (moved["mask"] > 0)).mean() > 0.98
        rows, columns = bright.any(1).nonzero()[0], bright.any(0).nonzero()[0]
        assert np.abs(np.array(moved["bboxes"][0]) - [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).max() < 2
        y, x = np.nonzero(bright)
        assert np.abs(np.array(moved["keypoints"][0]) - [x.mean(), y.mean()]).max() < 0.5

    def test_draws_follow_the_seed_of_the_composition(self):
        albumentations = peer("albumentations")
        results = []
        for seed in (1, 1, 2):
            transform = albumentations.Compose([to_albumentations(Noise(0.5))], seed=seed)
            results.append([transform(image=self.image())["image"] for _ in range(2)])
        assert (results[0][0] == results[1][0]).all()
        assert (results[0][1] == results[1][1]).all()
        assert not (results[0][0] == results[0][1]).all()
        assert not (results[0][0] == results[2][0]).all()

    def test_survives_pickling_with_its_stream(self):
        albumentations = peer("albumentations")
        transform = albumentations.Compose([to_albumentations(Noise(0.5))], seed=1)
        again = pickle.loads(pickle.dumps(transform))
        assert (transform(image=self.image())["image"] == again(image=self.image())["image"]).all()

    def test_acts_with_its_probability(self):
        albumentations = peer("albumentations")
        transform = albumentations.Compose([to_albumentations(Flip(p=1), p=0.3)], seed=0)
        flipped = [(transform(image=self.image())["image"] != self.image()).any() for _ in range(300)]
        assert np.mean(flipped) == pytest.approx(0.3, abs=0.08)
