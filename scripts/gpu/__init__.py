"""The parts of scripts/gpu_check.py: the machine's own limits, encoding, exact search."""
