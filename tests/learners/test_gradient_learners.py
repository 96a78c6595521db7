"""What the common test does not see: regression, threads, parts, and how MAML++ changes while it trains."""

import threading
from dataclasses import replace

import pytest
import torch
from torch import nn

from manyshot.base import InputError
from manyshot.learners import ANIL, LEARNERS, MAML, MAMLPlusPlus, MetaSGD, Reptile
from manyshot.learners.chunked_grad import mean_with_chunked_grad
from manyshot.nets import Conv4
from manyshot.tasks import Episode, Examples, Sinusoids
from manyshot.training import evaluate

REGRESSION = {
    "maml": lambda net: MAML(net, 1, step_size=0.01, criterion="squared-error"),
    "anil": lambda net: ANIL(net, 1, step_size=0.01, steps=1, criterion="squared-error"),
    "meta-sgd": lambda net: MetaSGD(net, 1, step_size=0.01, criterion="squared-error"),
    "maml-plus-plus": lambda net: MAMLPlusPlus(net, 1, step_size=0.01, steps=2, criterion="squared-error"),
    "reptile": lambda net: Reptile(net, 1, step_size=0.01, criterion="squared-error"),
}


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh()), nn.Linear(20, 1))


def conv(norm: str = "group") -> nn.Sequential:
    torch.manual_seed(0)
    body = Conv4(1, 8, (4, 4), norm).double()
    return nn.Sequential(body, nn.Linear(body.features, 3).double())


def pictures(tasks: int = 5) -> Episode:
    generator = torch.Generator().manual_seed(1)

    def side(n: int) -> Examples:
        return Examples(
            torch.randn(tasks, n, 1, 8, 8, generator=generator, dtype=torch.float64),
            torch.eye(3, dtype=torch.float64)[torch.arange(n) % 3].expand(tasks, -1, -1),
            torch.ones(tasks, n, dtype=torch.float64),
            torch.ones(tasks, 3, dtype=torch.bool),
        )

    return Episode(side(3), side(6), torch.arange(3).expand(tasks, -1))


def slopes_of(learner: nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.grad.clone() for name, parameter in learner.named_parameters()}


class TestRegression:
    @pytest.mark.parametrize("make", REGRESSION.values(), ids=REGRESSION)
    def test_training_lowers_the_squared_error_after_adaptation(self, make):
        learner, waves = make(net()), Sinusoids()
        test = waves.batch(10_000, 50)

        def error() -> float:
            learner.eval()
            result = (learner.adapt(test.support)(test.query.items) - test.query.labels).square().mean()
            learner.train()
            return float(result.detach())

        before = error()
        optimizer = torch.optim.Adam(learner.parameters(), lr=3e-3)
        for step in range(60):
            optimizer.zero_grad()
            learner.loss(waves.batch(10 * step, 10)).backward()
            optimizer.step()
        assert error() < 0.95 * before

    def test_the_loss_is_the_mean_squared_error(self):
        learner, episode = REGRESSION["maml"](net()), Sinusoids().batch(0, 4)
        predictions = learner.adapt(episode.support)(episode.query.items)
        assert torch.allclose(learner.loss(episode), (predictions - episode.query.labels).square().mean())

    def test_targets_of_another_length_are_refused(self):
        with pytest.raises(InputError, match="tasks of 1 targets given to a model of 2"):
            MAML(nn.Linear(1, 2), 2, criterion="squared-error").loss(Sinusoids().batch(0, 2))


class TestParts:
    def test_the_number_of_threads_changes_no_bit(self):
        result = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            learner = MAML(conv(), 3, steps=2)
            learner.loss(pictures()).backward()
            result.append(slopes_of(learner))
            assert torch.get_num_threads() == threads
        assert all(result[0][name].equal(result[1][name]) for name in result[0])

    def test_parts_are_worked_on_side_by_side(self):
        meeting = threading.Barrier(2, timeout=20)
        slope = nn.Parameter(torch.ones(()))

        def losses(part: Episode) -> torch.Tensor:
            meeting.wait()  # would break if one part waited for the other to end
            return slope * part.query.weight.sum(1)

        tasks = pictures(2)
        mean = mean_with_chunked_grad(losses, [slope], tasks, size=1, threads=2)
        assert mean.item() == pytest.approx(tasks.query.weight.sum(1).mean().item())

    def test_tensors_of_the_episode_get_their_gradient(self):
        learner, episode = MAML(conv(), 3), pictures()
        result = []
        for loss in (learner.loss, lambda e: learner.query_losses(e).mean()):
            items, weight = (
                episode.support.items.clone().requires_grad_(),
                episode.support.weight.clone().requires_grad_(),
            )
            loss(replace(episode, support=replace(episode.support, items=items, weight=weight))).backward()
            result.append((items.grad, weight.grad))
        assert all(torch.allclose(a, b, atol=1e-13) for a, b in zip(*result, strict=True))
        assert all(grad.abs().sum() > 0 for grad in result[0])

    def test_an_error_in_a_thread_comes_out(self):
        torch.set_num_threads(2)
        episode = pictures()
        wide = replace(episode.support, items=torch.zeros(5, 3, 1, 9, 9, dtype=torch.float64))
        with pytest.raises(InputError, match=r"images of \(1, 9, 9\)"):
            MAML(conv(), 3).loss(replace(episode, support=wide))

    def test_no_gradient_is_computed_where_none_is_wanted(self):
        with torch.no_grad():
            assert not MAML(conv(), 3).loss(pictures()).requires_grad

    @pytest.mark.parametrize("wanted", [True, False])
    def test_parts_differentiate_only_where_a_gradient_is_wanted(self, wanted):
        slope, seen = nn.Parameter(torch.ones(())), []

        def losses(part):
            seen.append(torch.is_grad_enabled())
            return (slope * part.query.items).flatten(1).sum(1)

        with torch.set_grad_enabled(wanted):
            assert mean_with_chunked_grad(losses, [slope], pictures(2), size=1).requires_grad == wanted
        assert seen == [wanted, wanted]


