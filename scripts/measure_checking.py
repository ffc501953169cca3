"""How well the checker of citations tells true claims from false ones.

    python scripts/measure_checking.py ../shared/data

True claims are made from what is true of the photos of the album (album-truth.json): facts by
templates, and captions: each photo has five, so one is the claim, a paraphrase, and the other four
are the evidence. A false claim is a true one with one fact changed. Prints, by kind, how many true
claims were struck, how many false ones were caught, and how many of both were held for grounded:
what is neither struck nor proven makes an answer partly grounded.
"""

from __future__ import annotations

import datetime
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from retrieval.answering.checking import Checked, check
from retrieval.places import places
from retrieval.records import Brief, Claim, Draft, Evidence, Facts, QuestionPlan, Total

COUNTRIES = {
    "JP": "Japan", "PT": "Portugal", "DE": "Germany", "PE": "Peru", "IS": "Iceland",
    "ZA": "South Africa", "US": "United States", "FR": "France", "IT": "Italy", "MX": "Mexico",
}  # fmt: skip
MONTHS = [datetime.date(2000, month, 1).strftime("%B") for month in range(1, 13)]
Made = tuple[str, str, str]  # kind, claim, question


def evidence_of(photo: dict[str, Any], n: int, captions: list[str]) -> Evidence:
    """A photo of the album as an answerer may use it."""
    country = COUNTRIES.get(photo["country"] or "", photo["country"])
    city = photo["city"]
    make, _, model = (photo["camera"] or "").partition(" ")
    facts = Facts(
        taken_at=photo["taken_at"],
        city=city,
        country=country,
        country_code=photo["country"],
        make=make or None,
        camera=model or None,
        iso=100 * (n % 7 + 1),
        aperture=(1.8, 2.8, 4.0, 5.6, 8.0)[n % 5],
    )
    place = f"{city}, {country}" if city else None
    return Evidence(
        n, n, photo["file"], facts, photo["camera"], place, captions=tuple(captions), relevant=True
    )


# --- claims ---------------------------------------------------------------------------------


def dates(day: datetime.date) -> Iterator[str]:
    """One day in the usual writings."""
    month, name = MONTHS[day.month - 1], day.strftime("%A")
    yield day.isoformat()
    yield f"{day.day} {month} {day.year}"
    yield f"{month} {day.day}, {day.year}"
    yield f"{month[:3]} {day.day}, {day.year}"
    yield f"{name}, {day.day} {month} {day.year}"
    yield f"{day:%d.%m.%Y}"
    yield f"{day:%m/%d/%Y}"
    yield f"{month} {day.year}"
    yield f"the {day.day}th of {month} {day.year}" if 3 < day.day < 21 else day.isoformat()


ELSEWHERE = (
    ("Am {0.day}. {1} {0.year}", "Januar Februar März April Mai Juni Juli August September Oktober"
     " November Dezember"),
    ("Le {0.day} {1} {0.year}", "janvier février mars avril mai juin juillet août septembre octobre"
     " novembre décembre"),
    ("El {0.day} de {1} de {0.year}", "enero febrero marzo abril mayo junio julio agosto septiembre"
     " octubre noviembre diciembre"),
    ("Il {0.day} {1} {0.year}", "gennaio febbraio marzo aprile maggio giugno luglio agosto"
     " settembre ottobre novembre dicembre"),
    ("Em {0.day} de {1} de {0.year}", "janeiro fevereiro março abril maio junho julho agosto"
     " setembro outubro novembro dezembro"),
    ("Op {0.day} {1} {0.year}", "januari februari maart april mei juni juli augustus september"
     " oktober november december"),
)  # fmt: skip
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth"),
    *("seventeenth", "eighteenth", "nineteenth", "twentieth", "twenty-first", "twenty-second"),
    *("twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth", "twenty-seventh"),
    *("twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first"),
)


