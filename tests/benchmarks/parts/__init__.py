"""Parts of the benchmark suite, one a file, and what they share."""
