"""Files that ask for much, and what the command makes of them."""
