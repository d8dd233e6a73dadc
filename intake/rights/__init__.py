"""What people asked for and what is past its time: holds, corrections, erasure, suppression, review dates."""
