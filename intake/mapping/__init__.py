"""An agency's own layout, read and turned into the canonical tables by a mapping that a person has read."""
