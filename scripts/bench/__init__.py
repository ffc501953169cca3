"""Parts of the benchmark; each has `measure(...)`, which returns figures that JSON can hold."""
