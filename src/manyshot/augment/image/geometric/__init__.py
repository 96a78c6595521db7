"""Ops that move pixels: flips, affine and perspective maps, crops, distortions, stroke width."""
