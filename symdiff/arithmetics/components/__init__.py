"""Tensor programs component by component: shapes, scalar programs, sparsity of Jacobians."""
