"""Learned policies of image ops: they are plans, and they find what a family of tasks bears."""

import itertools

import pytest
import torch

from manyshot.augment import Plan
from manyshot.augment.ops.compose import Compose
from manyshot.augment.ops.variants import variants
from manyshot.augment.registry import build_op
from manyshot.base import InputError
from manyshot.learners import Ridge
from manyshot.meta_augment import AUGMENTERS
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.meta_augment.augmenter_gradient import ESTIMATORS
from manyshot.meta_augment.augmenter_step import AugmenterStep
from manyshot.meta_augment.gates import log_probability, sample_gates
from manyshot.meta_augment.policy import OpPolicy, Policy
from manyshot.meta_augment.policy.policy_ops import POLICY_OPS, SETS, op_names
from manyshot.meta_augment.support_encoder import RandomConvStatistics
from manyshot.tasks import Examples
from manyshot.training import Settings, fit

SHAPE = (3, 9, 9)


def learned(
    toy, text: str, *families: str, gradient: str = "exact", steps: int = 30, learning_rate: float = 3e-2
) -> OpPolicy:
    """A policy after a second or two of training through ridge on pixels."""
    torch.manual_seed(0)
    policy = AUGMENTERS.parse(text).build(shape=SHAPE)
    if isinstance(policy, Policy):
        policy.fit_statistics_on(toy(families).batch(0, 40).support)
    learner = Ridge(torch.nn.Flatten(), penalty=1.0, scale=5.0).requires_grad_(False)
    settings = Settings(steps=steps, meta_batch_size=16, learning_rate=learning_rate, warmup_steps=5)
    fit(
        AugmentedLearner(learner, policy, 4),
        toy(families),
        settings,
        objective=AugmenterObjective(ESTIMATORS.parse(gradient).build()),
    )
    return policy


def chances(toy, policy: OpPolicy, family: str) -> list[float]:
    """How often each op acts in a family."""
    with torch.no_grad():
        return policy.settings(toy((family,), seed=9).batch(0, 20).support)[0].sigmoid().mean((0, 1)).tolist()


@pytest.mark.parametrize("name", POLICY_OPS)
def test_an_op_does_what_a_plan_with_its_magnitudes_does(name):
    row = POLICY_OPS[name]
    values = [0.7 * each.most for each in row.magnitudes]
    call = row.written(values, p=1.0)
    assert dict(call.options)["p"] == 1
    plain = build_op(call)
    plain = getattr(plain, "op", plain)  # what is in Sometimes
    images = torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    params = row.params(row.op.sample(6, torch.Generator().manual_seed(2)), torch.tensor([values]).expand(6, -1))
    expected = plain.apply(images, plain.sample(6, torch.Generator().manual_seed(2)))
    # What a plan writes has four digits; a narrower blur looks less far.
    torch.testing.assert_close(row.op.apply(images, params), expected, atol=5e-3, rtol=0)
    assert not torch.allclose(expected, images)


@pytest.mark.parametrize("name", [name for name, row in POLICY_OPS.items() if row.magnitudes])
def test_an_op_of_magnitude_0_leaves_an_item_alone(name):
    row = POLICY_OPS[name]
    images = torch.rand(4, 3, 12, 12)
    params = row.params(row.op.sample(4, torch.Generator().manual_seed(2)), torch.zeros(4, len(row.magnitudes)))
    torch.testing.assert_close(row.op.apply(images, params), images, atol=2e-5, rtol=0)


def test_open_gates_are_the_composition_of_the_ops():
    torch.manual_seed(0)
    policy = AUGMENTERS.parse("context_free(rotate-affine-elastic-stroke-hue-noise)").build(shape=(3, 12, 12)).eval()
    support = Examples.of(torch.rand(1, 2, 3, 12, 12), torch.arange(2))
    draws = policy.draw(support, 3, torch.Generator().manual_seed(1))
    draws["gates"].fill_(1.0)
    values = iter(policy.settings(support)[1][0, 0].detach())
    params, ops = {}, []
    for index, (name, row) in enumerate(policy.ops.items()):
        own = torch.stack([next(values) for _ in row.magnitudes]).expand(6, -1)
        unit = {key.split(".")[1]: drawn[0] for key, drawn in draws.items() if key.startswith(f"{name}.")}
        params[str(index)] = row.params(unit, own)
        ops.append(row.op)
    expected = Compose(tuple(ops)).apply(support.items[0].repeat_interleave(3, 0), params)
    torch.testing.assert_close(policy.replay(support, 3, draws).items[0], expected)


