"""Every test, and every example in a docstring, starts from the same random numbers, in whatever order they run."""

import pytest
import torch


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Seed torch's generator before fixtures use it; a result that depends on it then fails everywhere or nowhere."""
    torch.manual_seed(0)
