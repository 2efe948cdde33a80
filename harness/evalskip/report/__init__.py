"""What people read: terminal, Markdown, a page with plots; and what other tools read.

Computes nothing.
"""
