from dataclasses import replace

import pytest
import torch

from manyshot.augment.image import Flip, Invert, Turn
from manyshot.augment.task.shared_draws import apply_shared, class_rows, sample_shared
from manyshot.base import InputError
from manyshot.tasks import Episode, Examples
from shift_op import Shift


def episode_of(tasks: int, ways: int, shots: int = 2, queries: int = 3) -> Episode:
    def side(each: int) -> Examples:
        return Examples(
            items=torch.zeros(tasks, ways * each, 1, 4, 4),
            labels=torch.eye(ways).repeat_interleave(each, 0).expand(tasks, -1, -1),
            weight=torch.ones(tasks, ways * each),
            class_mask=torch.ones(tasks, ways, dtype=torch.bool),
        )

    return Episode(side(shots), side(queries), torch.arange(tasks * ways).view(tasks, ways))


def draws(episode: Episode) -> tuple[torch.Tensor, torch.Tensor]:
    """What `Shift` added to each item: [T, ways, shots] and [T, ways, queries]."""
    ways = episode.classes.shape[1]
    return tuple(side.items.mean((2, 3, 4)).unflatten(1, (ways, -1)) for side in (episode.support, episode.query))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_class_has_the_same_draw_in_support_and_query_and_another_than_other_classes():
    params = sample_shared(Shift(), "class", tasks=4, ways=3, generator=generator())
    support, query = draws(apply_shared(Shift(), episode_of(4, 3), params))
    assert torch.allclose(support, params["by"].view(4, 3, 1).expand_as(support))
    assert torch.allclose(query, params["by"].view(4, 3, 1).expand_as(query))
    assert len(params["by"].unique()) == 12


def test_a_draw_per_task_is_shared_by_its_classes_and_differs_between_tasks():
    params = sample_shared(Shift(), "task", tasks=4, ways=3, generator=generator())
    support, query = draws(apply_shared(Shift(), episode_of(4, 3), params))
    assert torch.allclose(support, support[:, :1, :1].expand_as(support))
    assert torch.allclose(query, support[:, :1, :1].expand_as(query))
    assert len(params["by"].unique()) == 4


def test_the_class_of_an_item_is_its_label_and_not_its_position():
    episode = episode_of(2, 3, shots=2)
    order = torch.tensor([5, 0, 3, 1, 4, 2])
    shuffled = replace(episode, support=replace(episode.support, labels=episode.support.labels[:, order]))
    params = sample_shared(Shift(), "class", tasks=2, ways=3, generator=generator())
    expected = apply_shared(Shift(), episode, params).support.items[:, order]
    assert torch.equal(apply_shared(Shift(), shuffled, params).support.items, expected)


@pytest.mark.parametrize(
    ("op", "forms"),
    [
        (Turn(), lambda item: [item.rot90(quarters, (1, 2)) for quarters in range(4)]),
        (Flip(), lambda item: [item, item.flip(2)]),
        (Invert(), lambda item: [item, 1 - item]),
    ],
    ids=["turned", "mirrored", "inverted"],
)
def test_new_classes_are_the_changed_pictures_of_all_their_items(op, forms):
    episode = episode_of(8, 4, shots=1, queries=2)
    support, query = torch.rand(8, 4, 1, 4, 4), torch.rand(8, 8, 1, 4, 4)
    episode = Episode(replace(episode.support, items=support), replace(episode.query, items=query), episode.classes)
    generated = apply_shared(op, episode, sample_shared(op, "class", tasks=8, ways=4, generator=generator(1)))

    def form(item: torch.Tensor, found: torch.Tensor) -> int:
        (which,) = (number for number, changed in enumerate(forms(item)) if torch.equal(changed, found))
        return which

    seen = set()
    for task in range(8):
        for way in range(4):
            which = form(support[task, way], generated.support.items[task, way])
            for item in (2 * way, 2 * way + 1):
                assert form(query[task, item], generated.query.items[task, item]) == which
            seen.add(which)
    assert seen == set(range(len(forms(support[0, 0]))))


def test_rows_count_classes_task_by_task():
    assert class_rows(episode_of(2, 3, shots=2).support).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_another_sharing_is_refused():
    with pytest.raises(InputError, match=r"per=clas: did you mean 'class'\?"):
        sample_shared(Shift(), "clas", tasks=2, ways=3, generator=generator())
