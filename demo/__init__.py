"""Drawn cartoon faces: the data of `make demo`, of the tests and of the benchmarks."""
