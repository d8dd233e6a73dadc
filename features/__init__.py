"""What was known of a person on an as-of date: cohorts, windows, the register, engines, outcomes."""
