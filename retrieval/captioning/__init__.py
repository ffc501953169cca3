"""Texts about photos: descriptions, captions of whole folders, short stories."""
