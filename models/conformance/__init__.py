"""Made-up rows that travel with a model, and a second scorer that must give them the same scores."""
