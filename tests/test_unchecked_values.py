"""Numbers of numpy and values of the wrong kind, in a process that checks no types, as of those who use the package."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from manyshot.augment.image import JPEG
from manyshot.base import InputError
from manyshot.generate.generator_config import GeneratorSettings
from manyshot.tasks import EpisodeSampler, Sinusoids, Source
from manyshot.training import Config, Settings

SOURCE = Source.of(torch.arange(24, dtype=torch.uint8).view(24, 1, 1, 1), [f"c{n % 6}" for n in range(24)])
MAKERS = {
    "ways": lambda n: EpisodeSampler(SOURCE, ways=n, queries=1),
    "shots": lambda n: EpisodeSampler(SOURCE, ways=3, shots=(1, n), queries=1),
    "queries": lambda n: EpisodeSampler(SOURCE, ways=3, queries=n),
    "tasks": lambda n: EpisodeSampler(SOURCE, ways=3, queries=1, tasks=n),
    "seed": lambda n: EpisodeSampler(SOURCE, ways=3, queries=1, seed=n),
    "sinusoids": lambda n: Sinusoids(shots=n),
    "config": lambda n: Config("digits", ways=(2, n), queries=n, classes=n),
    "settings": lambda n: Settings(steps=n),
    "generator": lambda n: GeneratorSettings(batch_size=n),
    "op": lambda n: JPEG(quality=n),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_truth_value_is_no_whole_number(make):
    with pytest.raises(InputError, match="True"):
        make(True)


WRONG_KINDS = [
    ([], "config.json: not a run's settings"),
    ({"data": "digits", "fit": 3}, "config.json: not a run's settings"),
    ({"data": "digits", "fit": {"steps": "many"}}, "config.json: steps=many"),
    ({"data": "digits", "fit": {"steps": 1.5}}, "config.json: steps=1.5"),
    ({"data": "digits", "fit": {"learning_rate": "high"}}, "config.json: learning_rate=high"),
    ({"data": "digits", "fit": {"optimizer": 3}}, "config.json: optimizer=3"),
    ({"data": "digits", "ways": "five"}, "config.json: ways=five"),
    ({"data": "digits", "ways": True}, "config.json: ways=True"),
    ({"data": "digits", "ways": [2, 3, 4]}, "config.json: ways=(2, 3, 4)"),
    ({"data": "digits", "shots": [1, "x"]}, "config.json: shots=(1, 'x')"),
    ({"data": "digits", "queries": [1, 2]}, "config.json: queries=(1, 2)"),
    ({"data": "digits", "validation": "much"}, "config.json: validation=much"),
    ({"data": "digits", "plan": 3}, "config.json: plan=3"),
    ({"data": "digits", "learner": None}, "config.json: learner=None"),
    ({"data": 3}, "config.json: data=3"),
]

NOT_WHOLE = ({"ways": 2.5}, {"shots": 1.5}, {"queries": 2.5}, {"ways": (2, 2.5)}, {"ways": "2"})


def numbers_of_numpy_are_taken_as_pythons() -> None:
    for name, make in MAKERS.items():
        one, other = make(np.int64(3)), make(3)
        for field in fields(one):
            value, expected = (getattr(each, field.name) for each in (one, other))
            assert type(value) is type(expected), (name, field.name, value)
            assert isinstance(value, Source) or value == expected, (name, field.name, value)
    config = Config("digits", ways=np.int64(3), validation=np.float32(0.25), fit=Settings(seed=np.int64(2)))
    assert Config.from_dict(json.loads(json.dumps(config.as_dict())), "here") == config


def settings_of_the_wrong_kind_are_named() -> None:
    for values, message in WRONG_KINDS:
        with pytest.raises(InputError) as caught:
            Config.from_dict(values, "config.json")
        assert message in str(caught.value), values
        assert "\n" not in str(caught.value)


def what_is_no_whole_number_is_named() -> None:
    for options in NOT_WHOLE:
        with pytest.raises(InputError, match="give a whole number") as caught:
            EpisodeSampler(SOURCE, **({"ways": 2, "queries": 2} | options))
        ((name, value),) = options.items()
        assert str(caught.value).startswith(f"{name}={value}:")


def test_what_no_types_are_checked_for() -> None:
    code = "import test_unchecked_values as here\nfor check in here.CHECKS:\n    check()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


CHECKS = (
    numbers_of_numpy_are_taken_as_pythons,
    settings_of_the_wrong_kind_are_named,
    what_is_no_whole_number_is_named,
)
