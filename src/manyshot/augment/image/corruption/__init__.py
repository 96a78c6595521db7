"""Ops that degrade an image as cameras, scanners and files do: blur, noise, compression, artifacts."""