def spoken_dates(day: datetime.date) -> Iterator[str]:
    """The same day, or its month, in words and in other languages, as ends of a sentence."""
    month = MONTHS[day.month - 1]
    nth, before = ORDINALS[day.day - 1], day - datetime.timedelta(days=1)
    yield f"on the {nth} of {month.lower()}"
    yield f"on {month} the {nth}, {day.year}"
    yield f"on the {nth}"
    yield f"in {day:%m/%Y}"
    yield f"on {day.month}/{day.day}"
    yield f"on the day after {before.isoformat()}"
    yield f"a week before {(day + datetime.timedelta(days=7)).isoformat()}"
    yield f"in {'early' if day.day < 11 else 'mid' if day.day < 21 else 'late'} {month} {day.year}"
    yield f"in the {day.year // 10 * 10}s"


def claims_of(each: Evidence, said: str, scene: str | None = None) -> Iterator[Made]:
    """What is true of a photo, in many ways; `said` is a caption that is not in the evidence.

    `scene` is what some claims begin with; a caption of the photo unless it is given.
    """
    facts, n = each.facts, each.n
    taken = datetime.datetime.fromisoformat(facts.taken_at or "")
    for text in dates(taken.date()):
        yield "date", f"The photo was taken on {text} [{n}].", "When was that?"
        yield "date", f"You took it on {text} at {taken:%H:%M} [{n}].", "When was that?"
    yield "date", f"It was in {taken.year} [{n}].", "When was that?"
    yield "date", f"照片拍摄于{taken.year}年{taken.month}月{taken.day}日[{n}]。", "什么时候拍的？"
    scene = scene or scene_of(each)
    for text in spoken_dates(taken.date()):
        yield "spoken", f"{scene} {text} [{n}].", "When was that?"
    for shape, names in ELSEWHERE:
        name = names.split()[taken.month - 1]
        yield "foreign", f"{shape.format(taken, name)} [{n}].", "When was that?"
    if each.place:
        yield "small place", f"{scene} in {(facts.city or '').lower()} [{n}].", "Where was that?"
    yield "time", f"The time was {taken:%I:%M %p} [{n}].", "When was that?"
    if each.place:
        yield "place", f"The photo was taken in {each.place} [{n}].", "Where was that?"
        yield "place", f"{facts.city} is where you took it [{n}].", "Where was that?"
        yield "place", f"It shows a street in {facts.country} [{n}].", "Where was that street?"
        yield "place", f"这张照片是在{facts.city}拍的[{n}]。", "在哪里拍的？"
    if each.camera:
        yield "camera", f"It was shot with a {each.camera} [{n}].", "Which camera did I use?"
        yield (
            "camera",
            f"The camera was the {each.camera}, at ISO {facts.iso} [{n}].",
            "Which camera?",
        )
        yield "setting", f"ISO {facts.iso}, f/{facts.aperture:g} [{n}].", "Which settings?"
    name = each.path.rpartition("/")[2]
    yield "file", f"The photo is {name} [{n}].", "Which file is it?"
    if each.captions:
        quote = each.captions[0].strip()
        yield "quote", f"A caption says: “{quote}” [{n}].", "What is on it?"
        yield "caption", f"{quote.rstrip(' .')} [{n}].", "What is on it?"
        yield "paraphrase", f"{said.strip().rstrip(' .')} [{n}].", "What is on it?"
        yield "paraphrase", f"The photo shows {lowered(said)} [{n}].", "What is on it?"


def scene_of(each: Evidence) -> str:
    """A caption, as the beginning of a sentence."""
    return (each.captions or ("It",))[0].strip().rstrip(" .")


def lowered(text: str) -> str:
    text = text.strip().rstrip(" .")
    return text[:1].lower() + text[1:]


Change = Callable[[Evidence, Evidence, random.Random], Evidence]


