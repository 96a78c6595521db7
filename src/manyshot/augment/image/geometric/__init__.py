"""Ops that move pixels: flips, affine and projective maps, crops, distortions, stroke width."""