class TestNormalization:
    @pytest.mark.parametrize(("norm", "leaks"), [("support", False), ("query", True)])
    def test_queries_see_each_other_only_where_it_is_asked_for(self, norm, leaks):
        learner, episode = MAML(conv(norm), 3), pictures()
        classify = learner.adapt(episode.support)
        alone, together = classify(episode.query.items[:, :1]), classify(episode.query.items)[:, :1]
        assert torch.allclose(alone, together, atol=1e-12) != leaks
        assert learner.transductive == leaks

    @pytest.mark.parametrize(("norm", "transductive"), [("support", False), ("query", True)])
    def test_results_name_it(self, norm, transductive):
        result = evaluate(MAML(conv(norm), 3), [pictures()])
        assert result.transductive is transductive
        assert result.as_dict()["transductive"] is transductive

    @pytest.mark.parametrize("name", ["maml", "anil", "meta-sgd", "maml-plus-plus", "reptile"])
    def test_options_say_which(self, name):
        built = {
            norm: LEARNERS.build(f"{name}(norm={norm})", encoder=lambda kind: Conv4(1, 8, (4, 4), kind), ways=3)
            for norm in ("group", "support", "query")
        }
        assert {norm: learner.transductive for norm, learner in built.items()} == {
            "group": False,
            "support": False,
            "query": True,
        }
        with pytest.raises(InputError, match="did you mean 'support'"):
            LEARNERS.parse(f"{name}(norm=suport)")


class TestMAMLPlusPlus:
    def test_the_loss_is_a_mean_over_steps_by_their_importance(self):
        learner, episode = MAMLPlusPlus(conv(), 3, steps=3, annealing=4), pictures()
        learner.on_step_end()  # a quarter of the way
        expected, shares = 0.0, [0.25, 0.25, 0.5]
        for steps, share in enumerate(shares, 1):
            fewer = MAMLPlusPlus(learner.model, 3, steps=steps, annealing=0).eval()
            fewer.rates = nn.ParameterList(rate[:steps] for rate in learner.rates)
            expected = expected + share * fewer.loss(episode)
        assert torch.allclose(learner.importance().double(), torch.tensor(shares).double())
        assert torch.allclose(learner.loss(episode), expected, atol=1e-12)

    def test_evaluation_weighs_no_step_before_the_last(self):
        learner, episode = MAMLPlusPlus(conv(), 3, steps=3).eval(), pictures()
        last = MAMLPlusPlus(learner.model, 3, steps=3, annealing=0)
        assert torch.allclose(learner.loss(episode), last.loss(episode), atol=1e-13)

    def test_inner_gradients_are_constants_at_first(self):
        learner, episode = MAMLPlusPlus(conv(), 3, steps=2, annealing=0, first_order=1), pictures()
        result = []
        for _ in range(2):
            learner.zero_grad()
            learner.loss(episode).backward()
            learner.on_step_end()
            result.append(slopes_of(learner))
        twin = MAML(learner.model, 3, step_size=0.1, steps=2, order=1)
        twin.zero_grad()
        twin.loss(episode).backward()
        for name, slope in slopes_of(twin).items():
            assert torch.allclose(result[0][name], slope, atol=1e-12)
            assert not torch.allclose(result[1][name], slope)

    @pytest.mark.parametrize("values", [{"annealing": -1}, {"first_order": -1}, {"steps": 0}, {"step_size": 0.0}])
    def test_what_cannot_be_used_is_said_in_one_line(self, values):
        with pytest.raises(InputError, match=next(iter(values))):
            MAMLPlusPlus(conv(), 3, **values)


def test_reptiles_gradient_moves_sgd_to_the_mean_of_what_tasks_became():
    learner, episode = Reptile(conv(), 3, step_size=0.1, steps=3, batches=1), pictures()
    data = episode.support.joined(episode.query)
    ends = []
    for task in range(5):
        twin = conv()
        optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(twin(data.items[task]), data.labels[task]).backward()
            optimizer.step()
        ends.append(nn.utils.parameters_to_vector(twin.parameters()).detach())
    learner.loss(episode).backward()
    torch.optim.SGD(learner.parameters(), lr=0.1 * 3).step()
    assert torch.allclose(nn.utils.parameters_to_vector(learner.parameters()), torch.stack(ends).mean(0), atol=1e-12)


def test_anil_on_features_is_anil():
    learner, episode = ANIL(conv(), 3, steps=3), pictures()
    body, alone = learner.on_features()
    encoded = replace(episode.support, items=body(episode.support.items.flatten(0, 1)).reshape(5, 3, -1))
    queries = body(episode.query.items.flatten(0, 1)).reshape(5, 6, -1)
    expected = learner.adapt(episode.support)(episode.query.items)
    assert torch.allclose(alone.adapt(encoded)(queries), expected, atol=1e-12)
    assert ANIL(conv("support"), 3).on_features() is None


def test_anil_looks_at_the_support_once():
    seen = []

    class Noting(nn.Flatten):
        def forward(self, items):
            seen.append(len(items))
            return super().forward(items)

    model = nn.Sequential(Noting(), nn.Linear(64, 3).double())
    ANIL(model, 3, steps=7).adapt(pictures(1).support)
    assert seen == [3]
