"""What is kept: the store of extracts, the vault of identities, the writing end of the equality store."""
