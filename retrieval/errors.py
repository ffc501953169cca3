"""Every error this package raises on purpose.

    RetrievalError
    ├── UsageError               the request itself cannot be served (exit code 2)
    │   ├── QueryError           an empty, over-long or purely negative query, an impossible k
    │   ├── ConfigError          an unknown key or a wrong value in retrieval.toml or RETRIEVAL_*
    │   └── UnknownModelError    no such model; names near ones
    ├── NoPhotosError            a folder that holds nothing to index
    ├── ImageError               a picture that cannot be read, with the reason
    ├── CorpusError              a text file that cannot be read, with the reason
    │   └── NotTextError         its content is no text at all
    ├── ExchangeError            a set of embeddings that cannot be imported, or no place for one
    ├── CollectionError          anything wrong with a collection
    │   ├── NoCollectionError    there is none at that place yet
    │   ├── FormatError          made by another format version of this package
    │   ├── LockedError          another process is writing to it
    │   └── CorruptError         what is on disk contradicts itself
    ├── EncoderError             weights missing, damaged, or not fitting the model
    │   ├── EncoderMismatchError the collection was made with another encoder
    │   └── DeviceMemoryError    the batch does not fit the device; callers halve it and go on
    ├── DaemonError              the background service cannot be started or stopped
    ├── ModelError               a language model that cannot be reached or cannot answer
    │   ├── ModelReplyError      it answered, but with nothing that can be used
    │   ├── NoVisionError        it does not take pictures
    │   └── TooLongError         a chat is longer than it reads; a shorter one can be asked
    ├── PrivacyError             something would leave this machine that may not
    ├── PlacesError              the list of places is missing or damaged
    ├── MissingExtraError        an optional package is not installed; names the command
    └── StorageError             the disk is full, or the place is not writable

A message is one sentence or two in plain words and ends in what to do next. Errors of lower
libraries are translated where they are called and chained with ``from``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.records import IndexReport


class RetrievalError(Exception):
    """Base of all errors of this package. `exit_code` is what the command line returns."""

    exit_code = 1


class UsageError(RetrievalError):
    """The request itself cannot be served; asking differently can."""

    exit_code = 2


class QueryError(UsageError):
    """An empty, over-long or purely negative query, or an impossible k."""


class ConfigError(UsageError):
    """An unknown key or a wrong value in retrieval.toml or the environment."""


class UnknownModelError(UsageError):
    """No encoder or open_clip model has this name."""


class NoPhotosError(RetrievalError):
    """The folders hold nothing that can be indexed; `report` lists what was skipped and why."""

    def __init__(self, message: str, report: IndexReport) -> None:
        super().__init__(message)
        self.report = report


class ImageError(RetrievalError):
    """A picture cannot be read; the message is the reason, without the path."""


class CorpusError(RetrievalError):
    """A text file cannot be read as documents; the message is the reason, without the path."""


class NotTextError(CorpusError):
    """A file named as text holds something else."""


class ExchangeError(RetrievalError):
    """A set of embeddings cannot be imported, or an export has no place to go."""


class CollectionError(RetrievalError):
    """Something is wrong with a collection."""


class NoCollectionError(CollectionError):
    """There is no collection at that place."""


class FormatError(CollectionError):
    """The collection has another on-disk format version."""


class LockedError(CollectionError):
    """Another process is writing to the collection."""


class CorruptError(CollectionError):
    """What is on disk contradicts itself."""


class EncoderError(RetrievalError):
    """An encoder cannot be loaded or run."""


class EncoderMismatchError(EncoderError):
    """The collection's embeddings come from another encoder."""


class DeviceMemoryError(EncoderError):
    """A batch does not fit into the device's memory."""


class DaemonError(RetrievalError):
    """The background service cannot be started or stopped."""


class ModelError(RetrievalError):
    """A language model cannot be reached or cannot answer."""


class ModelReplyError(ModelError):
    """A language model answered with nothing that can be used; asking again may help."""


class NoVisionError(ModelError):
    """A language model was given pictures and does not take them."""


class TooLongError(ModelError):
    """A chat is longer than a language model reads; asking with less can help."""


class PrivacyError(RetrievalError):
    """Something would leave this machine, and the user has not allowed that."""


class PlacesError(RetrievalError):
    """The list of places is missing or damaged."""


class MissingExtraError(RetrievalError):
    """An optional package is needed and not installed."""


class StorageError(RetrievalError):
    """The disk is full or the place is not writable."""
