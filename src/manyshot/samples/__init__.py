"""New samples as files and as shots of a plan: export with a manifest, contact sheets, trained augmenters in plans."""
