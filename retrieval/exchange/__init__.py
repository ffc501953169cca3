"""Exchange with other programs: export of a collection, import of embeddings made elsewhere."""
