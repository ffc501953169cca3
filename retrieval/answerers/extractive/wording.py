"""What a language needs to say answers: templates, filled by str.format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: A template for one photo, and one for several.
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The templates of one language. A name in braces says what is put there.

    `cites` is a citation like "[1-3]", `photo` a citation with what is known of that photo. A
    phrase is a part of a sentence and has no full stop.
    """

    capitals: bool
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    colour_names: Mapping[str, str]
    place: str  # `chinese`, where there is such a name, and `name`
    place_known: str  # the same in brackets, behind a photo

    # --- pieces ---
    day_words: str
    day: str
    time: str
    month: str
    span: str
    comma: str
    listed: str
    also: str  # before the last of several
    either: str  # before the last of several possibilities
    stop: str
    semicolon: str
    between: str  # claims
    cited: str
    counted: str
    known: str
    others: str
    nouns: Mapping[str, str]  # what a field or a group is called
    nouns_many: Mapping[str, str]  # the same behind a number
    phrases: Mapping[str, str]  # how a field's value stands in a sentence
    groups: Mapping[str, str]  # how a group's value does

    # --- what photos do that match a box ---
    before_place: str  # a regular expression: how a box begins that says when, where or with what
    taken: Pair
    taken_in: Pair
    lacks: Pair  # "-has:date"
    matches: Pair
    seems: Pair
    are_here: Pair
    are_those: Pair

    # --- how sure ---
    plain: str
    likely: str
    perhaps: str
    unsure: str
    otherwise: str
    as_likely: str

    # --- answers ---
    in_stays: Pair  # exactly, and about so many
    in_stay: Pair
    other_stays: str
    in_all: Pair  # exactly, and about so many
    best: str
    picked: Mapping[str, str]
    among: str
    count: Pair
    about: Pair
    distinct: str
    found: str
    ends: Mapping[str, str]
    found_else: str
    yes: Mapping[str, str]  # by how sure
    yes_also: str
    yes_count: Pair
    yes_that: str  # of one given photo
    of_those: Pair  # of several given ones: exactly, and about so many
    all_those: Pair
    per_group: str
    most: Mapping[str, str]
    of_box: str
    next: str
    more: Mapping[str, str]
    against: Pair
    none: str
    as_many: str
    share: Mapping[str, str]
    caption: str
    writing: str
    keywords: str
    colours: str
    tags: str
    tag: str
    taken_so: str
    they_look: str

    # --- refusals ---
    empty: str
    none_of: Pair  # by how many photos there are
    none_known: Pair  # by how many fields
    lacking: Pair
    lacking_too: Pair  # behind another
    no_match: str
    closest: str
    apart: str
    not_surely: str
    only_absent: str
    closest_lacks: str
    not_that: Pair  # of one given photo: not, and not clearly
    none_those: Pair
    not_counted: str
    missing: Pair
    not_kept: str
    not_said: Pair
    no_name: str
    no_taker: str
    own_day: str
    elsewhere: str
    elsewhere_too: str
    neither: str
    no_text: str
    no_colour: str
    no_writing: str
