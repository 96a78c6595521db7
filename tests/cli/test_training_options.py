"""Every setting of a training is an option: none is missing, and none is parsed and forgotten."""

from dataclasses import fields
from inspect import signature

import pytest

from manyshot.cli.compare import compare
from manyshot.cli.gan_commands import train as train_model
from manyshot.cli.train import train
from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.training import Config, Settings


@pytest.mark.parametrize(
    ("command", "settings", "without"),
    [
        (train, Config, {"augmenter", "fit"}),
        (train, Settings, set()),
        (train, AugmenterConfig, {"joint", "fit"}),
        (compare, Config, {"plan", "test_plan", "augmenter", "fit"}),
        (compare, Settings, set()),
        (train_model, GeneratorConfig, {"fit"}),
        (train_model, GeneratorSettings, set()),
    ],
)
def test_every_field_is_an_option_with_help(command, settings, without):
    options = signature(command).parameters
    names = {field.name for field in fields(settings)} - without
    assert names <= set(options)
    for name in names:
        info = options[name].annotation.__metadata__[0]
        assert info.help, name
        assert "if None" not in info.help


@pytest.mark.parametrize(
    ("command", "settings", "others"),
    [
        (train, Config, {"validation", "augmenter"}),
        (train, Settings, set()),
        (compare, Config, {"data", "validation", "test"}),
        (compare, Settings, {"steps"}),
        (train_model, GeneratorConfig, set()),
        (train_model, GeneratorSettings, set()),
    ],
)
def test_defaults_are_those_of_the_dataclass(command, settings, others):
    options = signature(command).parameters
    for field in fields(settings):
        if field.name in options and field.name not in others and field.name != "fit":
            default = options[field.name].default
            assert default == (str(field.default) if field.name in ("ways", "shots") else field.default) or (
                default is options[field.name].empty and field.name == "data"
            ), field.name
