"""Every test, and every example in a docstring, starts from the same random numbers, in whatever order they run."""

import os

import pytest
import torch


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Seed torch's generator before fixtures use it, so that a fault shows everywhere or nowhere.

    `make test EXPLORE=7` starts from other numbers.
    """
    torch.manual_seed(int(os.environ.get("EXPLORE", "0")))
