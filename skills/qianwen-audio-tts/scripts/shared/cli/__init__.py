"""What every command line has."""
