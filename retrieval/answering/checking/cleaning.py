"""Texts that are safe to show: no escape sequences, nothing invisible, no markup, no links.

What a model writes goes to terminals and web pages. Text inside a photo may have asked it to write
an escape sequence, or a picture whose address carries what it read; neither gets through here.
"""

from __future__ import annotations

import re
import unicodedata

MOST_CHARACTERS = 4_000  # of a claim; longer ones are cut

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, moves, titles
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, …
    r"|\x1b[ -/]*[0-~]?"
)
_SCHEME = r"(?:https?|ftps?|wss?|file|data|javascript|vbscript|mailto|tel|sms|ssh|intent|blob)"
_PICTURE = re.compile(r"!\[([^\]\n]*)\]\s*(?:\([^)\n]*\)?|\[[^\]\n]*\])")
_LINK = re.compile(r"\[([^\]\n]*)\]\((?:[^()\n]|\([^()\n]*\))*\)?")
_REFERENCE = re.compile(r"^\s*\[[^\]\n]+\]:\s*\S+.*$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)
_SCRIPT = re.compile(r"<(script|style)\b[^>]*>.*?(?:</\1\s*>|$)", re.DOTALL | re.IGNORECASE)
_AUTO = re.compile(rf"<\s*({_SCHEME}:[^<>\s]*)\s*>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!?][^<>]*(?:>|$)")
_ADDRESS = re.compile(
    rf"\b{_SCHEME}:(?://)?([^\s<>\"“”「」]*)|\bwww\.([^\s<>\"“”「」]*)|(?<![\w:])//([\w-]+\.[^\s<>\"]*)",
    re.IGNORECASE,
)
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SPACE = re.compile(r"\s+")


def clean_text(text: str) -> str:
    """The text on one line, without what could act where it is shown.

    Escape sequences, control and invisible characters (zero-width, of direction, tags) go; HTML
    and Markdown pictures and links become their words; an address becomes "(link)". Cleaning twice
    changes nothing more. At most MOST_CHARACTERS long.
    """
    for _ in range(8):  # markup that was hidden in markup comes to light
        cleaned = _once(text)
        if cleaned == text:
            return text
        text = cleaned
    return _SPACE.sub(" ", re.sub(r"[<>\[\]!:]", " ", text)).strip()


def has_link(text: str) -> bool:
    """Whether a text holds an address, a Markdown picture or link, or HTML."""
    plain = _visible(text)
    return any(
        pattern.search(plain)
        for pattern in (_PICTURE, _LINK, _REFERENCE, _AUTO, _SCRIPT, _COMMENT, _ADDRESS, _MAIL)
    ) or bool(re.search(r"</?[A-Za-z][^<>]*>", plain))


def _once(text: str) -> str:
    text = _visible(text)
    text = _COMMENT.sub(" ", _SCRIPT.sub(" ", text))
    text = _REFERENCE.sub(" ", text)
    text = _AUTO.sub(r"\1", text)
    text = _TAG.sub(" ", text)
    text = _PICTURE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = _MAIL.sub("(link)", _ADDRESS.sub("(link)", text))
    text = _SPACE.sub(" ", text).strip()
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1].rstrip() + "…"


def _visible(text: str) -> str:
    """The text without escape sequences and characters that show nothing."""
    text = _ESCAPES.sub("", text.encode("utf-8", "replace").decode("utf-8"))
    kept = []
    for character in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(character)
        if kind in ("Zl", "Zp") or character in "\t\n\r\v\f\x85":
            kept.append("\n")
        elif kind[0] == "C" or _hides(character):  # control, format, private, unassigned
            continue
        else:
            kept.append(character)
    return "".join(kept)


def _hides(character: str) -> bool:
    """Fillers and selectors of variants, in which bytes can be hidden (U+FE0F belongs to emoji)."""
    code = ord(character)
    return (
        0xE0100 <= code <= 0xE01EF
        or 0xFE00 <= code <= 0xFE0E
        or code in (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0)
    )
