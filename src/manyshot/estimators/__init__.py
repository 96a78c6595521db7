"""Estimators in the conventions of scikit-learn and imbalanced-learn."""

from manyshot.estimators.augment_resampler import AugmentResampler
from manyshot.estimators.auto_classifier import AutoFewShotClassifier
from manyshot.estimators.classifier import FewShotClassifier

__all__ = ["AugmentResampler", "AutoFewShotClassifier", "FewShotClassifier"]
