"""What belongs together: near-duplicates and bursts, trips and their events, clusters with labels.

Each module is a pure function over plain records, and a small one that reads a collection for it.
"""
