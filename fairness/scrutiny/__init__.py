"""What stands beside the verdicts: label bias, proxies, alternatives, gaming checks, and who bears what else."""
