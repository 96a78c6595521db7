"""Ops that change values pixel by pixel: colour, contrast, curves, histograms, stains."""
