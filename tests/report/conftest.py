"""Comparisons that several tests of reports use."""

import pytest

import symdiff


@pytest.fixture(scope="session")
def relu():
    return symdiff.compare("relu(x)", {"x": "-1:1:3"})


@pytest.fixture(scope="session")
def pole():
    return symdiff.compare("1/(3*x - 1) + cbrt(y)", {"x": ["1/3"], "y": [0, 1]})
