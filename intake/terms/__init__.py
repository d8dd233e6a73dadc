"""What may come in and how it must look: agreements, contracts, what a table is for, a delivery and its files."""
