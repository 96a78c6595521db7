"""Classify each task by the statistics of its own items."""

import pytest
import torch
from torch import nn

from manyshot.base import InputError
from manyshot.learners import (
    MAML,
    Ensemble,
    Prototypes,
    transductive,
)
from manyshot.nets import Conv4
from manyshot.tasks import EpisodeSampler, Examples, Source
from manyshot.training import evaluate, evaluate_tasks
from small_feature_learners import KINDS, feature_learner


def support(tasks: int = 2) -> Examples:
    labels = torch.eye(3).double()[torch.arange(6) % 3].expand(tasks, 6, 3)
    return Examples(images(tasks, 6), labels, torch.ones(tasks, 6).double(), torch.ones(tasks, 3, dtype=torch.bool))


def images(tasks: int, n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(tasks, n, 1, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
class TestOnBatchNormalization:
    def test_the_answer_to_a_query_changes_with_another_query_only_where_it_is_asked_for(self, kind):
        queries, others = images(2, 5, seed=1), images(2, 5, seed=1)
        others[:, 4] = images(2, 1, seed=2)[:, 0]
        as_it_comes, switched = feature_learner(kind).eval(), transductive(feature_learner(kind).eval())
        for built, changes in ((as_it_comes, False), (switched, True)):
            classify = built.adapt(support())
            gap = (classify(queries)[:, :4] - classify(others)[:, :4]).abs().max()
            assert bool(gap > 1e-6) is changes
            assert built.transductive is changes

    def test_tasks_do_not_see_each_other(self, kind):
        built, queries = transductive(feature_learner(kind).eval()), images(2, 5, seed=1)
        together = built.adapt(support())(queries)
        alone = [built.adapt(support()[t : t + 1])(queries[t : t + 1]) for t in range(2)]
        assert torch.allclose(together, torch.cat(alone), atol=1e-12)

    def test_an_item_of_no_weight_is_not_seen(self, kind):
        built, queries = transductive(feature_learner(kind).eval()), images(2, 5, seed=1)
        weight = torch.tensor([[1.0, 1, 1, 1, 0]]).expand(2, -1).double()
        result = built.adapt(support())(queries, weight)[:, :4]
        assert torch.allclose(result, built.adapt(support())(queries[:, :4]), atol=1e-12)

    def test_running_averages_and_modes_stay_as_they_are(self, kind):
        inner = feature_learner(kind).eval()
        before = {name: tensor.clone() for name, tensor in inner.state_dict().items()}
        transductive(inner).adapt(support())(images(2, 5, seed=1))
        assert all(tensor.equal(before[name]) for name, tensor in inner.state_dict().items())
        assert not any(part.training for part in inner.modules())
        assert all(part.track_running_stats for part in inner.modules() if isinstance(part, nn.BatchNorm2d))
        assert not inner.transductive


def test_features_are_those_that_support_and_query_normalized_apart_give():
    inner = feature_learner("prototypes").eval()
    queries = images(2, 5, seed=1)
    result = transductive(inner).adapt(support())(queries)
    inner.train()
    for t in range(2):
        shown, asked = inner.encoder(support().items[t]), inner.encoder(queries[t])
        centers = torch.stack([shown[c::3].mean(0) for c in range(3)])
        assert torch.allclose(result[t], -torch.cdist(asked, centers).square(), atol=1e-9)


def test_statistics_are_those_of_all_queries_of_a_task_however_many():
    built, queries = transductive(feature_learner("prototypes").eval()), images(1, 400, seed=1)
    with torch.no_grad():
        result = built.adapt(support(1))(queries)[0, :300]
        fewer = built.adapt(support(1))(queries[:, :300])[0]
    assert not torch.allclose(result, fewer, atol=1e-6)


def test_support_statistics_become_those_of_the_query_with_the_same_weights():
    torch.manual_seed(0)
    by_support, by_query = (
        MAML(nn.Sequential(Conv4(1, 8, (6, 6), norm), nn.Linear(24, 3)).double(), 3) for norm in ("support", "query")
    )
    by_query.load_state_dict(by_support.state_dict())
    switched, queries = transductive(by_support), images(2, 5, seed=1)
    assert torch.equal(switched.adapt(support())(queries), by_query.adapt(support())(queries))
    assert not torch.allclose(by_support.adapt(support())(queries), by_query.adapt(support())(queries), atol=1e-6)
    assert not by_support.transductive
    assert transductive(by_query) is by_query


def test_the_members_of_an_ensemble_are_switched():
    one, other = feature_learner("prototypes").eval(), feature_learner("ridge").eval()
    result = transductive(Ensemble([one, other])).adapt(support())(images(2, 5, seed=1))
    expected = Ensemble([transductive(one), transductive(other)]).adapt(support())(images(2, 5, seed=1))
    assert torch.equal(result, expected)


@pytest.mark.parametrize(
    "made",
    [
        lambda: Prototypes(nn.Flatten()),
        lambda: feature_learner("ridge", "group").eval(),
        lambda: MAML(nn.Sequential(Conv4(1, 8, (6, 6), "group"), nn.Linear(24, 3)), 3),
    ],
)
def test_where_each_item_is_normalized_alone_there_is_nothing_to_switch(made):
    with pytest.raises(InputError, match="there is nothing to switch") as caught:
        transductive(made())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("switched", [False, True])
def test_evaluations_name_it_and_do_not_encode_items_apart_from_their_task(switched):
    learner = feature_learner("prototypes").eval().float()
    learner = transductive(learner) if switched else learner
    pixels = torch.rand(30, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    sampler = EpisodeSampler(Source.of(pixels, [f"class {i % 3}" for i in range(30)]), 3, 1, 5)
    result = evaluate_tasks(learner, sampler, 40)
    assert result.transductive is result.as_dict()["transductive"] is switched
    assert (result.accuracy == evaluate(learner, sampler.batches(40)).accuracy).all()
