"""Peaks on fake tensors: what a job would hold on a card that one does not have."""
