"""Adapters to other libraries, a file each: their transforms as ops, our ops as their transforms, and data loaders.

Nothing here is imported unless it is asked for, and neither is the other library.
"""