def test_closed_gates_leave_the_items():
    policy = AUGMENTERS.parse("policy").build(shape=(3, 12, 12)).eval()
    support = Examples.of(torch.rand(1, 2, 3, 12, 12), torch.arange(2))
    draws = policy.draw(support, 3, torch.Generator().manual_seed(1))
    draws["gates"].fill_(0.0)
    torch.testing.assert_close(
        policy.replay(support, 3, draws).items, support.items.repeat_interleave(3, 1), atol=2e-5, rtol=0
    )


@pytest.mark.parametrize(
    ("op", "kept", "decides"), [("spin", "angle kept", "angle decides"), ("recolor", "color kept", "color decides")]
)
def test_a_policy_finds_what_keeps_the_class(toy, op, kept, decides):
    (often,) = chances(toy, learned(toy, f"context_free({op})", kept, gradient="reinforce"), kept)
    (seldom,) = chances(toy, learned(toy, f"context_free({op})", decides, gradient="reinforce"), decides)
    assert often > 0.6
    assert seldom < 0.2


@pytest.mark.parametrize("gates", ["straight-through", "relaxed"])
def test_half_open_gates_find_what_helps(toy, gates):
    (often,) = chances(toy, learned(toy, f"context_free(spin, {gates})", "angle kept", steps=25), "angle kept")
    assert often > 0.6


def test_a_policy_learns_large_angles_where_they_keep_the_class_and_small_ones_where_not(toy):
    degrees = {}
    for family in ("angle kept", "angle decides"):
        policy = learned(toy, "context_free(rotate)", family)
        support = toy((family,)).batch(0, 1).support
        degrees[family] = policy.settings(support)[1][0, 0, 0].item()
    assert degrees["angle kept"] > 4 * degrees["angle decides"]


def test_a_conditioned_policy_tells_families_apart_by_their_support(toy):
    text, families = "policy(spin, hidden=32, width=16)", ("angle kept", "angle decides")
    policy = learned(toy, text, *families, gradient="reinforce(flipped)", steps=60, learning_rate=1e-2)
    assert chances(toy, policy, "angle kept")[0] > chances(toy, policy, "angle decides")[0] + 0.3


def exact_gradient(step: AugmenterStep) -> torch.Tensor:
    """The derivative of the expected loss over all pipelines, each of which is tried."""
    policy = step.augmenter
    logits = policy.task_logits(step.episode.support)
    expected = torch.zeros((), dtype=torch.float64)
    for state in itertools.product((0.0, 1.0), repeat=3):
        gate = torch.tensor([state], dtype=torch.float64)
        draws = {**step.draws, "gates": gate.expand_as(step.draws["gates"])}
        generated = policy.replay(step.episode.support, step.copies, draws)
        expected = expected + log_probability(logits, gate).exp()[0] * step.loss(generated).detach()
    return torch.autograd.grad(expected, policy.learned)[0]


@pytest.fixture
def step(toy):
    torch.manual_seed(0)
    policy = AUGMENTERS.parse("context_free(flip-spin-recolor)").build(shape=SHAPE).double()
    episode = toy(("angle kept",), shots=1).batch(0, 1)
    episode = episode.to("cpu", torch.float64)
    learner = Ridge(torch.nn.Flatten(), penalty=1.0, scale=5.0).double().requires_grad_(False)
    return AugmenterStep(learner, policy, episode, 1, policy.draw(episode.support, 1, torch.Generator().manual_seed(0)))


def estimated(step: AugmenterStep, text: str, draws: int, first: int = 0) -> torch.Tensor:
    """The mean of what an estimator finds, over draws of the gates."""
    total = torch.zeros(3, dtype=torch.float64)
    for seed in range(first, first + draws):
        stream = torch.Generator().manual_seed(seed)
        step.draws["gates"] = torch.rand(step.draws["gates"].shape, generator=stream, dtype=torch.float64)
        loss = ESTIMATORS.parse(text).build().loss(step, stream)
        total += torch.autograd.grad(loss, step.augmenter.learned)[0]
    return total / draws


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))


