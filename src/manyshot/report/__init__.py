"""Reports as HTML pages, their plots, and the demo."""
