"""Text and vision."""