@pytest.mark.parametrize(("text", "draws"), [("reinforce", 300), ("reinforce(flipped)", 300)])
def test_reinforce_has_the_gradient_of_the_expected_loss(step, text, draws):
    exact = exact_gradient(step)
    result = estimated(step, text, draws)
    assert cosine(result, exact) > 0.95
    assert 0.75 < float(result.norm() / exact.norm()) < 1.3


def test_a_flipped_gate_tells_more_than_the_likeliest_pipeline_where_ops_nearly_always_act(step):
    with torch.no_grad():
        step.augmenter.learned.fill_(0.3)
    exact = exact_gradient(step)
    wrong = {
        text: sum(float((estimated(step, text, 1, seed) - exact).square().sum()) for seed in range(60))
        for text in ("reinforce", "reinforce(flipped)")
    }
    assert wrong["reinforce(flipped)"] < wrong["reinforce"] / 2


def test_straight_through_gates_agree_with_it_in_direction(step):
    assert cosine(estimated(step, "exact", 100), exact_gradient(step)) > 0.7


def test_reinforce_is_refused_where_nothing_is_chosen(toy):
    with pytest.raises(InputError, match="has no discrete choices"):
        learned(toy, "deformation(cells=2, rank=2)", "angle kept", gradient="reinforce", steps=1)


def test_gates_are_as_often_open_as_they_should_be():
    uniform = torch.rand(4000, generator=torch.Generator().manual_seed(0))
    logit = torch.tensor(-1.0)
    for how in ("straight-through", "reinforce"):
        drawn = sample_gates(logit.expand(4000), uniform, how)
        assert set(drawn.tolist()) == {0.0, 1.0}
        assert abs(float(drawn.mean() - logit.sigmoid())) < 0.03
    soft = sample_gates(logit.expand(4000), uniform, "relaxed", exactly=False)
    assert ((soft > 0) & (soft < 1)).all()
    assert sample_gates(logit.expand(4000), uniform, "relaxed").equal(drawn)


def test_log_probabilities_add_up_to_one():
    logits = torch.tensor([0.3, -1.2], dtype=torch.float64).expand(4, 2)
    states = torch.tensor(list(itertools.product((0.0, 1.0), repeat=2)), dtype=torch.float64)
    assert float(log_probability(logits, states).exp().sum()) == pytest.approx(1)


def test_a_policy_as_a_plan_changes_as_many_items_as_the_policy():
    torch.manual_seed(0)
    policy = AUGMENTERS.parse("context_free(flip)").build(shape=(1, 12, 12)).eval()
    support = Examples.of(torch.rand(1, 2, 1, 12, 12), torch.arange(2))
    plan = policy.to_plan(500, support)
    assert Plan(str(plan)) == plan
    step = plan.placements["shots"]
    by_plan = variants(support, step.op, 500, torch.Generator().manual_seed(1), step.weight)
    by_policy = policy.make(support, 500, torch.Generator().manual_seed(1))
    real = support.items.repeat_interleave(500, 1)
    shares = [
        float(((generated.items - real).abs().amax((2, 3, 4)) > 1e-4).float().mean())
        for generated in (by_plan, by_policy)
    ]
    assert shares[0] == pytest.approx(0.3, abs=0.05)
    assert shares[1] == pytest.approx(0.3, abs=0.05)
    torch.testing.assert_close(by_plan.weight, by_policy.weight, rtol=1e-3, atol=0)


@pytest.mark.parametrize("name", ["context_free", "policy"])
def test_a_policy_that_begins_at_a_written_plan_is_that_plan_at_first(name):
    torch.manual_seed(0)
    initial_plan = "support: affine(10, 1.2, 0.2, 0.1) elastic(0.07) stroke(0.7, p=0.5)"
    text = f'{name}(flip-rotate-affine-elastic-stroke-blur, initial_plan="{initial_plan}")'
    policy = AUGMENTERS.parse(text).build(shape=(1, 12, 12))
    support = Examples.of(torch.rand(1, 2, 1, 12, 12), torch.arange(2))
    if isinstance(policy, Policy):
        policy.network[-1].weight.data.zero_()
    result = {
        option: value
        for call in policy.to_plan(8, support).syntax.clauses[0].calls
        for option, value in ((f"{call.name} {option}", value) for option, value in call.options)
        if value != 0
    }
    expected = {"affine degrees": 10, "affine scale": 1.2, "affine shear": 0.2, "affine shift": 0.1}
    expected |= {"elastic strength": 0.07, "stroke strength": 0.7, "stroke p": 0.5}
    for option, value in expected.items():
        assert result[option] == pytest.approx(value, rel=1e-3)
    assert result["elastic p"] > 0.93
    assert not any(option.startswith(("flip", "blur")) for option in result)


