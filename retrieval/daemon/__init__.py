"""A background service that keeps collections open, so that a search need not start from nothing.

One process a user, on a unix socket in a folder that nobody else can enter. `client` asks it and
costs a process next to nothing; `server` answers with `held`, the collections it has open;
`protocol` is what both agree on. Whatever goes wrong, a client can always search by itself.
"""
