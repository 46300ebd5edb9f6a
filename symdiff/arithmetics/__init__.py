"""A Program read in one arithmetic: symbols, arrays, tensors, balls."""
