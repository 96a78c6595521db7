"""From a few examples to a classifier: frozen features, heads, the choice among them, and models."""
