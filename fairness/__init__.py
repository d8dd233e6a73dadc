"""The audit across communities, the board's policy and sign-off, and the release that follows from them."""
