"""Rows as they were sent: read with their line numbers, judged by their table's contract and by other rows."""
