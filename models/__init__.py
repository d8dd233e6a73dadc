"""Readable estimators, their evaluation over time, and the reasons behind each estimate."""
