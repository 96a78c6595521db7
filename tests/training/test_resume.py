"""A training that was stopped and went on ends with the same bits as one that was not."""

import os
from pathlib import Path

import pytest

from child_processes import run_script

SCRIPT = Path(__file__).with_name("kill_and_resume.py")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="stops child processes, which needs fork")


def test_a_stopped_training_ends_with_the_same_bits_as_one_never_stopped(tmp_path):
    run_script(SCRIPT, str(tmp_path), "random", "random-sgd", "random-drop-block", "files", "interrupt", "record")
