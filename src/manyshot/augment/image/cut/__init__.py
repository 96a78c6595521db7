"""Ops that remove or replace a part of an image: random erasing, mixing within an image."""
