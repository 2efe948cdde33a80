"""What other tools read: one module per format."""
