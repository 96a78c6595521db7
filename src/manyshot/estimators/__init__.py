"""Estimators in the conventions of scikit-learn and imbalanced-learn."""

from manyshot.estimators.auto import AutoFewShotClassifier
from manyshot.estimators.classifier import FewShotClassifier
from manyshot.estimators.resampler import AugmentResampler

__all__ = ["AugmentResampler", "AutoFewShotClassifier", "FewShotClassifier"]
