"""What `make demo`, the tests and the benchmarks draw faces with."""
