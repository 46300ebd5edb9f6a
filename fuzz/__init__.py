"""Look for wrong results of symdiff with random programs, checked by routes that share no code.

    make fuzz MINUTES=10 SEED=0 WORKERS=2
    python -m fuzz --minutes 10 --seed 0 --workers 2

Random programs over the whole catalogue are given to `symdiff.compare` at points where something
may go wrong: exact ties, zeros, ends of domains, their neighbours, and far away. What it says is
checked by routes that share neither parser, nor arithmetic, nor table of functions with it:

- `quotients`: difference quotients of 400 digits, evaluated from the definitions in `meanings`;
- `cones`: gradients of piecewise polynomials in rational arithmetic, in random directions;
- `sympy_limits`: limits by sympy, with a time limit;
- `rewritings`: programs whose derivatives follow from those of another program.

A contradiction is shrunk by hypothesis to its smallest program.
"""
