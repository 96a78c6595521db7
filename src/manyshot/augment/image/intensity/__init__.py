"""Ops that change values pixel by pixel: color, contrast, curves, histograms, stains."""
