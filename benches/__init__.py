"""One program per figure of the design, each measured beside its baseline in one run.

A module here is called like its figure and has one function, ``measure() -> Figure``; ``python -m benches`` finds it.
"""
