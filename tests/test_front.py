"""The package's front."""

import subprocess
import sys

import pytest

import manyshot


@pytest.mark.parametrize("name", manyshot.__all__)
def test_every_name_of_the_front_is_there_and_listed(name):
    found = getattr(manyshot, name)
    assert (
        found.__module__.startswith("manyshot.")
        if hasattr(found, "__module__")
        else found.__name__ == f"manyshot.{name}"
    )
    assert name in dir(manyshot)


def test_the_front_hands_on_the_very_things_of_the_rooms():
    import manyshot.datasets
    import manyshot.tasks

    assert manyshot.Source is manyshot.tasks.Source
    assert manyshot.load_data is manyshot.datasets.load


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'manyshot' has no attribute 'Prototipes'"):
        _ = manyshot.Prototipes


def test_importing_the_front_does_not_wait_for_torch():
    code = "import sys, manyshot; sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_all_of_the_front_can_be_imported_by_star():
    names = {}
    exec("from manyshot import *", names)
    assert set(manyshot.__all__) <= set(names)
