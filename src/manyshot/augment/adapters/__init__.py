"""Adapters to other libraries, one file each: their transforms as ops, our ops as their transforms, and data loaders.

Import each from its own module; the other library is imported only when needed.
"""
