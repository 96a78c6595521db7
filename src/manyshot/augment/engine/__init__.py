"""The engine: pipelines compiled to few passes over uint8 pixels, and the kernels that carry them out."""

from manyshot.augment.engine.compiled import Compiled
from manyshot.augment.engine.mixing import mix_bytes

__all__ = ["Compiled", "mix_bytes"]
