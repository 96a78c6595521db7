"""Deformation matching: classify drawings by how much one has to be bent to become another."""

from manyshot.contrib.deformation_matching.learner import DeformationMatching

__all__ = ["DeformationMatching"]
