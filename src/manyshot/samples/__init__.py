"""Generated samples as files and as shots of a plan: exports, contact sheets, trained augmenters in plans."""