def false_claims(each: Evidence, said: str, other: Evidence, other_said: str) -> Iterator[Made]:
    """What is true of another photo, said of this one: one kind of fact at a time.

    Only what differs between the two is taken.
    """
    mine = {(kind, re.sub(r"\[\d+\]", "", text)) for kind, text, _ in claims_of(each, said)}
    for kind, text, question in claims_of(other, other_said, scene_of(each)):
        text = re.sub(rf"\[{other.n}\]", f"[{each.n}]", text)
        if (kind, re.sub(r"\[\d+\]", "", text)) not in mine and _differs(kind, text, each, other):
            yield kind, text, question


def _differs(kind: str, text: str, each: Evidence, other: Evidence) -> bool:
    a, b = each.facts, other.facts
    if kind == "date":
        year_only = re.search(r"in (\d{4}) ", text)
        month_only = not re.search(
            r"\d{1,2}\b(?!\d)(?!.{0,3}\d{2}:)", re.sub(r"\d{4}|\[\d+\]", "", text)
        )
        length = 4 if year_only else 7 if month_only else 10
        return (a.taken_at or "")[:length] != (b.taken_at or "")[:length]
    if kind == "spoken":
        return _differs_in_words(text, a, b)
    if kind == "foreign":
        return (a.taken_at or "")[:10] != (b.taken_at or "")[:10]
    if kind in ("place", "small place"):
        return a.country != b.country
    if kind == "camera":
        return each.camera != other.camera
    if kind == "setting":
        return (a.iso, a.aperture) != (b.iso, b.aperture)
    return True


def _differs_in_words(text: str, a: Facts, b: Facts) -> bool:
    """Whether two days differ in what such a date tells of one: as many digits as it says."""
    mine, other = (datetime.date.fromisoformat((f.taken_at or "")[:10]) for f in (a, b))
    if re.search(r" in \d{2}/\d{4}| in (?:early|mid|late) ", text):
        return mine.replace(day=1) != other.replace(day=1)
    if re.search(r" in the \d{4}s", text):
        return mine.year // 10 != other.year // 10
    if " before " in text:
        return abs((mine - other).days) > 3
    if re.search(r"on the [\w-]+ \[", text):
        return mine.day != other.day
    if " of " in text or re.search(r"on \d+/\d+ ", text):
        return {mine.month, mine.day} != {other.month, other.day}
    return mine != other


def amounts(photos: list[Evidence]) -> Iterator[tuple[bool, Made, Brief]]:
    """How many without digits; of 24 photos out of 500."""
    question = "How many photos of dogs did I take?"
    plan = QuestionPlan(question, "count", "dogs")
    numbers = tuple(each.n for each in photos)
    brief = Brief(plan, tuple(photos), (Total("", len(photos), numbers),), 500, len(photos))
    for right, text in (
        (True, "You took 24 photos of dogs."), (True, "You took twenty-four photos of dogs."),
        (True, "Two dozen photos."), (True, "At least 24 photos."), (True, "Dozens of photos."),
        (False, "Hundreds of photos."), (False, "Thousands of photos."), (False, "A single photo."),
        (False, "There is just one."), (False, "You took no photos of dogs."), (False, "None."),
        (False, "Half of your photos show dogs."), (False, "Most of your photos show dogs."),
        (False, "All of your photos show dogs."), (False, "Of your 500 photos, all show dogs."),
        (False, "More than 24 photos."), (False, "Fewer than 24 photos."), (False, "24+24 photos."),
        (False, "You took twice as many as 24 photos."), (False, "A handful of photos."),
        (False, "Every photo in your collection shows dogs."),
        (False, "A third of your photos show dogs."), (False, "Millions of photos."),
    ):  # fmt: skip
        yield right, ("amount", f"{text} [{', '.join(map(str, numbers))}]", question), brief


