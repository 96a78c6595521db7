"""What an option says reaches the settings: none is parsed and forgotten."""

from dataclasses import fields
from inspect import signature

import pytest

from manyshot.cli.compare import compare
from manyshot.cli.train import train
from manyshot.cli.training_options import OF_RUN, OF_STEPS
from manyshot.training import Config, Settings

READ_APART = {"root", "ways", "shots", "augmenter", "fit"}
"""Settings that are written otherwise on the command line."""


def test_train_has_an_option_for_every_setting_and_no_other():
    options = set(signature(train).parameters)
    assert {*OF_RUN, *OF_STEPS, "root", "ways", "shots"} <= options
    assert set(OF_RUN) | READ_APART == {field.name for field in fields(Config)}
    assert {field.name for field in fields(Settings)} - set(OF_STEPS) == {"warmup_steps", "validation_tasks"}


@pytest.mark.parametrize("name", sorted({*OF_RUN, *OF_STEPS}))
def test_compare_has_each_but_those_that_its_arms_or_it_settle(name):
    settled = {"plan", "test_plan", "eval_every", "save_every"}
    assert (name in signature(compare).parameters) == (name not in settled)
