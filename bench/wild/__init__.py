"""What evaluation costs in public runs: figures, readers of raw logs, and the map."""
