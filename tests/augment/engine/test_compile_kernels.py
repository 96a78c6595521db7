"""What the set-up of a fresh machine runs."""

from manyshot.augment.engine.compile_kernels import compile_kernels
from manyshot.augment.engine.kernels.images import run_strips


def test_the_kernels_of_all_presets_for_images_are_compiled():
    compile_kernels()
    assert run_strips.signatures
