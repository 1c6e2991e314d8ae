"""A web page of results."""
