"""Engine: compiles pipelines to few passes over uint8 pixels, run by numba kernels."""

from manyshot.augment.engine.compiled_pipeline import Compiled
from manyshot.augment.engine.mix_bytes import mix_bytes

__all__ = ["Compiled", "mix_bytes"]
