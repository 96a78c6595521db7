"""A page in the browser: fit a classifier, try it, see augmentation, export; on this computer alone."""
