"""Key sets: the service's rules, which key is active when, rotation, and a check of it all."""
