"""The parts of scripts/train_mini.py: data, cached features, text tuning, heads, measures."""
