"""Whom the estimates burden, and who decided that they may go out: audit, policy, sign-off, release."""
