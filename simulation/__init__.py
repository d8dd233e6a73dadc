"""A made-up partnership with known truth. Effects built into it are not evidence about the world."""
