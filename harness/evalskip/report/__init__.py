"""What people read: terminal and Markdown. Computes nothing."""
