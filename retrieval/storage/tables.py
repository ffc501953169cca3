"""The tables of the catalog, as the newest schema has them.

`migrations` make them; a test compares the two.
"""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

from retrieval.storage.readable import as_path


class PathText(TypeDecorator[str]):
    """A path as text; one that is not UTF-8 as its bytes, so that it comes back unchanged."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return os.fsencode(value)
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else as_path(value)


metadata = MetaData()

#: One row an image content.
photos = Table(
    "photos",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_hash", LargeBinary, nullable=False, unique=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("format", String, nullable=False),
    Column("frames", Integer, nullable=False),  # of an animation the first one is embedded
)

#: One row a text content.
documents = Table(
    "documents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_hash", LargeBinary, nullable=False, unique=True),
    Column("text", String, nullable=False),
)

#: One row a file met: a photo's, a text corpus, or a skipped one (then `reason` says why).
files = Table(
    "files",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", PathText, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("photo_id", ForeignKey("photos.id"), index=True),
    Column("reason", String),
    Column("reader", String),
)

#: Where a document stands: a line of a file, and the photo that the line names.
sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file_id", ForeignKey("files.id"), nullable=False, index=True),
    Column("document_id", ForeignKey("documents.id"), nullable=False, index=True),
    Column("line", Integer, nullable=False),
    Column("photo_path", PathText, index=True),
    Column("guessed", Boolean, nullable=False, server_default=text("0")),
)

#: One row an encoder; `photos_rows` and `documents_rows` are the committed lengths of its vectors,
#: the editions say which vector files hold them (compaction writes new ones), `generation` counts
#: the commits that touched the vectors, so that a reader notices that what it loaded is old.
spaces = Table(
    "spaces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String, nullable=False, unique=True),
    Column("encoder", String, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("photos_rows", Integer, nullable=False),
    Column("documents_rows", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("photos_edition", Integer, nullable=False),
    Column("documents_edition", Integer, nullable=False),
)

#: Which row of a space's vector file holds which item; a row that is not live is not searched.
embeddings = Table(
    "embeddings",
    metadata,
    Column("space_id", ForeignKey("spaces.id"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("item_id", Integer, nullable=False),
    Column("live", Boolean, nullable=False),
    UniqueConstraint("space_id", "kind", "item_id"),
)


#: Rows of a vector file that no item owns any more and whose bytes are overwritten with zeros; not
#: `done` yet where the process died between saying so and doing it.
erasures = Table(
    "erasures",
    metadata,
    Column("space_id", ForeignKey("spaces.id"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("done", Boolean, nullable=False),
)

#: One row: how many transactions have written, and a checksum of that number.
state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("checksum", Integer, nullable=False),
)

#: One row a run that wrote: index, repair, forget, compact. `counts` and `roots` are JSON.
runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("command", String, nullable=False),
    Column("roots", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("seconds", Float),
    Column("outcome", String, nullable=False),
    Column("counts", String, nullable=False),
)

#: What a photo's file says of it (records.Facts); `version` is that of the reader (metadata).
facts = Table(
    "facts",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("taken_at", String, index=True),
    Column("taken_from", String),
    Column("utc_offset", Integer),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("altitude", Float),
    Column("city", String),
    Column("region", String),
    Column("country", String),
    Column("country_code", String),
    Column("make", String),
    Column("camera", String),
    Column("lens", String),
    Column("exposure", Float),
    Column("aperture", Float),
    Column("iso", Integer),
    Column("focal", Float),
    Column("orientation", Integer),
    Column("rating", Integer),
    Column("title", String),
    Column("caption", String),
    Column("keywords", String, nullable=False),  # JSON list
    Column("guess", String),
    Index("ix_facts_place", "city", "region", "country", "country_code"),
    Index("ix_facts_gear", "make", "camera", "lens"),
)

#: What a photo's pixels say of it (records.Looks); `version` is that of the measuring code.
looks = Table(
    "looks",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("phash", BigInteger, nullable=False),
    Column("sharpness", Float, nullable=False),
    Column("brightness", Float, nullable=False),
    Column("colours", String, nullable=False),  # JSON list
)

#: Writing that was recognised in a photo; `reader` names what recognised it.
writing = Table(
    "writing",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("reader", String, nullable=False),
    Column("text", String, nullable=False),
)

#: Trips and events, derived from facts; a photo belongs to the one whose time it lies in.
trips = Table(
    "trips",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("label", String, nullable=False, unique=True),
    Column("begins", String, nullable=False),
    Column("ends", String, nullable=False),
    Column("photos", Integer, nullable=False),
    Column("city", String),
    Column("region", String),
    Column("country", String),
)

#: Queries that the user keeps.
saved = Table(
    "saved",
    metadata,
    Column("name", String, primary_key=True),
    Column("query", String, nullable=False),
)

#: Conversations, and their questions and answers. `plan` is JSON (records.QuestionPlan).
conversations = Table(
    "conversations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("begun_at", String, nullable=False),
)
turns = Table(
    "turns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "conversation_id",
        ForeignKey("conversations.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("number", Integer, nullable=False),
    Column("question", String, nullable=False),
    Column("answer", String, nullable=False),
    Column("status", String, nullable=False),
    Column("plan", String, nullable=False),
    Column("at", String, nullable=False),
    UniqueConstraint("conversation_id", "number"),
)

#: The photos of a turn by their number in it; forgetting a photo takes the turns it is in along.
turn_photos = Table(
    "turn_photos",
    metadata,
    Column("turn_id", ForeignKey("turns.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("photo_id", Integer, nullable=False, index=True),
)
