"""The SQL of filters, in constant pieces: what selects photos by one field."""

from __future__ import annotations

AMONG = "AND photo_id IN (SELECT value FROM json_each(?))"
BEYOND = "~"  # sorts behind all that follows in a date: "2021" + this ends the year

#: By field: the beginning of a statement that a comparison ends.
NUMBERS = {
    "exposure": "SELECT group_concat(photo_id) FROM facts WHERE exposure",
    "aperture": "SELECT group_concat(photo_id) FROM facts WHERE aperture",
    "iso": "SELECT group_concat(photo_id) FROM facts WHERE iso",
    "focal": "SELECT group_concat(photo_id) FROM facts WHERE focal",
    "rating": "SELECT group_concat(photo_id) FROM facts WHERE rating",
    "latitude": "SELECT group_concat(photo_id) FROM facts WHERE latitude",
    "longitude": "SELECT group_concat(photo_id) FROM facts WHERE longitude",
    "altitude": "SELECT group_concat(photo_id) FROM facts WHERE altitude",
    "sharpness": "SELECT group_concat(photo_id) FROM looks WHERE sharpness",
    "brightness": "SELECT group_concat(photo_id) FROM looks WHERE brightness",
    "width": "SELECT group_concat(photo_id) FROM (SELECT id AS photo_id, nullif(width, 0) AS n"
    " FROM photos) WHERE n",
    "height": "SELECT group_concat(photo_id) FROM (SELECT id AS photo_id, nullif(height, 0) AS n"
    " FROM photos) WHERE n",
}
TEXTS = {
    "keyword": "SELECT photo_id, keywords FROM facts WHERE keywords IS NOT NULL",
    "title": "SELECT photo_id, title FROM facts WHERE title IS NOT NULL",
    "caption": "SELECT photo_id, caption FROM facts WHERE caption IS NOT NULL",
    "guess": "SELECT photo_id, guess FROM facts WHERE guess IS NOT NULL",
}
HAS = {
    "gps": "SELECT group_concat(photo_id) FROM facts WHERE latitude IS NOT NULL",
    "date": "SELECT group_concat(photo_id) FROM facts WHERE taken_at IS NOT NULL",
    "camera": "SELECT group_concat(photo_id) FROM facts WHERE coalesce(camera, make) IS NOT NULL",
    "caption": "SELECT group_concat(photo_id) FROM facts WHERE caption <> ''",
    "keywords": "SELECT group_concat(photo_id) FROM facts WHERE keywords <> '[]'",
    "writing": "SELECT group_concat(photo_id) FROM writing WHERE text <> ''",
    "rating": "SELECT group_concat(photo_id) FROM facts WHERE rating IS NOT NULL",
}
PHOTO = (
    "SELECT group_concat(photo_id) FROM (SELECT id AS photo_id, width, height, format FROM photos"
)
SHAPES = {
    "square": PHOTO + ") WHERE width > 0 AND abs(width - height) * 20 <= max(width, height)",
    "landscape": PHOTO + ") WHERE width > 0 AND (width - height) * 20 > width",
    "portrait": PHOTO + ") WHERE width > 0 AND (height - width) * 20 > height",
    "panorama": PHOTO + ") WHERE width > 0 AND width >= 2 * height",
}
#: A picture of these alone has no colour.
NO_COLOUR = "black and white"

#: The order in which filters are looked at: those by an index first, scans of texts last.
COST = (
    *("trip", "taken", "place", "city", "region", "country", "camera", "lens", "text"),
    *("sharpness", "brightness", "colour", "format", "shape", "width", "height", "rating", "iso"),
    *("aperture", "exposure", "focal", "has", "folder", "file", "keyword", "title", "caption"),
    "guess",
)
TAKEN = "SELECT group_concat(photo_id) FROM facts WHERE"
#: What of a date returns each year, day or week; NULL where no hour or day is known.
RETURNING = {
    "-": "substr(taken_at, 6, ?)",
    "T": "nullif(substr(taken_at, 12, ?), '')",
    "W": "substr((strftime('%w', substr(taken_at, 1, 10)) + 6) % 7 + 1, 1, ?)",
}
LOOKS = "SELECT group_concat(photo_id) FROM looks WHERE"
FORMAT = PHOTO + ") WHERE"
PATHS = "SELECT photo_id, path FROM files WHERE photo_id IS NOT NULL"
EVERY = "SELECT group_concat(photo_id) FROM (SELECT id AS photo_id FROM photos) WHERE 1"
COLOURLESS = (
    "(colours <> '[]' AND trim(replace(replace(replace(replace(colours, '\"black\"', ''),"
    " '\"white\"', ''), '\"grey\"', ''), '\"gray\"', ''), '[], ') = '')"
)
PLACE_COLUMNS = ("city", "region", "country", "country_code")
GEAR_COLUMNS = ("make", "camera", "lens")
WITH_PLACE = (
    "SELECT group_concat(photo_id) FROM json_each(?) AS j CROSS JOIN facts ON"
    " city IS json_extract(j.value, '$[0]') AND region IS json_extract(j.value, '$[1]')"
    " AND country IS json_extract(j.value, '$[2]')"
    " AND country_code IS json_extract(j.value, '$[3]')"
)
WITH_GEAR = (
    "SELECT group_concat(photo_id) FROM json_each(?) AS j CROSS JOIN facts ON"
    " make IS json_extract(j.value, '$[0]') AND camera IS json_extract(j.value, '$[1]')"
    " AND lens IS json_extract(j.value, '$[2]')"
)
