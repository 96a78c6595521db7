"""Modules that people bring: frozen parts, code of their own, shared and parametrized layers, other modes."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from manyshot.base import InputError
from manyshot.learners import ANIL, MAML, MAMLPlusPlus, MetaSGD, Prototypes, Reptile, transductive
from manyshot.nets import Conv4, TaskNorm, TextEncoder, with_task_norm
from manyshot.nets.ngrams import NGrams

TASKS, WAYS = 3, 3
slow_rules = pytest.mark.filterwarnings("ignore:There is a performance drop")
KINDS = [MAML, ANIL, MetaSGD, MAMLPlusPlus, Reptile]


def mlp(*layers: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Sequential(nn.Linear(4, 6), nn.Tanh(), *layers), nn.Linear(6, WAYS)).double()


def conv() -> nn.Sequential:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Tanh(), nn.Conv2d(3, 2, 2), nn.Flatten())
    return nn.Sequential(body, nn.Linear(8, WAYS)).double()


MODELS = {"linear": (mlp, (4,)), "convolutions": (conv, (2, 4, 4))}


class Calls(nn.Module):
    """A user's module around one function."""

    def __init__(self, function) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 1.5, 6))
        self.bias = nn.Parameter(torch.linspace(-0.2, 0.2, 6))
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def write_then_read(self, x):
    self.register_buffer("calls", getattr(self, "calls", torch.zeros((), dtype=x.dtype)) + 1)
    return x * self.weight


OWN = {
    "F.layer_norm": lambda self, x: F.layer_norm(x, (6,), self.weight, self.bias),
    "torch.layer_norm": lambda self, x: torch.layer_norm(x, (6,), self.weight, self.bias),
    "F.batch_norm": lambda self, x: F.batch_norm(x, None, None, self.weight, self.bias, training=True),
    "F.instance_norm": lambda self, x: F.instance_norm(
        x.view(-1, 2, 3), weight=self.weight[:2], bias=self.bias[:2]
    ).flatten(1),
    "native_layer_norm": lambda self, x: torch.native_layer_norm(x, [6], self.weight, self.bias, 1e-5)[0],
    "aten": lambda self, x: torch.ops.aten.layer_norm(x, [6], self.weight, self.bias),
    "native aten": lambda self, x: torch.ops.aten.native_layer_norm(x, [6], self.weight, self.bias, 1e-5)[0],
    "select_scatter": lambda self, x: torch.select_scatter(x * self.weight, x[:, 1].sin(), 1, 0),
    "a branch": lambda self, x: x * self.weight if x.mean() > 0 else x * self.bias,
    "a number": lambda self, x: x * self.weight * float(x.detach().abs().max()),
    "a buffer": write_then_read,
    "attention": lambda self, x: F.scaled_dot_product_attention(*(x.view(-1, 2, 3) * self.weight[:3],) * 3).flatten(1),
}


@slow_rules
class TestOwnCode:
    @pytest.mark.parametrize("name", OWN)
    def test_equals_a_plain_loop_whatever_it_calls(self, agrees, name):
        agrees(mlp(Calls(OWN[name])), None, (4,))

    @pytest.mark.parametrize("name", ["native_layer_norm", "native aten", "select_scatter", "a branch", "a buffer"])
    def test_what_cannot_be_vectorized_is_refused_where_it_has_to_be(self, episode_of, name):
        with pytest.raises(InputError, match=r"vectorized=True: torch.vmap cannot run this model") as caught:
            MAML(mlp(Calls(OWN[name])), WAYS, vectorized=True).loss(episode_of(4))
        assert "\n" not in str(caught.value)

    def test_it_is_remembered_that_a_model_cannot_be_vectorized(self, episode_of):
        learner = MAML(mlp(Calls(OWN["a branch"])), WAYS)
        assert learner.vectorized
        learner.loss(episode_of(4))
        assert not learner.vectorized

    def test_giving_up_draws_no_random_number(self, episode_of):
        losses = []
        for vectorized in (None, False):
            learner = MAML(mlp(nn.Dropout(), Calls(OWN["a branch"])), WAYS, vectorized=vectorized)
            torch.manual_seed(3)
            losses.append(learner.loss(episode_of(4)).detach())
        assert losses[0].equal(losses[1])

    def test_a_fault_of_the_model_itself_comes_out_as_it_is(self, episode_of):
        learner = MAML(nn.Sequential(nn.Linear(5, WAYS)).double(), WAYS)
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            learner.loss(episode_of(4))
        assert learner.vectorized

    @pytest.mark.parametrize("vectorized", [True, False])
    def test_convolutions_can_be_taken_either_way(self, agrees, vectorized):
        assert agrees(conv(), vectorized, (2, 4, 4)).vectorized is vectorized

    def test_a_counting_buffer_counts(self, episode_of):
        class Counts(nn.Linear):
            def __init__(self) -> None:
                super().__init__(4, WAYS)
                self.register_buffer("calls", torch.zeros(()))

            def forward(self, x):
                self.calls += 1
                return super().forward(x)

        model = Counts().double()
        MAML(model, WAYS, steps=2, vectorized=False).loss(episode_of(4))
        assert int(model.calls) == TASKS * 3


