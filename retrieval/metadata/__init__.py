"""What is known of a photo besides its meaning: read from its file, filtered, shown.

`FIELDS` declares each piece once: where it is stored, where it is read from, how it is compared and
shown. Everything else goes by that table.
"""

from __future__ import annotations

from retrieval.metadata.fields import FIELDS, Field, Sort, field_named

__all__ = ["FIELDS", "Field", "Sort", "field_named"]
