"""Manyshot: data augmentation for few-shot and meta-learning."""

__version__ = "0.1.0"
