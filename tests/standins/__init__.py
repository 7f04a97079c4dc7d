"""Programs that the tests put in the place of others."""
