"""What every engine gives where there is a choice: at kinks, jumps, edges and infinite slopes.

    rows of the catalogue, calls.toml
        -> cases       calls of every function with a switch, and its common spellings
        -> requests    each at the zeros of its own switches, found by the grid
        -> compare     run by `batch`, in worker processes
        -> atlas       one row for every derivative, with the answer of every engine
        -> files       JSON, one file for each version of a library; `symdiff drift` reads two
        -> tables      plain text and Markdown; docs/atlas.md is made of the shipped files

The files of this folder are written by ``symdiff conventions --output``, never by hand.
"""
