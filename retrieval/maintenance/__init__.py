"""Keeping a collection sound: verify, repair, forget, compact."""
