"""Find where NaNs, infinities and wrong zeros in gradients of PyTorch code come from."""
