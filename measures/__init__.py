"""Disclosure control: which counts may be shown to whom."""
