"""The parts of scripts/benchmark: each measures one thing and returns plain figures."""
