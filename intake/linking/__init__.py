"""Who is who across agencies: exact identifiers first, then probability, then a steward."""
