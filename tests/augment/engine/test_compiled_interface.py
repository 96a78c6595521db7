"""What the engine takes, gives, refuses and says of itself."""

import os
import signal
import time
import warnings

import pytest
import torch

from manyshot.augment import Compose
from manyshot.augment.engine import Compiled
from manyshot.augment.engine.compiled_pipeline import plan_passes
from manyshot.augment.image import (
    Affine,
    Blur,
    Brightness,
    Contrast,
    Crop,
    Erase,
    Flip,
    Gamma,
    Hue,
    ResizedCrop,
    Saturation,
)
from manyshot.base import InputError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int, c: int, h: int, w: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(256, (n, c, h, w), generator=generator(seed), dtype=torch.uint8)


def test_numpy_in_numpy_out():
    op = Affine()
    images = pictures(5, 3, 8, 8)
    params = op.sample(5, generator())
    result = Compiled(op).apply(images.numpy(), params)
    assert torch.from_numpy(result).equal(Compiled(op).apply(images, params))


def test_the_same_seed_gives_the_same_draws_as_the_op():
    op = Compose((ResizedCrop(), Flip(), Erase()))
    mine, its = (draw.sample(4, generator(9))["0"]["center"] for draw in (Compiled(op), op))
    assert mine.equal(its)


class TestExplain:
    def test_names_the_ops_of_each_pass(self):
        lines = Compiled(
            Compose(
                (
                    ResizedCrop(),
                    Flip(),
                    Brightness(),
                    Contrast(),
                    Saturation(),
                    Hue(),
                    Gamma(),
                    Erase(),
                    Blur(),
                    Affine(),
                )
            )
        ).explain()
        first, second, third = lines.splitlines()
        assert first == (
            "1. ResizedCrop, Flip: one 3 x 3 matrix, padding border; Brightness, Contrast, Saturation, Hue: one matrix "
            "on the channels; Gamma: one table of 256 levels; Erase: rectangles"
        )
        assert second == "2. Blur: torch, on floats"
        assert third == "3. Affine: one 3 x 3 matrix, padding zeros"

    def test_a_flip_steps_before_colors_and_a_crop_does_not(self):
        assert len(plan_passes(Compose((Brightness(), Flip())), 3)) == 1
        assert len(plan_passes(Compose((Brightness(), Crop())), 3)) == 2

    def test_warps_of_different_edges_do_not_share_a_pass(self):
        assert len(plan_passes(Compose((Affine(), Affine(padding_mode="border"))), 3)) == 2

    def test_nothing_is_nothing(self):
        op = Compose(())
        assert Compiled(op).explain() == "nothing"
        images = pictures(2, 3, 4, 4)
        assert Compiled(op).apply(images, {}).equal(images)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"layout": "nwhc"}, "nhwc"),
        ({"threads": 0}, "threads=0"),
        ({"mean": (0.5,)}, "floats=True"),
        ({"floats": True, "std": (0.0,)}, "std=(0.0,)"),
    ],
)
def test_refuses_wrong_options(options, word):
    with pytest.raises(InputError, match=word.replace("(", r"\(").replace(")", r"\)")):
        Compiled(Flip(), **options)


def test_refuses_what_is_not_uint8_images():
    fast = Compiled(Flip())
    for wrong in (torch.rand(2, 3, 4, 4), pictures(2, 3, 4, 4)[0], [1, 2]):
        with pytest.raises(InputError, match="uint8"):
            fast.apply(wrong, fast.sample(2, generator()))
    with pytest.raises(InputError, match="mean"):
        Compiled(Flip(), floats=True, mean=(0.1, 0.2)).apply(pictures(2, 3, 4, 4), fast.sample(2, generator()))


def test_a_forked_process_has_threads_of_its_own() -> None:
    """A pool's threads do not live on in a fork, as a loader's workers are, so work given to it would wait for ever."""
    images, op = torch.zeros(64, 1, 8, 8, dtype=torch.uint8), Compiled(Compose((Flip(), Erase())), threads=2)
    params = op.sample(64, torch.Generator().manual_seed(0))
    expected = op.apply(images, params)
    with warnings.catch_warnings(action="ignore"):  # newer Pythons warn of forks beside threads
        child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        os._exit(0 if torch.equal(op.apply(images, params), expected) else 1)
    for _ in range(200):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        pytest.fail("the fork hangs")
    assert os.waitstatus_to_exitcode(status) == 0
