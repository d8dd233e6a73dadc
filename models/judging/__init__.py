"""How good scores are, for whom, since when and how surely: evaluation, back-tests, the choice between models."""
