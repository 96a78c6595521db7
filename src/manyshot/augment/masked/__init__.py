"""Ops that make new pairs of an item and its mask: painted label maps, and variation learned from other scans."""

from manyshot.augment.masked.paint import Paint
from manyshot.augment.masked.scan_variation import ScanVariation
from manyshot.augment.ops.op import Op

OPS: dict[str, type[Op]] = {"paint": Paint, "scan_variation": ScanVariation}
"""Every op on masked items by its name in the language of plans."""

__all__ = ["OPS", "Paint", "ScanVariation"]
