"""trustkeys batch: many keys."""
