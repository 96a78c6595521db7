"""What people look at: galleries, plots, the page, and made samples as files."""