class TestFrozen:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("name", MODELS)
    def test_frozen_parameters_neither_adapt_nor_learn(self, episode_of, kind, name):
        make, shape = MODELS[name]
        model, episode = make(), episode_of(*shape)
        model[0][0].requires_grad_(False)
        learner = kind(model, WAYS, step_size=0.1, steps=2)
        assert not any(name.startswith("0.0.") for name in learner.initial_params())
        learner.loss(episode).backward()
        assert all(value.grad is None for value in model[0][0].parameters())
        assert model[1].weight.grad.abs().sum() > 0

    @pytest.mark.parametrize("name", MODELS)
    def test_equals_the_loop_that_leaves_them_alone(self, agrees, name):
        make, shape = MODELS[name]
        model = make()
        model[0][0].requires_grad_(False)
        agrees(model, None, shape)

    def test_a_model_without_anything_to_adapt_is_refused(self, episode_of):
        with pytest.raises(InputError, match="all are frozen"):
            MAML(mlp().requires_grad_(False), WAYS).loss(episode_of(4))

    def test_rates_are_those_of_the_parameters_that_were_not_frozen(self, episode_of):
        model = mlp()
        model[0][0].requires_grad_(False)
        learner = MetaSGD(model, WAYS)
        assert [tuple(rate.shape) for rate in learner.rates] == [(WAYS, 6), (WAYS,)]
        model[0][0].requires_grad_(True)
        with pytest.raises(InputError, match=r"0\.0\.weight was frozen when the learner was built"):
            learner.loss(episode_of(4))


class TestInferenceMode:
    @pytest.mark.parametrize("name", MODELS)
    def test_gives_what_no_grad_gives(self, episode_of, name):
        make, shape = MODELS[name]
        learner, answers = MAML(make(), WAYS, steps=2).eval(), []
        for mode in (torch.no_grad, torch.inference_mode):
            with mode():
                episode = episode_of(*shape)
                answers.append(learner.adapt(episode.support)(episode.query.items))
                answers.append(learner.loss(episode))
        assert answers[0].equal(answers[2])
        assert answers[1].equal(answers[3])

    def test_a_model_made_under_it_is_refused(self):
        with torch.inference_mode():
            model = mlp()
        with pytest.raises(InputError, match=r"created under torch\.inference_mode"):
            MAML(model, WAYS)


@slow_rules
class TestLayersOfSpecialKinds:
    def test_weight_norm_adapts_its_own_parameters(self, episode_of):
        for vectorized in (True, False):  # torch's own second derivative of weight norm is wrong: no loop to equal
            model, step, losses = mlp(parametrizations.weight_norm(nn.Linear(6, 6)).double()), 1e-5, []
            learner = MAML(model, WAYS, 0.3, 2, vectorized=vectorized)
            assert "0.2.parametrizations.weight.original0" in learner.initial_params()
            learner.loss(episode_of(4)).backward()
            weight = model[0][2].parametrizations.weight.original1
            for sign in (1, -1):
                weight.data += sign * step * torch.ones_like(weight)
                losses.append(float(learner.loss(episode_of(4)).detach()))
                weight.data -= sign * step * torch.ones_like(weight)
            assert float(weight.grad.sum()) == pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-6)

    @pytest.mark.parametrize("make", [parametrizations.spectral_norm, parametrizations.orthogonal])
    def test_parametrizations_in_evaluation_mode_equal_the_loop(self, agrees, make):
        agrees(mlp(make(nn.Linear(6, 6))).eval(), None, (4,))

    def test_spectral_norm_trains(self, episode_of):
        learner = MAML(mlp(parametrizations.spectral_norm(nn.Linear(6, 6))), WAYS)
        assert learner.loss(episode_of(4)).isfinite()
        assert not learner.vectorized

    @pytest.mark.parametrize("threads", [1, 3])
    def test_a_layer_that_is_used_twice_stays_one(self, agrees, threads):
        torch.set_num_threads(threads)
        layer = nn.Conv2d(2, 2, 3, padding=1)
        body = nn.Sequential(layer, nn.Tanh(), layer, nn.Flatten(), nn.Linear(32, WAYS)).double()
        assert set(agrees(body, None, (2, 4, 4)).initial_params()) == {"0.weight", "0.bias", "4.weight", "4.bias"}

    def test_tied_weights_stay_tied(self, agrees):
        model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, WAYS)).double()
        model[2].weight = model[0].weight
        agrees(model, None, (4,), tied=True)

    def test_a_head_that_shares_weights_with_its_body_is_refused(self):
        layer = nn.Linear(WAYS, WAYS)
        with pytest.raises(InputError, match="head and body share a parameter"):
            ANIL(nn.Sequential(layer, nn.Tanh(), layer), WAYS)


