"""From records to figures: pandas and scipy, no torch."""
