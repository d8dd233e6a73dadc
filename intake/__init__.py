"""The door: agreements, contracts, quarantine, the store of extracts, the vault of identities, linkage."""
