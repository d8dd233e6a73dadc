"""The second door: evaluate and audit a table somebody already has. It can never lead to a release."""
