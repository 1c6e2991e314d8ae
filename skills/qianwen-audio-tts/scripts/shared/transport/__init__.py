"""One HTTP call done right."""
