"""Three ways to work out a definition, with one meaning: the reference is the judge."""
