"""Many calls in one command."""
