"""Many expressions: reading files, running their entries, one after another or in processes."""
