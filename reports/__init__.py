"""Pages and tables for people to read. They render what they are given and compute nothing."""