class TestBatchNorm:
    def test_in_evaluation_mode_it_uses_its_averages_and_stays_there(self, agrees, episode_of):
        model = mlp(nn.BatchNorm1d(6).eval())
        model[0][2].running_mean += 0.3
        before = model[0][2].running_mean.clone()
        learner = agrees(model, None, (4,)).train()
        learner.loss(episode_of(4))
        assert not model[0][2].training
        assert model[0][2].running_mean.equal(before)

    @pytest.mark.parametrize("norm", [nn.BatchNorm1d(6), nn.BatchNorm1d(6, track_running_stats=False).eval()])
    def test_by_the_batch_at_hand_it_is_refused_with_a_way_out(self, episode_of, norm):
        with pytest.raises(InputError, match=r"layer 0\.2 \(BatchNorm1d\) .*manyshot\.nets\.with_task_norm") as caught:
            MAML(mlp(norm), WAYS)
        assert "\n" not in str(caught.value)
        MAML(with_task_norm(mlp(norm)), WAYS).loss(episode_of(4))

    def test_put_into_training_mode_behind_the_learners_back_it_is_refused_too(self, episode_of):
        model = mlp(nn.BatchNorm1d(6).eval())
        learner = MAML(model, WAYS)
        model.train()
        with pytest.raises(InputError, match="is in training mode"):
            learner.adapt(episode_of(4).support)

    def test_nothing_is_to_be_switched_to_the_query(self):
        with pytest.raises(InputError, match="nothing to switch"):
            transductive(MAML(mlp(nn.BatchNorm1d(6).eval()), WAYS))

    def test_task_norm_takes_over_weights_and_equals_batch_norm_in_training(self):
        norm = nn.BatchNorm1d(6)
        nn.init.normal_(norm.weight)
        x = torch.randn(5, 6)
        ours = with_task_norm(nn.Sequential(norm, norm))
        assert isinstance(ours[0], TaskNorm)
        assert ours[0] is ours[1]
        assert torch.allclose(ours[0](x), norm(x), atol=1e-5)
        for features in (torch.randn(5, 6, 3), torch.randn(5, 6, 2, 3), torch.randn(5, 6, 2, 2, 2)):
            assert torch.allclose(ours[0](features).mean((0, *range(2, features.ndim))), norm.bias, atol=1e-5)


class TestWhatIsGiven:
    def test_bytes_become_numbers_from_0_to_1(self, episode_of):
        episode = episode_of(4)
        pixels = (episode.support.items.abs() * 50).to(torch.uint8)
        support = type(episode.support)(pixels, *(getattr(episode.support, n).float() for n in ("labels", "weight")),
                                        episode.support.class_mask)  # fmt: skip
        floats = type(support)(pixels.float() / 255, support.labels, support.weight, support.class_mask)
        learner = MAML(mlp().float(), WAYS)
        assert learner.adapt(support)(pixels).equal(learner.adapt(floats)(floats.items))

    def test_a_model_of_another_width_is_refused(self, episode_of):
        with pytest.raises(InputError, match=r"outputs of shape \[7\] per example, but ways=3"):
            MAML(nn.Linear(4, 7).double(), WAYS).loss(episode_of(4))

    def test_sentences_are_refused(self, episode_of):
        with pytest.raises(InputError, match="takes sentences; use a learner of features"):
            MAML(nn.Sequential(TextEncoder(NGrams(16)), nn.Linear(16, WAYS)), WAYS)
        support = episode_of(4).support
        words = type(support)([["a", "b", "c"]] * TASKS, support.labels, support.weight, support.class_mask)
        with pytest.raises(InputError, match="not sentences"):
            MAML(mlp(), WAYS).adapt(words)

    def test_layers_without_a_shape_are_refused(self):
        with pytest.raises(InputError, match="parameter weight has no shape yet"):
            MAML(nn.LazyLinear(WAYS), WAYS)


@pytest.mark.parametrize("norm", ["support", "query"])
def test_encoders_and_learners_name_normalization_alike(norm):
    encoder = Conv4(1, 8, (4, 4), norm)
    learner = MAML(nn.Sequential(encoder, nn.Linear(encoder.features, WAYS)), WAYS)
    assert learner.transductive is (norm == "query")


def test_an_encoder_that_gives_maps_is_refused_by_prototypes(episode_of):
    with pytest.raises(InputError, match=r"features of shape \[2, 4, 4\] for each example.* add nn.Flatten"):
        Prototypes(nn.Identity()).adapt(episode_of(2, 4, 4).support)
