"""What is known of a photo besides its meaning: read from its file, filtered, shown.

`FIELDS` declares each piece once: where it is stored, where it is read from, how it is compared and
shown. Everything else goes by that table.
"""

from __future__ import annotations

from retrieval.metadata.fields import FIELDS, Field, Sort, field_named

#: Of what is read from files (`read_facts`) and measured of pixels (`measure_looks`). Counts up
#: whenever the same photo would give another result: indexing then reads it again.
FACTS_VERSION = 5
LOOKS_VERSION = 1

#: What `Facts.taken_from` says where the name of a file gave the date.
FROM_NAME = "file name"

__all__ = [
    "FACTS_VERSION",
    "FIELDS",
    "FROM_NAME",
    "LOOKS_VERSION",
    "Field",
    "Sort",
    "field_named",
]
