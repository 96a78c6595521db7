"""Deformation matching: classify drawings by how well one can be deformed into another, without training.

`strokes` turns a drawing into points along its strokes, `registration` deforms the points of one drawing onto those of
another (robust point matching), and `learner` classifies queries by the nearest support drawing.

    >>> from manyshot.contrib.deformation_matching import DeformationMatching
    >>> learner = DeformationMatching()
"""

from manyshot.contrib.deformation_matching.matching_learner import DeformationMatching

__all__ = ["DeformationMatching"]
