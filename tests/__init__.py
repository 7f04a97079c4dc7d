"""The tests: what a user would lose if they failed."""
