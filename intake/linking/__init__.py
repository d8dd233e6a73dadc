"""Who is who across agencies: exact identifiers, then a trained model, then a data steward."""