def counted(photos: list[Evidence]) -> Iterator[tuple[bool, Made, Brief]]:
    """Counts over a match set: right ones, wrong ones, and right ones of another label."""
    cities = Counter(each.facts.city for each in photos if each.facts.city)
    totals = tuple(
        Total(city, count, tuple(e.n for e in photos if e.facts.city == city))
        for city, count in cities.most_common()
        if city
    )
    whole = Total("", len(photos), tuple(each.n for each in photos))
    question = "How many photos were taken in each city?"
    plan = QuestionPlan(question, "count", "", group="city")
    brief = Brief(plan, tuple(photos), (whole, *totals), 500, len(photos))
    for total in totals:
        marker = f"[{', '.join(map(str, total.numbers))}]"
        for shape in (
            "{} photos were taken in {} {}.", "{} pictures are from {} {}.", "{1}: {0} photos {2}.",
            "There are {} photos of {} {}.", "在{1}拍了{0}张照片{2}。",
        ):  # fmt: skip
            for count in {total.count, total.count + 1, total.count - 1, *cities.values()}:
                text = shape.format(count, total.label, marker)
                yield count == total.count, ("count", text, question), brief


# --- measuring ------------------------------------------------------------------------------


def checked(made: Made, brief: Brief) -> Checked:
    cites = tuple(int(n) for n in re.findall(r"\[(\d+)\]", made[1]))
    draft = Draft((Claim(made[1], cites),))
    return check(draft, brief, is_place=is_place, today=datetime.date(2026, 1, 1))


def is_place(name: str) -> bool:
    return bool(places().named(name))


def main(data: Path, show: int = 3) -> None:
    truth = json.loads((data / "album-truth.json").read_text("utf-8"))
    chosen = random.Random(7)
    chosen.shuffle(truth)
    photos = truth[:100]
    made = [evidence_of(photo, n, photo["captions"][1:]) for n, photo in enumerate(photos, 1)]
    counts: Counter[tuple[str, str]] = Counter()
    for i, each in enumerate(made):
        j = (i + 1 + chosen.randrange(len(made) - 1)) % len(made)
        near = tuple(made[k % len(made)] for k in range(i, i + 10))
        said, other_said = photos[i]["captions"][0], photos[j]["captions"][0]
        for kind, text, question in claims_of(each, said):
            brief = Brief(QuestionPlan(question, "find", ""), near, (), 500, 10)
            tell(counts, "true", (kind, text, question), brief, show)
        for kind, text, question in false_claims(each, said, made[j], other_said):
            brief = Brief(QuestionPlan(question, "find", ""), near, (), 500, 10)
            tell(counts, "false", (kind, text, question), brief, show)
    for right, claim, brief in (*counted(made[:24]), *amounts(made[:24])):
        tell(counts, "true" if right else "false", claim, brief, show)
    print(
        f"{'kind':12}{'true':>7}{'struck':>9}{'grounded':>10}{'false':>8}{'caught':>9}{'grounded':>10}"
    )
    for kind in sorted({kind for kind, _ in counts}):
        true, struck = counts[kind, "true"], counts[kind, "true struck"]
        false, caught = counts[kind, "false"], counts[kind, "false struck"]
        print(
            f"{kind:12}{true:7}{struck / max(true, 1):9.1%}"
            f"{counts[kind, 'true grounded'] / max(true, 1):10.1%}{false:8}"
            f"{caught / max(false, 1):9.1%}{counts[kind, 'false grounded'] / max(false, 1):10.1%}"
        )


def tell(counts: Counter[tuple[str, str]], sort: str, made: Made, brief: Brief, show: int) -> None:
    found = checked(made, brief)
    struck = bool(found.struck)
    counts[made[0], f"{sort} grounded"] += found.status == "grounded"
    counts[made[0], sort] += 1
    counts[made[0], f"{sort} struck"] += struck
    wrong = struck if sort == "true" else found.status == "grounded"
    counts[made[0], f"{sort} wrong"] += wrong
    if wrong and counts[made[0], f"{sort} wrong"] <= show:
        print(f"# {sort}, {'struck' if struck else found.status}: {made[1]}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
