"""Training: the same code makes what ships and what users train."""
