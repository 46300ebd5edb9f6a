"""One expression compared: what was asked is planned, tried, and kept as evidence."""
