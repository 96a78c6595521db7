import math
import signal
import threading
from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from manyshot.augment import Plan
from manyshot.base import InputError, TrainingDiverged
from manyshot.learners import Learner, Prototypes
from manyshot.nets import Conv4, DropBlock
from manyshot.runtime.interrupt import postponed_interrupt
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training import Settings, evaluate, fit


def stripes(seed: int = 0) -> Source:
    """Eight classes: noise on a background of horizontal or vertical stripes of four phases."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.arange(8)
    images, labels = [], []
    for c in range(8):
        wave = ((rows + c // 2) % 4 < 2).float() * 120
        pattern = wave[:, None].expand(8, 8) if c % 2 else wave.expand(8, 8)
        noise = torch.rand(12, 1, 8, 8, generator=generator) * 130
        images.append((pattern + noise).to(torch.uint8))
        labels += [f"class {c}"] * 12
    return Source.of(torch.cat(images), labels)


def learner() -> Prototypes:
    torch.manual_seed(0)
    return Prototypes(Conv4(1, 8, (8, 8)))


TRAINING, HELD_OUT = stripes().split((0.5, 0.5), seed=1)


def sampler(source: Source = TRAINING) -> EpisodeSampler:
    return EpisodeSampler(source, 3, 1, 4)


def settings(**changes) -> Settings:
    return Settings(
        **({"steps": 6, "learning_rate": 0.01, "warmup_steps": 0, "validation_tasks": 5, "save_every": 3} | changes)
    )


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_loss_falls_on_an_easy_source(optimizer):
    rows = fit(learner(), sampler(), settings(steps=40, optimizer=optimizer))
    losses = [row["loss"] for row in rows]
    assert [row["step"] for row in rows] == list(range(1, 41))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


def test_the_learner_ends_with_the_weights_that_did_best_on_held_out_classes(tmp_path):
    trained = learner()
    rate = settings(steps=24, learning_rate=0.05, eval_every=4)
    rows = fit(trained, sampler(), rate, None, sampler(HELD_OUT), tmp_path)
    result = {row["step"]: row["validation_accuracy"] for row in rows if "validation_accuracy" in row}
    assert list(result) == [4, 8, 12, 16, 20, 24]
    assert evaluate(trained, sampler(HELD_OUT).batches(5)).mean == pytest.approx(max(result.values()))
    best = load_file(tmp_path / "best.safetensors")
    assert all(tensor.equal(best[f"learner.{name}"]) for name, tensor in trained.state_dict().items())
    assert not trained.training
    in_memory = learner()
    assert fit(in_memory, sampler(), rate, None, sampler(HELD_OUT)) == rows
    assert all(tensor.equal(best[f"learner.{name}"]) for name, tensor in in_memory.state_dict().items())


def test_without_validation_the_last_weights_stay(tmp_path):
    trained = learner()
    rows = fit(trained, sampler(), settings(), folder=tmp_path)
    assert all("validation_accuracy" not in row for row in rows)
    assert not (tmp_path / "best.safetensors").exists()
    last = load_file(tmp_path / "last.safetensors")
    assert all(tensor.equal(last[f"learner.{name}"]) for name, tensor in trained.state_dict().items())


def test_a_training_anew_forgets_what_an_older_one_left_in_its_folder(tmp_path):
    fit(learner(), sampler(), settings(), None, sampler(HELD_OUT), tmp_path)
    rows = fit(learner(), sampler(), settings(steps=2), folder=tmp_path)
    assert len(rows) == 2
    assert not (tmp_path / "best.safetensors").exists()


def test_resuming_a_finished_training_changes_nothing(tmp_path):
    rows = fit(learner(), sampler(), settings(), None, sampler(HELD_OUT), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.*")}
    again = learner()
    assert fit(again, sampler(), settings(), None, sampler(HELD_OUT), tmp_path, resume=True) == rows
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.*")} == before
    best = load_file(tmp_path / "best.safetensors")
    assert all(tensor.equal(best[f"learner.{name}"]) for name, tensor in again.state_dict().items())


def test_saving_and_looking_at_held_out_classes_do_not_change_the_training(tmp_path):
    plain, watched = (
        [row["loss"] for row in rows if "loss" in row]
        for rows in (
            fit(learner(), sampler(), settings()),
            fit(learner(), sampler(), settings(save_every=1, eval_every=1), None, sampler(HELD_OUT), tmp_path),
        )
    )
    assert plain == watched


def test_the_plan_changes_the_training_and_its_draws_follow_the_seed():
    plan = Plan("support: noise(0.5)")
    plain, noisy, again, other = (
        [row["loss"] for row in fit(learner(), sampler(), settings(seed=seed), p)]
        for p, seed in ((None, 0), (plan, 0), (plan, 0), (plan, 1))
    )
    assert plain != noisy == again != other


def test_training_ignores_the_state_of_the_global_generator():
    losses = []
    for seed in (1, 2):
        trained = learner()
        torch.manual_seed(seed)
        losses.append(fit(trained, sampler(), settings(), Plan("support: noise(0.5)")))
    assert losses[0] == losses[1]


def test_schedules_are_what_they_say():
    def rates(**changes):
        chosen = Settings(steps=100, learning_rate=2.0, **({"warmup_steps": 0} | changes))
        return [chosen.learning_rate_at(step) for step in range(100)]

    assert rates(schedule="constant") == [2.0] * 100
    cosine = rates(schedule="cosine")
    assert cosine[0] == 2.0
    assert cosine[50] == pytest.approx(1.0)
    assert 0 < cosine[99] < 0.001
    assert all(a > b for a, b in pairwise(cosine))
    halved = rates(schedule="step")
    assert [halved[s] for s in (0, 19, 20, 39, 40, 60, 80, 99)] == [2, 2, 1, 1, 0.5, 0.25, 0.125, 0.125]
    warm = rates(schedule="constant", warmup_steps=10)
    assert warm[:10] == pytest.approx([0.2 * step for step in range(1, 11)])
    assert warm[10:] == [2.0] * 90


class Pulled(Learner):
    """One weight w with loss `pull * w`, so that the gradient is `pull`."""

    def __init__(self, pull: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))
        self.pull = pull

    def adapt(self, support):
        raise NotImplementedError

    def loss(self, episode):
        return self.pull * self.weight


def test_the_gradient_is_clipped_to_its_largest_norm():
    rate = {"optimizer": "sgd", "schedule": "constant", "learning_rate": 0.1, "steps": 1}
    for clip, moved in ((10.0, 0.1 * 1.9 * 4), (2.0, 0.1 * 1.9 * 2)):
        pulled = Pulled(4.0)
        fit(pulled, sampler(), settings(**rate, grad_clip=clip))
        assert float(pulled.weight.detach()) == pytest.approx(1 - moved, abs=1e-5)  # Nesterov's first step is 1.9 times


def test_weight_decay_shrinks_weights():
    free, decayed = Pulled(0.0), Pulled(0.0)
    for pulled, decay in ((free, 0.0), (decayed, 0.5)):
        fit(pulled, sampler(), settings(weight_decay=decay, schedule="constant", steps=1))
    assert float(free.weight.detach()) == 1
    assert float(decayed.weight.detach()) == pytest.approx(1 - 0.01 * 0.5)


class Breaks(Prototypes):
    """Loses its mind at a step."""

    def __init__(self, at: int, value: float) -> None:
        torch.manual_seed(0)
        super().__init__(Conv4(1, 8, (4, 4)))
        self.at, self.value, self.calls = at, value, 0

    def loss(self, episode):
        self.calls += torch.is_grad_enabled()
        loss = super().loss(episode)
        return loss * self.value if self.calls == self.at and torch.is_grad_enabled() else loss


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e7])
def test_a_loss_that_explodes_stops_the_training_and_keeps_good_weights(value, tmp_path):
    with pytest.raises(TrainingDiverged, match=r"loss is .* at step 5") as caught:
        fit(Breaks(5, value), sampler(), settings(steps=10, save_every=2), folder=tmp_path)
    assert "\n" not in str(caught.value)
    steady = Breaks(99, 1)
    fit(steady, sampler(), settings(steps=10, save_every=4), folder=tmp_path / "steady")
    kept = load_file(tmp_path / "last.safetensors")
    assert all(tensor.isfinite().all() for tensor in kept.values())
    steps = kept[next(name for name in kept if name.startswith("optimizer.") and name.endswith("step"))]
    assert steps == 4


class NoGradient(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        return gradient * math.nan


def test_a_gradient_that_is_no_number_stops_the_training():
    class Bad(Prototypes):
        def loss(self, episode):
            return NoGradient.apply(super().loss(episode))

    bad = Bad(Conv4(1, 8, (4, 4)))
    before = {name: tensor.clone() for name, tensor in bad.state_dict().items() if "running" not in name}
    with pytest.raises(TrainingDiverged, match="gradient is nan at step 1"):
        fit(bad, sampler(), settings())
    assert all(bad.state_dict()[name].equal(tensor) for name, tensor in before.items() if "num_batches" not in name)


@pytest.mark.parametrize("save_every", [1, 2, 5])
@pytest.mark.parametrize("validation", [None, sampler(HELD_OUT)])
def test_weights_that_a_step_threw_far_away_never_take_the_place_of_good_ones(save_every, validation, tmp_path):
    """The loss that shows it comes a step later, after the checkpoint of that step."""
    chosen = settings(steps=6, save_every=save_every, eval_every=1, learning_rate=1e25, optimizer="sgd")
    thrown, first = learner(), {name: tensor.clone() for name, tensor in learner().state_dict().items()}
    with pytest.raises(TrainingDiverged):
        fit(thrown, sampler(), chosen, None, validation, tmp_path)
    kept = load_file(tmp_path / "last.safetensors")
    for name, tensor in first.items():
        assert kept[f"learner.{name}"].equal(tensor)
        assert thrown.state_dict()[name].equal(tensor)
    assert not (tmp_path / "best.safetensors").exists()
    in_memory = learner()
    with pytest.raises(TrainingDiverged):
        fit(in_memory, sampler(), chosen, None, validation)
    assert all(in_memory.state_dict()[name].equal(tensor) for name, tensor in first.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps=0: give a whole number, at least 1"),
        ({"steps": 1.5}, "steps=1.5: give a whole number"),
        ({"meta_batch_size": 0}, "meta_batch_size=0"),
        ({"eval_every": 0}, "eval_every=0"),
        ({"validation_tasks": -1}, "validation_tasks=-1"),
        ({"save_every": 0}, "save_every=0"),
        ({"learning_rate": 0.0}, "learning_rate=0.0: give a positive number"),
        ({"learning_rate": math.nan}, "learning_rate=nan"),
        ({"learning_rate": math.inf}, "learning_rate=inf"),
        ({"grad_clip": -1.0}, "grad_clip=-1.0"),
        ({"warmup_steps": -1}, "warmup_steps=-1: give at least 0"),
        ({"weight_decay": math.nan}, "weight_decay=nan"),
    ],
)
def test_settings_out_of_range_are_named(change, message):
    with pytest.raises(InputError, match=message):
        # Past the tests' own type checks, as JSON comes.
        Settings.__post_init__(_raw(change))


def _raw(change):
    raw = object.__new__(Settings)
    for name, value in (vars(Settings()) | change).items():
        object.__setattr__(raw, name, value)
    return raw


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "adm"}, "optimizer='adm': did you mean 'adamw'"),
        ({"schedule": "cos"}, "schedule='cos': did you mean 'cosine'"),
    ],
)
def test_unknown_names_in_settings_get_a_hint(change, message):
    with pytest.raises(InputError, match=message):
        Settings.__post_init__(_raw(change))


class TestInterrupts:
    @pytest.fixture(autouse=True)
    def _restore(self):
        before = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    def test_the_first_one_waits_and_the_second_does_not(self):
        with postponed_interrupt() as interrupted:
            signal.raise_signal(signal.SIGINT)
            assert interrupted.is_set()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_afterwards_they_work_as_before(self):
        with postponed_interrupt() as interrupted:
            pass
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert not interrupted.is_set()

    def test_ignored_ones_stay_ignored(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with postponed_interrupt() as interrupted:
            signal.raise_signal(signal.SIGINT)
            assert not interrupted.is_set()

    def test_outside_the_main_thread_training_works(self):
        rows = []
        thread = threading.Thread(target=lambda: rows.extend(fit(learner(), sampler(), settings(steps=2))))
        thread.start()
        thread.join()
        assert len(rows) == 2

    def test_a_training_that_is_interrupted_saves_and_says_so(self, tmp_path):
        class Interrupts(Prototypes):
            def loss(self, episode):
                if torch.is_grad_enabled():
                    signal.raise_signal(signal.SIGINT)
                return super().loss(episode)

        with pytest.raises(KeyboardInterrupt):
            fit(Interrupts(Conv4(1, 8, (4, 4))), sampler(), settings(), folder=tmp_path)
        kept = load_file(tmp_path / "last.safetensors")
        assert all(tensor == 1 for name, tensor in kept.items() if name.endswith(".step"))


def test_what_a_network_drops_follows_from_the_seed_and_leaves_the_global_generator_alone():
    def losses(seed: int, drawn_before: int) -> list[float]:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 8, 3), DropBlock(0.3, 2), nn.Flatten())
        torch.rand(drawn_before)
        state = torch.get_rng_state()
        rows = fit(Prototypes(net), sampler(), settings(seed=seed))
        assert torch.get_rng_state().equal(state)
        return [row["loss"] for row in rows]

    assert losses(0, 0) == losses(0, 5) != losses(1, 0)
