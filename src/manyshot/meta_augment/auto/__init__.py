"""The augmenter `auto`: looks at a support set and says which plan will help most."""
