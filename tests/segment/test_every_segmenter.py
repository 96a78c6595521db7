"""What every learner of segmentation promises. A new one joins by one row."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.segment.dice import dice
from manyshot.segment.masked_source import Label
from manyshot.segment.pixel_prototypes import PixelPrototypes, prototypes, similarity, task_loss
from manyshot.segment.registry import SEGMENTERS
from manyshot.segment.segmenter import Segmenter, Support, support_of
from manyshot.segment.unet import SegmentationNet
from manyshot.segment.unet_segmenter import SegmentationUNet, label_frequencies

SMALL: dict[str, Callable[[], Segmenter]] = {
    "segmentation-unet": lambda: SegmentationUNet(width=8, levels=2, steps=40, batch=2, rate=1e-2),
    "pixel-prototypes": lambda: PixelPrototypes(features=8, width=8, levels=2, steps=25, batch=2, rate=1e-2),
}
EVERY = pytest.mark.parametrize("make", SMALL.values(), ids=SMALL)
LABELS = (Label("dark", (4,)), Label("bright", (9,)))


def blobs(n: int, size: tuple[int, ...], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Items with a dark and a bright box on gray, and their masks."""
    random = torch.Generator().manual_seed(seed)
    items = 0.5 + 0.03 * torch.randn(n, 1, *size, generator=random)
    masks = torch.zeros(n, *size, dtype=torch.uint8)
    for row in range(n):
        for value, color, half in ((4, 0.1, 0), (9, 0.9, 1)):
            place = [slice(0, 0)] * len(size)
            for axis, side in enumerate(size):
                low = int(torch.randint(side // 2 - 3, (), generator=random)) + (half * side // 2 if axis == 0 else 0)
                place[axis] = slice(low, low + 4)
            items[(row, 0, *place)] = color
            masks[(row, *place)] = value
    return items.clamp(0, 1), masks


def support(size: tuple[int, ...] = (16, 16), plan: str = "none") -> Support:
    return support_of(*blobs(2, size, 0), LABELS, Plan(plan), torch.Generator().manual_seed(0))


def test_every_learner_of_the_registry_is_tested():
    assert set(SEGMENTERS) == set(SMALL)


@EVERY
class TestEverySegmenter:
    @pytest.mark.parametrize("size", [(16, 16), (13, 18), (12, 8, 10)])
    def test_finds_boxes_that_it_can_tell_by_color_in_images_and_volumes(self, make, size):
        segment = make().adapt(support(size), torch.Generator().manual_seed(0))
        items, masks = blobs(4, size, 1)
        predicted = segment(items)
        assert predicted.shape == (4, 3, *size)
        assert torch.allclose(predicted.sum(1), torch.ones(4, *size), atol=1e-4)
        true = torch.where(masks == 4, 1, torch.where(masks == 9, 2, 0))
        assert dice(predicted.argmax(1), true, [1, 2]).mean() > 0.8

    def test_gives_the_same_from_the_same_seed_whatever_torch_was_seeded_with(self, make):
        results = []
        for global_seed in (1, 2):
            torch.manual_seed(global_seed)
            segment = make().adapt(support(), torch.Generator().manual_seed(5))
            results.append(segment(blobs(2, (16, 16), 1)[0]))
        assert results[0].equal(results[1])

    def test_an_item_does_not_depend_on_those_beside_it(self, make):
        segment = make().adapt(support(), torch.Generator().manual_seed(0))
        items, _ = blobs(3, (16, 16), 1)
        assert torch.allclose(segment(items)[1:2], segment(items[1:2]), atol=1e-5)

    def test_learns_with_augmentation(self, make):
        segment = make().adapt(support(plan="support: flip affine(10)"), torch.Generator().manual_seed(0))
        assert segment(blobs(1, (16, 16), 1)[0]).isfinite().all()


class TestLabelFrequencies:
    def test_an_untrained_network_says_labels_as_often_as_they_are(self):
        frequencies = label_frequencies(torch.tensor([[[0] * 40 + [2] * 5]]), 3)
        assert frequencies.tolist() == pytest.approx([41 / 48, 1 / 48, 6 / 48])
        net = SegmentationNet(2, 1, 3, width=4, levels=2)
        net.set_prior(frequencies)
        torch.nn.init.zeros_(net.last.weight)
        assert net(torch.rand(1, 1, 8, 8)).softmax(1).mean((0, 2, 3)).tolist() == pytest.approx(frequencies.tolist())

    def test_with_a_prior_a_short_training_finds_the_labels(self):
        items, masks = blobs(4, (24, 24), 1)
        true = torch.where(masks == 4, 1, torch.where(masks == 9, 2, 0))

        def mean_dice(prior: bool) -> float:
            learner = SegmentationUNet(width=8, levels=2, steps=20, batch=2, rate=1e-2, prior=prior)
            found = [learner.adapt(support((24, 24)), torch.Generator().manual_seed(seed))(items) for seed in range(8)]
            return float(np.mean([dice(one.argmax(1), true, [1, 2]) for one in found]))

        assert mean_dice(True) > 0.9 > 0.8 > mean_dice(False)


def test_prototypes_are_means_over_pixels_and_then_over_the_items_that_show_the_label():
    random = torch.Generator().manual_seed(0)
    features = torch.randn(3, 5, 4, 6, generator=random, dtype=torch.float64)
    members = torch.zeros(3, 2, 4, 6, dtype=torch.float64)
    members[0, 0, :2] = members[1, 0, 1, 1] = members[2, 1] = 1
    found, present = prototypes(features, members)
    means = [features[0, :, :2].mean((1, 2)), features[1, :, 1, 1]]
    assert torch.allclose(found[0], (means[0] + means[1]) / 2)
    assert torch.allclose(found[1], features[2].mean((1, 2)))
    assert present.tolist() == [True, True]


def test_logits_are_twenty_times_the_cosine_and_a_label_that_is_not_shown_is_never_chosen():
    random = torch.Generator().manual_seed(0)
    features, found = torch.randn(1, 5, 2, 3, generator=random), torch.randn(3, 5, generator=random)
    logits = similarity(features, found, torch.tensor([True, True, False]))
    for i in range(2):
        for j in range(3):
            cosine = F.cosine_similarity(features[0, :, i, j], found[1], dim=0)
            assert logits[0, 1, i, j] == pytest.approx(20 * float(cosine), abs=1e-4)
    assert logits[:, 2].max() < -1000


def test_alignment_adds_the_loss_of_the_support_by_prototypes_of_the_predicted_query():
    random = torch.Generator().manual_seed(0)
    support_maps, query_maps = torch.randn(2, 1, 4, 3, 3, generator=random, dtype=torch.float64)
    labels = torch.randint(2, (2, 1, 3, 3), generator=random)
    one_hot = [F.one_hot(one, 2).movedim(-1, 1).double() for one in labels]
    loss = task_loss(support_maps, one_hot[0], query_maps, one_hot[1], align=0.5)

    def entropy(maps, found, true):
        logits = torch.stack([20 * F.cosine_similarity(maps, p[None, :, None, None], dim=1) for p in found], 1)
        return F.cross_entropy(logits, true), logits

    first = [support_maps[0][:, labels[0][0] == k].mean(1) for k in range(2)]
    forward, logits = entropy(query_maps, first, labels[1])
    predicted = logits.argmax(1)
    second = [query_maps[0][:, predicted[0] == k].mean(1) for k in range(2)]
    back, _ = entropy(support_maps, second, labels[0])
    assert float(loss) == pytest.approx(float(forward + 0.5 * back), rel=1e-6)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"levels": 1}, {"steps": -1}, {"rate": 0.0}])
def test_wrong_options_are_refused(wrong):
    for kind in (SegmentationUNet, PixelPrototypes):
        with pytest.raises(InputError):
            kind(**wrong)
