"""A training takes a folder that is free or holds the same training, and no other."""

from dataclasses import replace
from pathlib import Path

import pytest

from manyshot.base import InputError
from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.runtime.run_folder import CONFIG, check_run_folder
from manyshot.training import Config, Settings

CONFIGS = {
    "learner": Config("digits", fit=Settings(steps=7)),
    "augmenter": AugmenterConfig("runs/letters", fit=Settings(steps=7)),
    "generator": GeneratorConfig("digits", fit=GeneratorSettings(steps=7)),
}


def unread(folder: Path):
    raise AssertionError("nothing is to be read here")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / CONFIG).write_text("{}", encoding="utf-8")
    return tmp_path


def test_a_folder_that_is_missing_empty_or_was_left_by_a_killed_training_is_free(tmp_path):
    config = CONFIGS["learner"].as_dict()
    check_run_folder(tmp_path / "new", unread, config)
    assert not (tmp_path / "new").exists(), "nothing is left behind before the training begins"
    check_run_folder(tmp_path, unread, config, resume=True)
    for name in (".DS_Store", ".lock", ".config-0a1b2c3d.json"):
        (tmp_path / name).touch()
    check_run_folder(tmp_path, unread, config)
    (tmp_path / ".git").mkdir()
    with pytest.raises(InputError, match="is not empty and holds no run"):
        check_run_folder(tmp_path, unread, config)


@pytest.mark.parametrize("name", ["photo.png", "photos"])
def test_a_folder_of_something_else_is_refused_and_so_is_a_file(name, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "photo.png").touch()
    (tmp_path / "photo.png").touch()
    with pytest.raises(InputError, match="is not empty and holds no run; choose another --out"):
        check_run_folder(tmp_path / name, unread, CONFIGS["learner"].as_dict(), resume=True)


def test_a_run_is_not_begun_over(run):
    with pytest.raises(InputError, match="holds a run already; go on with it by --resume"):
        check_run_folder(run, unread, CONFIGS["learner"].as_dict())


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
class TestEverySettings:
    def test_the_same_training_goes_on(self, config, run):
        looked_at = []

        def read(folder: Path):
            looked_at.append(folder)
            return config.as_dict()

        check_run_folder(run, read, config.as_dict(), resume=True)
        assert looked_at == [run]

    def test_another_seed_of_its_steps_is_named_and_refused(self, config, run):
        other = replace(config, fit=replace(config.fit, seed=5))
        with pytest.raises(InputError, match=r"^seed=5, but the run in .* has 0; resume with the run's own settings$"):
            check_run_folder(run, lambda folder: config.as_dict(), other.as_dict(), resume=True)


def test_a_range_is_reported_as_it_is_written(run):
    was, now = (replace(CONFIGS["learner"], shots=shots) for shots in (1, (1, 5)))
    with pytest.raises(InputError, match=r"^shots=1-5, but the run in .* has 1;"):
        check_run_folder(run, lambda folder: was.as_dict(), now.as_dict(), resume=True)


def test_what_the_run_there_says_of_itself_when_it_is_damaged_comes_through(run):
    def damaged(folder: Path):
        raise InputError(f"{folder / CONFIG}: not a run's settings")

    with pytest.raises(InputError, match="not a run's settings"):
        check_run_folder(run, damaged, CONFIGS["learner"].as_dict(), resume=True)
