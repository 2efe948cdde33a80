"""What is read inside a run.

Needs the standard library, torch and transformers only, because it is imported inside other
people's environments.
"""
