"""Batches of linear systems."""

import subprocess
import sys

import pytest
import torch

from manyshot.runtime.linear_systems import LARGE, solve_systems

AFTER_SETTING_THREADS = """
import torch
from manyshot.runtime.linear_systems import solve_systems
systems = torch.randn(8, 150, 150, dtype=torch.float64)
systems = systems @ systems.mT + 150 * torch.eye(150)
torch.set_num_threads(1)
torch.set_num_threads(2)
print(float((systems @ solve_systems(systems, systems) - systems).abs().max()) < 1e-6)
"""


def systems_of(k: int, *batch: int) -> torch.Tensor:
    random = torch.randn(*batch, k, k, dtype=torch.float64, generator=torch.Generator().manual_seed(k))
    return random @ random.mT + k * torch.eye(k)


@pytest.mark.parametrize("k", [3, LARGE, 90])
@pytest.mark.parametrize("batches", [((), ()), ((4,), (4,)), ((2, 3), (3,)), ((1,), (5,)), ((0,), (0,))])
def test_solutions_and_gradients_are_those_of_torch(k, batches):
    systems, right = systems_of(k, *batches[0]).requires_grad_(), torch.ones(*batches[1], k, 2, dtype=torch.float64)
    ours, theirs = solve_systems(systems, right), torch.linalg.solve(systems, right)
    torch.testing.assert_close(ours, theirs)
    if ours.numel():
        (mine,) = torch.autograd.grad(ours.square().sum(), systems)
        (expected,) = torch.autograd.grad(theirs.square().sum(), systems)
        torch.testing.assert_close(mine, expected)


def test_it_returns_after_the_number_of_threads_was_set():
    done = subprocess.run(
        [sys.executable, "-c", AFTER_SETTING_THREADS], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "True"
