"""The public names of the package."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import manyshot
import manyshot.learners as learners
from manyshot.base import InputError

LISTED = {name for name in manyshot.__all__ if name != "ops"}


@pytest.mark.parametrize("name", sorted(LISTED))
def test_every_public_name_is_the_object_of_that_name(name):
    value = getattr(manyshot, name)
    assert value.__name__ == name
    assert value.__module__.startswith("manyshot.")
    assert name in dir(manyshot)


def test_the_operations_are_reached_through_the_front():
    images = torch.rand(2, 3, 8, 8)
    assert manyshot.ops.Affine()(images).shape == images.shape


def test_a_type_checker_sees_every_public_name():
    tree = ast.parse(Path(manyshot.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imported = {alias.name for node in block.body for alias in node.names}
    assert imported == set(manyshot.__all__)


def test_every_learner_of_a_paper_is_public():
    methods = {
        name
        for name, value in vars(learners).items()
        if inspect.isclass(value) and issubclass(value, learners.Learner) and name in learners.__all__
    }
    assert methods - {"BaseClassesLearner"} <= set(manyshot.__all__)


def test_a_misspelt_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'manyshot' has no attribute 'Prototipes'"):
        _ = manyshot.Prototipes


def test_importing_the_package_does_not_import_torch():
    code = "import sys, manyshot; sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_do_not_depend_on_what_was_imported_before():
    """A package of the same name would shadow a function as soon as it is imported."""
    packages = {path.stem for path in Path(manyshot.__file__).parent.iterdir() if not path.name.startswith("_")}
    assert LISTED.isdisjoint(packages)


def test_a_star_import_brings_all_public_names():
    names = {}
    exec("from manyshot import *", names)
    assert set(manyshot.__all__) <= set(names)


def test_load_returns_the_run_that_the_folder_holds(tmp_path):
    config = manyshot.Config("digits", encoder="conv4(4, 4, 4, 4)", validation=0.0, fit=manyshot.Settings(steps=1))
    trained = manyshot.train(config, tmp_path / "run")
    run = manyshot.load(tmp_path / "run")
    assert run.config == trained.config
    assert all(a.equal(b) for a, b in zip(run.learner.parameters(), trained.learner.parameters(), strict=True))
    with pytest.raises(InputError, match="holds no run"):
        manyshot.load(tmp_path)
