"""The points at which an expression is compared: regular points, kinks, neighbours of kinks."""
