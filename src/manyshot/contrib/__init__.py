"""Methods that serve one purpose or one experiment; each folder is self-contained."""
