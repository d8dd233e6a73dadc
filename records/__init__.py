"""The ground: workspace paths, errors, identifiers and code lists, the hash-chained log, keys and approvals."""
