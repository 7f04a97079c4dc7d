"""Key sets: the service's rules, the active key, rotation, and a check of all of it."""
