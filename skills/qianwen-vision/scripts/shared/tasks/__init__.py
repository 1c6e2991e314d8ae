"""Calls that make files."""
