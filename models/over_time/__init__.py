"""Outcomes as they come month by month, with recall and custody competing."""
