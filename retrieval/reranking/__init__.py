"""A second look at the first hits: by a language model, photo by photo, or a cross-encoder."""
