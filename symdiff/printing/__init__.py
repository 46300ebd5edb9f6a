"""Programs in other languages: PyTorch, NumPy, JAX, sympy, LaTeX, FPCore."""
