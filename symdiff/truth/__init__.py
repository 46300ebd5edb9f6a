"""The judge: what the derivative really is. It knows no engine."""
