"""What a model wrote, read with care: JSON as asked for, broken JSON, or plain sentences."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from retrieval.answerers.citing import cited_numbers, numbers_in, without_markers
from retrieval.records import Claim, Draft

MOST_REPLY = 100_000  # characters that are read
MOST_CLAIMS = 40  # of one answer
MOST_CLAIM = 1_000  # characters

_TEXTS = ("claim", "text", "sentence", "statement", "answer")
_CITES = ("cites", "citations", "cite", "sources", "photos")
_LISTS = ("answer", "claims", "answers")
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(</\1>|\Z)", re.S | re.I)
_THOUGHT_END = re.compile(r"</(?:think|thinking|reasoning)>", re.I)
_FENCE = re.compile(r"```[a-zA-Z]*\s*\n?(.*?)(?:```|\Z)", re.S)
_FENCE_LINE = re.compile(r"^\s*```[a-zA-Z]*\s*$", re.M)
_BEGIN = re.compile(r"\{|\[\s*[{\"]")
_TRAILING = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.S)
_OPENING = re.compile(r'"(?:answer|claims|answers)"\s*:\s*\[|\A\s*\[\s*(?=\{)')
_KNOWN = re.compile(r'"known"\s*:\s*false', re.I)
# A sentence ends at ".", "!" or "?" before a space, and the citations behind that belong to it.
_SENTENCE = re.compile(
    r".+?(?:(?:[.!?]+[\"'”’)]*(?:\s*[\[【][0-9][^\]】]*[\]】])*(?=\s|\Z))"
    r"|(?:[。！？]+[”’」』）]*(?:\s*[\[【][0-9][^\]】]*[\]】])*)|\n|\Z)",
    re.S,
)
_SHORTENED = re.compile(
    r"(?:\b(?:St|Mt|Mr|Mrs|Ms|Dr|No|approx|ca|vs|e\.g|i\.e|a\.m|p\.m))\.\Z", re.I
)
_DENIAL = re.compile(
    r"\b(i (do not|don't|cannot|can't|am not able|am unable)|i'm (sorry|unable|not able)"
    r"|there is no (evidence|information)|(evidence|photos?) (does|do) not (say|show|answer|tell)"
    r"|not (stated|mentioned|enough information))\b|无法|不知道|没有足够|未提及|抱歉",
    re.I,
)


def read_reply(text: str) -> Draft | None:
    """The draft in a reply; None where nothing in it can be used.

    Takes JSON in a code fence, with commas too many, or cut off (a claim that was cut is left
    out: half a sentence may say the opposite); else plain sentences with citations. A reply that
    says it does not know is refused; its claims then say why.
    """
    text = without_thoughts(text[:MOST_REPLY])
    fenced = _FENCE.search(text)
    for candidate in (text, fenced[1] if fenced else ""):
        begin = _BEGIN.search(candidate)
        draft = _from_json(candidate[begin.start() :]) if begin else None
        if draft is not None:
            return draft
    if _BEGIN.match(text):  # JSON of another kind is no sentence
        return None
    draft = _from_text(text)
    return draft if draft.claims else None


def without_thoughts(text: str) -> str:
    """A reply without what its model thought aloud."""
    # Some templates begin a thought themselves, so that only its end is written.
    return _THOUGHT_END.split(_THOUGHT.sub("", text))[-1].strip()


# --- JSON -----------------------------------------------------------------------------------


def _from_json(text: str) -> Draft | None:
    text = _TRAILING.sub(lambda found: found[1] or "", text)
    try:
        parsed, _ = json.JSONDecoder(strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        if (opening := _OPENING.search(text)) is None:
            return None
        parsed = {
            "answer": list(_whole_values(text[opening.end() :])),
            "known": _KNOWN.search(text) is None,
        }
    claims = _claims(parsed)
    if claims is None:
        return None
    known = parsed.get("known", True) if isinstance(parsed, dict) else True
    refused = str(known).lower() == "false"
    return Draft(claims, refused) if claims or refused else None


def _whole_values(text: str) -> Iterator[Any]:
    """The JSON values of a list that was cut off, up to the first that is not whole."""
    decoder, at = json.JSONDecoder(strict=False), 0
    while True:
        while at < len(text) and text[at] in ", \t\r\n":
            at += 1
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield value


def _claims(parsed: Any) -> tuple[Claim, ...] | None:
    """The claims in parsed JSON; None where it is no answer at all."""
    if isinstance(parsed, dict):
        inner = next((parsed[name] for name in _LISTS if name in parsed), None)
        parsed = [parsed] if inner is None and any(n in parsed for n in _TEXTS) else inner
        if isinstance(parsed, dict):
            parsed = [parsed]
    if isinstance(parsed, str):
        return _from_text(parsed).claims
    if not isinstance(parsed, list):
        return None
    return _once(_claim(value) for value in parsed[:MOST_CLAIMS])


def _once(claims: Iterable[Claim | None]) -> tuple[Claim, ...]:
    """Each claim once, with all that it cites: small models repeat themselves."""
    found: dict[str, Claim] = {}
    for claim in filter(None, claims):
        key = claim.text.casefold()
        cites = (*found[key].cites, *claim.cites) if key in found else claim.cites
        found[key] = Claim(found.get(key, claim).text, tuple(dict.fromkeys(cites)))
    return tuple(found.values())


def _claim(value: Any) -> Claim | None:
    if isinstance(value, str):
        return _made(value, ())
    if not isinstance(value, dict):
        return None
    text = next((value[name] for name in _TEXTS if isinstance(value.get(name), str)), "")
    cites = next((value[name] for name in _CITES if name in value), ())
    return _made(text, _numbers(cites))


def _numbers(cites: Any) -> tuple[int, ...]:
    """Numbers however they are written: 1, "1", "[1-3]", 1.0, a list of these."""
    if isinstance(cites, bool):
        return ()
    if isinstance(cites, int | float):
        return (int(cites),) if cites == cites and abs(cites) < 1e9 else ()
    if isinstance(cites, str):
        return cited_numbers(f"[{cites.strip().strip('[]')}]")
    if isinstance(cites, list):
        return tuple(n for value in cites[:1_000] for n in _numbers(value))
    return ()


def _made(text: str, cites: tuple[int, ...]) -> Claim | None:
    """A claim whose citations stand beside it; None where it says nothing.

    Those in the middle of it stay there as well: they tell which part stands on which photo.
    """
    cites = tuple(dict.fromkeys((*cites, *cited_numbers(text))))
    text = " ".join(text.split())[:MOST_CLAIM]
    plain = without_markers(text)
    places = numbers_in(text)
    inside = bool(places) and _says(without_markers(text[places[0][1] :]))
    return Claim(text if inside else plain, cites) if _says(plain) else None


def _says(text: str) -> bool:
    return any(c.isalnum() for c in text)


# --- sentences ------------------------------------------------------------------------------


def _from_text(text: str) -> Draft:
    text = _FENCE_LINE.sub(" ", text)
    claims = _once(_made(sentence, ()) for sentence in sentences(text)[:MOST_CLAIMS])
    cited = any(claim.cites for claim in claims)
    denied = not cited and any(_DENIAL.search(claim.text) for claim in claims)
    return Draft(claims, refused=denied or not claims)


def sentences(text: str) -> list[str]:
    """A text cut after its sentences, each with the citations that follow it."""
    found: list[str] = []
    begin = 0
    for match in _SENTENCE.finditer(text):
        end = match.end()
        if not _SHORTENED.search(text[max(end - 12, begin) : end].rstrip()):  # "St." ends none
            found.append(text[begin:end].strip())
            begin = end
    found.append(text[begin:].strip())
    return [sentence for sentence in found if sentence]


# --- languages ------------------------------------------------------------------------------


def script_of(text: str) -> str:
    """The script that most words of a text are in ("LATIN", "HAN", "CYRILLIC", …); "" for none.

    Names stand in every language in their own letters, so words in Latin letters with a capital
    count only where there is nothing else, and quotes never.
    """
    text = re.sub(r'"[^"]*"|“[^”]*”|「[^」]*」|«[^»]*»', " ", text)
    words: Counter[str] = Counter()
    names = 0
    for word in re.findall(r"[^\W\d_]+", text):
        script = _script(word[0])
        if script == "HAN":  # written without spaces: two letters to a word
            words[script] += (len(word) + 1) // 2
        elif script == "LATIN" and word[0].isupper():
            names += 1
        else:
            words[script] += 1
    if not words:
        return "LATIN" if names else ""
    return words.most_common(1)[0][0]


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "").split(" ")[0]
    return "HAN" if name in ("CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO") else name
