"""The timeline of a key set: as text for a terminal, and as a picture."""
