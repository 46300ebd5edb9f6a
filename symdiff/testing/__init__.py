"""What test suites use: `assert_derivatives`, and strategies that draw inputs at ties and zeros."""

from symdiff.testing.assertions import assert_derivatives

__all__ = ["assert_derivatives"]
