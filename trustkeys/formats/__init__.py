"""The forms in which keys are kept and passed on."""
