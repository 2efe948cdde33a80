"""Has what evaluation costs changed? Today against a baseline of several sessions, over history."""
