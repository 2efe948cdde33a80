"""What runs inside a job's own interpreter, which may be somebody else's environment.

Like the probe and the callbacks, which travel with it, it needs only the standard library, torch
and transformers, and what the job itself needs.
"""
