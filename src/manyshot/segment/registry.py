"""The registry of learners of segmentation."""

from typing import Any

from manyshot.base.registry import Registry
from manyshot.segment.pixel_prototypes import PixelPrototypes
from manyshot.segment.segmenter import Segmenter
from manyshot.segment.unet_segmenter import SegmentationUNet

SEGMENTERS: Registry[Any] = Registry(
    "segmenter",
    {"segmentation-unet": SegmentationUNet, "pixel-prototypes": PixelPrototypes},
    base=Segmenter,
    group="manyshot.segmenters",
)
"""Learners of segmentation by name; options are the fields of their classes."""
