"""The word `learned` of a plan, and the augmenter that it stands for."""

from dataclasses import dataclass

import pytest
import torch

from manyshot.augment import Augmenter, Plan
from manyshot.augment.image import Noise
from manyshot.augment.ops.variants import variants
from manyshot.base import InputError
from manyshot.tasks import Episode, Examples


def episode_of(tasks: int = 3, ways: int = 4, shots: int = 2) -> Episode:
    """Tasks of random uint8 pictures; the last support item of each task is padding."""
    pixels = torch.Generator().manual_seed(9)

    def side() -> Examples:
        return Examples(
            items=torch.randint(256, (tasks, ways * shots, 1, 16, 16), dtype=torch.uint8, generator=pixels),
            labels=torch.eye(ways).repeat_interleave(shots, 0).expand(tasks, -1, -1),
            weight=torch.ones(tasks, ways * shots),
            class_mask=torch.ones(tasks, ways, dtype=torch.bool),
        )

    episode = Episode(side(), side(), torch.arange(tasks * ways).view(tasks, ways))
    episode.support.weight[:, -1] = 0
    return episode


@dataclass(frozen=True)
class Grainy:
    """Makes noisy copies of half the weight."""

    space = "items"

    def make(self, support: Examples, copies: int, generator: torch.Generator) -> Examples:
        return variants(support, Noise(), copies, generator, weight=0.5)


def applied(text: str, episode: Episode, seed: int = 0) -> Episode:
    return Plan(text).with_augmenter(Grainy()).apply(episode, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "text", ["shots: learned", "shots: 8 x learned", "task: turn; shots: 3 x learned weight 0.5; query: 2 x affine"]
)
def test_the_word_is_read_and_written_back(text):
    plan = Plan(text)
    assert str(plan) == text
    assert plan.needs_augmenter
    assert not Plan("shots: 8 x affine").needs_augmenter


def test_two_plans_of_one_text_are_equal_whatever_the_augmenter():
    plan = Plan("shots: 8 x learned")
    assert plan.with_augmenter(Grainy()) == plan
    assert hash(plan.with_augmenter(Grainy())) == hash(plan)
    assert isinstance(Grainy(), Augmenter)


def test_generated_shots_stand_behind_the_support_with_their_origins():
    episode = episode_of()
    changed = applied("shots: 3 x learned", episode)
    n = episode.support.weight.shape[1]
    assert changed.support.items.shape[1] == 4 * n
    assert torch.equal(changed.support.items[:, :n], episode.support.items / 255)
    assert changed.support.origin[0].tolist() == [-1] * n + [i for i in range(n) for _ in range(3)]
    assert torch.equal(changed.query.items, episode.query.items / 255)


def test_the_plans_weight_multiplies_the_augmenters_and_padding_stays_padding():
    episode = episode_of()
    n = episode.support.weight.shape[1]
    generated = applied("shots: 2 x learned weight 0.5", episode).support.weight[:, n:]
    assert generated[:, :-2].unique().tolist() == [0.25]
    assert generated[:, -2:].unique().tolist() == [0.0]


def test_the_augmenter_sees_the_support_as_the_plan_has_changed_it():
    seen = []

    class Curious(Grainy):
        def make(self, support, copies, generator):
            seen.append(support.items)
            return super().make(support, copies, generator)

    episode = episode_of()
    plan = Plan("support: flip(1); shots: learned").with_augmenter(Curious())
    plan.apply(episode, torch.Generator().manual_seed(0))
    assert torch.allclose(seen[0], episode.support.items.flip(-1) / 255, atol=1e-6)
    assert seen[0].is_floating_point()


def test_the_draws_follow_from_the_generator_and_leave_other_placements_alone():
    episode = episode_of()
    once, again, other = (applied("shots: 2 x learned", episode, seed).support.items for seed in (0, 0, 1))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    query = Plan("query: affine").apply(episode, torch.Generator().manual_seed(0)).query.items
    assert torch.equal(query, applied("query: affine; shots: learned", episode).query.items)


def test_vectors_are_as_good_as_pictures():
    class Doubling:
        space = "features"

        def make(self, support, copies, generator):
            return Examples(
                2 * support.items.repeat_interleave(copies, 1),
                support.labels.repeat_interleave(copies, 1),
                support.weight.repeat_interleave(copies, 1),
                support.class_mask,
            )

    def side(n: int) -> Examples:
        labels = torch.eye(2).repeat_interleave(n // 2, 0).expand(3, -1, -1)
        return Examples(torch.rand(3, n, 5), labels, torch.ones(3, n), torch.ones(3, 2, dtype=torch.bool))

    episode = Episode(side(2), side(4), torch.arange(6).view(3, 2))
    plan = Plan("shots: 2 x learned").with_augmenter(Doubling())
    changed = plan.apply(episode, torch.Generator())
    assert torch.equal(changed.support.items[:, 2:4], 2 * episode.support.items[:, :1].expand(-1, 2, -1))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("support: learned", ["'learned' (character 10)", "'shots:' clause"]),
        ("task: learned", ["'learned' (character 7)", "'shots:' clause"]),
        ("query+shots: learned", ["'learned' (character 14)", "of its own"]),
        ("shots: 2 x learned affine", ["'learned' (character 12)", "'shots: 8 x learned'"]),
        ("shots: affine learned", ["'learned' (character 15)", "the word alone"]),
        ("shots: learned(3)", ["'learned(3)' (character 8)", "the word alone"]),
        ("shots: learned(p=0.5)", ["'learned(p=0.5)'", "the word alone"]),
        ("shots: oneof(learned)", ["'learned' (character 14)", "unknown op"]),
        ("learned", ["'learned' alone", "'shots: 8 x learned'"]),
    ],
)
def test_elsewhere_the_word_is_refused(text, parts):
    with pytest.raises(InputError) as caught:
        Plan(text)
    assert len(str(caught.value).splitlines()) == 1
    for part in parts:
        assert part in str(caught.value)


def test_a_plan_without_its_augmenter_says_how_to_name_one():
    with pytest.raises(InputError, match="--augmenter RUN"):
        Plan("shots: 8 x learned").apply(episode_of(), torch.Generator())


def test_an_augmenter_without_the_word_is_refused():
    with pytest.raises(InputError, match="'shots: 8 x affine' has no use for an augmenter"):
        Plan("shots: 8 x affine").with_augmenter(Grainy())


def test_no_item_alone_can_be_made_of_an_augmenters_plan():
    with pytest.raises(InputError, match="whole support set"):
        Plan("shots: 8 x learned").item_op()
