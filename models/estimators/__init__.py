"""The models: estimators whose every estimate is a sum anybody can follow, and what recalibrates them."""
