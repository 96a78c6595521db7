"""New letters arranged of two letters."""

import pytest
import torch

from manyshot.augment.task import Composites
from manyshot.tasks import Episode, Examples


def side(items: torch.Tensor, ways: int, each: int) -> Examples:
    labels = torch.eye(ways).repeat_interleave(each, 0).expand(len(items), -1, -1)
    return Examples(items, labels, torch.ones(labels.shape[:2]), torch.ones(len(items), ways, dtype=torch.bool))


def episode(dtype: torch.dtype = torch.float32) -> Episode:
    """Three classes of filled boxes; the items of a class are equal, in the support and the query."""
    boxes = torch.zeros(3, 1, 24, 24)
    for number, box in enumerate(boxes):
        box[:, 4 + 3 * number : 20, 6 : 18 - 3 * number] = 1
    items = boxes if dtype == torch.float32 else (255 * boxes).to(dtype)
    support = side(items.expand(2, -1, -1, -1, -1), 3, 1)
    query = side(items.repeat_interleave(2, 0).expand(2, -1, -1, -1, -1), 3, 2)
    return Episode(support, query, torch.arange(3).expand(2, 3))


def test_support_and_query_share_the_arrangement_and_classes_differ() -> None:
    op = Composites("arranged", count=3)
    generated = op.apply(episode(), op.sample(2, 3, torch.Generator().manual_seed(1)))
    new_support = generated.support.items[:, 3:]
    new_query = generated.query.items[:, 6:].unflatten(1, (3, 2))
    torch.testing.assert_close(new_query, new_support[:, :, None].expand_as(new_query))
    assert (new_support[0, 0] - new_support[0, 1]).abs().max() > 0.5
    assert (new_support[0] - new_support[1]).abs().flatten(1).amax(1).min() > 0.5


def test_the_first_part_of_each_arrangement_is_seen_through_its_map() -> None:
    op = Composites("arranged", count=2)
    params = op.sample(2, 3, torch.Generator().manual_seed(0))
    identity = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    away = torch.tensor([[1.0, 0.0, 9.0], [0.0, 1.0, 9.0]])
    params["maps"] = torch.stack([identity, away]).expand(2, 2, 2, 2, 3).clone()
    plain = episode()
    generated = op.apply(plain, params)
    first = params["rank"].argsort(1)[:, :2]
    expected = torch.stack([plain.support.items[task, ways] for task, ways in enumerate(first)])
    torch.testing.assert_close(generated.support.items[:, 3:], expected)


@pytest.mark.parametrize("seed", range(3))
def test_both_parts_stay_visible(seed: int) -> None:
    """No part is tiny, larger than the frame, or far from its middle."""
    op = Composites("arranged", count=3)
    params = op.sample(50, 3, torch.Generator().manual_seed(seed))
    maps = params["maps"].flatten(0, 2)
    area = 1 / (maps[:, 0, 0] * maps[:, 1, 1])
    assert area.min() > 0.08
    assert area.max() <= 1
    middle = maps[..., 2] / torch.stack([maps[:, 0, 0], maps[:, 1, 1]], -1)
    assert middle.abs().max() <= 0.5


def test_bytes_are_floats_rounded() -> None:
    op = Composites("arranged", count=2)
    params = op.sample(2, 3, torch.Generator().manual_seed(3))
    floats, levels = op.apply(episode(), params), op.apply(episode(torch.uint8), params)
    assert levels.support.items.dtype == torch.uint8
    torch.testing.assert_close(levels.support.items.float(), 255 * floats.support.items, atol=0.501, rtol=0)
