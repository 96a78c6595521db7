"""Our pipeline in a DataLoader: the same pixels for the same seed, whoever computes them."""

import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from manyshot.augment import Compose
from manyshot.augment.adapters.loader import Collate, EpochSampler, make_loader
from manyshot.augment.adapters.torchvision import ToTorchvision
from manyshot.augment.image import Affine, Flip, Noise
from manyshot.augment.mix import CutMix
from manyshot.base import InputError

# Python 3.12 warns of forks in processes with threads; torch's loader forks by default.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]
OP = Compose((Affine(), Noise(0.5)))


class Same(Dataset):
    """The same image under every number: all differences are those of the draws."""

    def __init__(self, count: int = 16) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        return torch.full((1, 8, 8), 128, dtype=torch.uint8), place % 4


def epochs(count: int = 2, **options) -> list[torch.Tensor]:
    """All images of each epoch."""
    batches = make_loader(Same(), OP, 4, **options)
    return [torch.cat([images for images, _ in batches]) for _ in range(count)]


def test_the_same_seed_gives_the_same_pixels_with_no_worker_with_four_and_with_workers_that_stay():
    alone = epochs(seed=5)
    for options in ({"num_workers": 4}, {"num_workers": 4, "persistent_workers": True}, {"num_workers": 1}):
        for ours, theirs in zip(alone, epochs(seed=5, **options), strict=True):
            assert ours.equal(theirs)


def test_another_seed_gives_other_pixels():
    assert not epochs(1, seed=5)[0].equal(epochs(1, seed=6)[0])


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}])
def test_epochs_draw_afresh(options):
    first, second = epochs(shuffle=False, **options)
    assert not first.equal(second)


def test_workers_draw_differently_from_each_other():
    # In other libraries workers that copy one generator make the same pixels: here no two images are alike.
    (images,) = epochs(1, num_workers=4)
    assert len(images.flatten(1).unique(dim=0)) == 16


def test_global_streams_play_no_part():
    torch.manual_seed(1)
    first = epochs(1)[0]
    torch.manual_seed(2)
    assert first.equal(epochs(1)[0])


def test_a_run_can_go_on_at_any_epoch():
    batches = make_loader(Same(), OP, 4, seed=3)
    batches.sampler.epoch = 1
    assert torch.cat([images for images, _ in batches]).equal(epochs(2, seed=3)[1])


def test_every_item_comes_once_an_epoch_in_an_order_of_its_own():
    addresses = EpochSampler(20)
    first, second = list(addresses), list(addresses)
    assert sorted(index for _, index in first) == sorted(index for _, index in second) == list(range(20))
    assert [index for _, index in first] != [index for _, index in second]
    assert {epoch for epoch, _ in second} == {1}


def test_mixes_make_soft_labels():
    batches = make_loader(Same(), Flip(), 8, mix=CutMix(), classes=4, shuffle=False)
    for _, labels in batches:
        assert labels.shape == (8, 4)
        assert torch.allclose(labels.sum(1), torch.ones(8))
        assert (labels.amax(1) < 1).any()


def test_labels_stay_whole_numbers_without_classes():
    (_, labels), *_ = make_loader(Same(), Flip(), 8, shuffle=False)
    assert labels.tolist() == [0, 1, 2, 3] * 2


def test_pillow_images_and_float_tensors_are_taken():
    samples = [(Image.new("RGB", (8, 8), (255, 0, 0)), 0), (torch.ones(3, 8, 8), 1)]
    images, labels = Collate(Flip())(samples)
    assert images.shape == (2, 3, 8, 8)
    assert images[0].amax((1, 2)).tolist() == [1.0, 0.0, 0.0]
    assert labels.tolist() == [0, 1]


def test_the_collate_function_serves_a_plain_loader_too():
    def run(workers: int) -> list[torch.Tensor]:
        torch.manual_seed(0)
        batches = DataLoader(Same(), batch_size=4, collate_fn=Collate(OP), num_workers=workers)
        return [torch.cat([images for images, _ in batches]) for _ in range(2)]

    for workers in (0, 2):
        first, second = run(workers)
        assert len(first.flatten(1).unique(dim=0)) == 16
        assert not first.equal(second)
        assert first.equal(run(workers)[0])


class Transformed(Same):
    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        image, label = super().__getitem__(place)
        return ToTorchvision(OP)(image), label


@pytest.mark.parametrize("workers", [0, 3])
def test_a_transform_inside_a_data_set_draws_afresh_for_every_item_worker_and_epoch(workers):
    torch.manual_seed(0)
    batches = DataLoader(Transformed(), batch_size=4, num_workers=workers)
    images = torch.cat([images for _ in range(2) for images, _ in batches])
    assert len(images.flatten(1).unique(dim=0)) == 32


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([torch.zeros(1, 8, 8)], "give samples \\(image, label\\)"),
        ([("a.png", 1)], "str is neither a Pillow image"),
        ([(torch.zeros(8, 8), 1)], "nor a tensor \\[c, h, w\\]"),
        ([(torch.zeros(1, 8, 8), 1), (torch.zeros(1, 9, 8), 1)], "several sizes"),
    ],
)
def test_wrong_samples_are_refused(samples, message):
    with pytest.raises(InputError, match=message):
        Collate(Flip())(samples)


def test_a_mix_without_classes_is_refused():
    with pytest.raises(InputError, match="give the number of classes"):
        Collate(Flip(), mix=CutMix())
