"""The only loops: what is run, in which order, and when it is enough."""