def test_a_beginning_without_any_of_the_ops_is_refused():
    with pytest.raises(InputError, match="none of the ops rotate"):
        AUGMENTERS.parse('policy(rotate, initial_plan="support: noise")').build(shape=(1, 12, 12))
    with pytest.raises(InputError, match="unknown preset 'handwritting'"):
        AUGMENTERS.parse("policy(rotate, initial_plan=handwritting)")


def test_what_hardly_ever_acts_does_not_in_use():
    policy = AUGMENTERS.parse("context_free(flip)").build(shape=(1, 12, 12))
    support = Examples.of(torch.rand(1, 2, 1, 12, 12), torch.arange(2))
    with torch.no_grad():
        policy.learned[0] = -10
    changed = {}
    for mode in (True, False):
        generated = policy.train(mode).make(support, 500, torch.Generator().manual_seed(1)).items
        changed[mode] = bool((generated != support.items.repeat_interleave(500, 1)).any())
    assert changed == {True: True, False: False}


def test_a_plan_leaves_out_what_hardly_ever_acts():
    policy = AUGMENTERS.parse("context_free(flip-noise)").build(shape=(1, 12, 12))
    support = Examples.of(torch.rand(1, 2, 1, 12, 12), torch.arange(2))
    with torch.no_grad():
        policy.learned[0] = -10
    assert "flip" not in str(policy.to_plan(4, support))
    with torch.no_grad():
        policy.learned[1] = -10
    assert str(policy.to_plan(4, support)) == "none"


def test_shots_that_differ_show_in_what_is_seen_of_their_class():
    torch.manual_seed(0)
    sight = RandomConvStatistics(1, width=8)
    one = torch.rand(1, 1, 1, 12, 12)
    labels = torch.eye(2)[[0, 0, 1, 1]][None]
    seen = []
    for second in (one, torch.rand(1, 1, 1, 12, 12)):
        items = torch.cat([one, second, torch.rand(1, 2, 1, 12, 12, generator=torch.Generator().manual_seed(1))], 1)
        seen.append(sight(Examples(items, labels, torch.ones(1, 4), torch.ones(1, 2) > 0)))
    assert not torch.allclose(*seen)


def test_sets_name_rows_of_the_table():
    assert all(name in POLICY_OPS for names in SETS.values() for name in names)
    assert op_names("photographs")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("policy(spinn)", "did you mean 'spin'"),
        ("policy(spin-hu)", "did you mean 'hue'"),
        ("policy(spin, weights)", "straight-through"),
        ("context_free(weight=0)", "weight=0"),
        ("policy(hidden=0)", "hidden=0"),
        ("deformation(cells=0)", "cells=0"),
    ],
)
def test_wrong_options_are_reported(text, message):
    with pytest.raises(InputError, match=message):
        AUGMENTERS.parse(text)


def test_colors_need_three_channels_and_policies_images():
    with pytest.raises(InputError, match="none of them is for images of 1 channel"):
        AUGMENTERS.parse("policy(hue)").build(shape=(1, 12, 12))
    with pytest.raises(InputError, match="augmenter of images"):
        AUGMENTERS.parse("policy").build(shape=(64,))


@pytest.mark.parametrize("text", ["policy", "deformation"])
def test_weights_under_the_older_names_of_its_parts_still_load(text):
    old = {"conv_statistics.": "sight.", "image_moments.": "traits."}
    model, again = (AUGMENTERS.parse(text).build(shape=(1, 28, 28)) for _ in range(2))
    stored = model.state_dict()
    for new, name in old.items():
        stored = {key.replace(new, name): value for key, value in stored.items()}
    assert any(key.startswith("sight.") for key in stored)
    again.load_state_dict(stored)
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in again.state_dict().items())
