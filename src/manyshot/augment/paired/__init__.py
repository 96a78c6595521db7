"""Ops that make new pairs of an item and its mask: painted label maps, and variation learned from other scans."""

from manyshot.augment.ops.op import Op
from manyshot.augment.paired.paint import Paint
from manyshot.augment.paired.scan_variation import ScanVariation

OPS: dict[str, type[Op]] = {"paint": Paint, "scan_variation": ScanVariation}
"""Every paired op by its name in the language of plans."""

__all__ = ["OPS", "Paint", "ScanVariation"]
