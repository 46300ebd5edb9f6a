"""Programs on tensors, written out component by component."""
