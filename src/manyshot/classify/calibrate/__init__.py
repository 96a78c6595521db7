"""How sure a classifier may be: temperature, operating points, and examples of no class."""
