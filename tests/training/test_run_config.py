import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.base import InputError
from manyshot.tasks import Source
from manyshot.training import Config, Settings
from manyshot.training.splits import training_sampler, validation_sampler

NUMBERS = st.integers(2, 9) | st.tuples(st.integers(2, 4), st.integers(4, 9))


@settings(max_examples=20)
@given(
    st.fixed_dictionaries(
        {
            "data": st.sampled_from(["digits", "my folder/ελληνικά"]),
            "split": st.none() | st.just("small1"),
            "size": st.none() | st.integers(16, 64),
            "learner": st.sampled_from(["prototypes(nearest)", "maml(steps=5, step_size=0.1)"]),
            "encoder": st.sampled_from(["conv4", "conv4(64, 64, 128, 128)"]),
            "ways": NUMBERS,
            "shots": NUMBERS,
            "within_group": st.floats(0, 1),
            "classes": st.none() | st.integers(2, 50),
            "plan": st.sampled_from(["none", "support: affine(15); shots: 8 x elastic"]),
            "validation": st.floats(0, 0.9),
        }
    ),
    st.fixed_dictionaries(
        {
            "learning_rate": st.floats(1e-9, 1),
            "optimizer": st.sampled_from(["adamw", "sgd"]),
            "schedule": st.sampled_from(["cosine", "constant", "step"]),
            "seed": st.integers(0, 2**62),
        }
    ),
)
def test_settings_come_back_from_json_as_they_went(values, fit):
    config = Config(**values, fit=Settings(**fit))
    assert Config.from_dict(json.loads(json.dumps(config.as_dict())), "here") == config


def test_settings_that_a_file_leaves_out_have_their_usual_values():
    assert Config.from_dict({"data": "digits"}, "here") == Config("digits")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "config.json: not a run's settings"),
        ({"data": "digits", "shot": 1}, "config.json: unknown setting 'shot'; did you mean 'shots'"),
        ({"data": "digits", "fit": {"step": 3}}, "unknown setting 'step'; did you mean 'steps'"),
        ({"data": "digits", "fit": {"steps": 0}}, "steps=0"),
        ({"data": "digits", "shots": 0}, "shots=0"),
        ({"data": "digits", "ways": 999_999_999}, "ways=999999999: give a whole number from 1 to 10,000"),
        ({"data": "digits", "ways": [5, 10_001]}, "10001"),
        ({"data": "digits", "shots": 10_001}, "shots=10001"),
        ({"data": "digits", "queries": 10_001}, "queries=10001"),
        ({"data": "digits", "fit": {"meta_batch_size": 10_001}}, "meta_batch_size=10001: give at most 10,000"),
        ({"data": "digits", "validation": 1.0}, "validation=1.0"),
        ({"data": "digits", "validation": -0.1}, "validation=-0.1"),
        ({"data": "digits", "validation": float("nan")}, "validation=nan"),
        ({"data": "digits", "validation": 0.5, "test": 0.5}, "leave something to train on"),
        ({"data": "digits", "classes": 1}, "classes=1: give a whole number, at least 2"),
        ({"data": "digits", "classes": "few"}, "classes=few has the wrong type"),
        ({"data": "digits", "split_by": "clas"}, "did you mean 'class'"),
        ({"data": "digits", "plan": "support: afine"}, "did you mean 'affine'"),
        ({"data": "digits", "test_plan": "shots: 8 y affine"}, "plan"),
        ({"data": "digits", "test_plan": "task: composites"}, "test plan: 'task: composites' makes other tasks"),
        ({"data": "digits", "test_plan": "query: cutmix"}, "test plan: 'query: cutmix' mixes queries"),
        (
            {"data": "digits", "test_plan": "task: turn"},
            "'task: turn' changes a query by a draw of its class",
        ),
        ({"data": "digits", "learner": "mamel"}, "did you mean 'maml'"),
        ({"data": "digits", "learner": "maml(step=3)"}, "did you mean 'steps'"),
        ({"data": "digits", "encoder": "conv5"}, "did you mean 'conv4'"),
        ({"data": "digits", "encoder": "conv4(0)"}, "a block of 0 channels"),
    ],
)
def test_settings_that_cannot_be_used_are_named(values, message):
    with pytest.raises(InputError, match=message) as caught:
        Config.from_dict(values, "config.json")
    assert "\n" not in str(caught.value)


def test_samplers_follow_the_settings():
    source = Source.of(list(range(60)), [f"{i % 6}" for i in range(60)], {str(i): str(i // 3) for i in range(6)})
    config = Config("digits", ways=(2, 3), shots=(1, 2), queries=4, within_group=0.5, fit=Settings(seed=3))
    sampler = training_sampler(config, source)
    assert (sampler.ways, sampler.shots, sampler.queries, sampler.seed) == ((2, 3), (1, 2), 4, 3)
    assert sampler.within_group == 0.5
    few = source.subset(classes=["0", "1"])
    assert validation_sampler(config, few).ways == 2
    same = [validation_sampler(config.with_seed(s), source).indices(0, 9).query for s in (0, 1)]
    assert (same[0] == same[1]).all()
    other = [training_sampler(config.with_seed(s), source).indices(0, 9).query for s in (0, 1)]
    assert (other[0] != other[1]).any()
