"""What positions, addresses and contacts look like in a text: expressions, and what they find.

Rather too much is found than too little: what is hidden is put back on this machine.
"""

from __future__ import annotations

_NUMBER = r"\d{1,3}(?:[.,．，]\d+)?"
_FINE = r"[-+−]?\d{1,3}[.,．，]\d{2,}"
_SIDE = r"[NSEWOnsewo北南东西東](?![^\W\d_])"
_TOWARDS = r"(?:[NSEW]|North|South|East|West)(?![^\W\d_])"

#: Coordinates in decimals and in degrees, minutes and seconds; plus codes, military grids, three
#: words; numbers that say that they are a latitude, or that are as fine as only positions are.
POSITION = "|".join(
    (
        rf"{_FINE}\s*°?\s*(?:{_SIDE})?\s*[,;/|\s]\s*{_FINE}(?:\s*°)?(?:\s*{_SIDE})?",
        rf"[-+−]?{_NUMBER}\s*[°º](?!\s*[CFcf]\b)(?:\s*{_NUMBER}\s*['′’])?"
        rf"(?:\s*{_NUMBER}\s*(?:[\"″”]|''))?(?:\s*{_SIDE})?",
        rf"[-+−]?\d{{1,3}}[.,．，]\d+\s*{_TOWARDS}",
        r"\b[NSEW]\s*\d{1,3}[.,°º\s]\s*\d+(?:[.,．，]\d+)?",
        r"(?i:\b(?:lat|latitude|lon|lng|long|longitude|gps)|纬度|经度|緯度|經度)"
        rf"\W{{0,3}}[-+−]?{_NUMBER}(?:\s*[,;/|\s]\s*[-+−]?{_NUMBER})?",
        r"[-+−]?\d{1,3}[.,．，]\d{4,}",
        r"\b[2-9CFGHJMPQRVWX]{4,8}\+[2-9CFGHJMPQRVWX]{2,3}\b",
        r"\b\d{1,2}[C-X][A-Z]{2}\s?\d{2,5}\s?\d{2,5}\b",
        r"///\w+\.\w+\.\w+",
    )
)

_ROADS = (
    "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq"
    "|Terrace|Way|Highway|Hwy"
)
#: A house and its road, as written in English, German, French, Italian, Spanish and Chinese; and
#: postcodes of Britain, and of five digits before a name.
ADDRESS = "|".join(
    (
        rf"\b\d{{1,5}}[A-Za-z]?,?\s+(?:[^\W\d_a-z][\w.'’-]*\s+){{1,4}}(?:{_ROADS})\b\.?",
        r"\b[^\W\d_a-z][\w-]*[ -]?(?i:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer)"
        r"\s+\d{1,4}\s?[a-z]?\b",
        r"\b\d{1,4},?\s+(?:rue|quai|chemin)\s+(?:d[eu]s?\s+|la\s+|l['’])*[\w'’-]+",
        r"\b(?i:rue|via|viale|piazza|calle|plaza|avenida)\s+(?:d\w{1,3}\s+)?[\w'’-]+,?\s+\d{1,4}\b",
        r"[\u4e00-\u9fff]{1,8}(?:路|街|巷|大道)\s*\d{1,5}\s*[号號]?",
        r"\b(?:[A-Z]{1,2}-)?\d{5}(?=\s+[^\W\d_a-z])",
        r"\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b",
    )
)

#: Links, which may hold positions as well as names.
LINK = r"(?:https?://|www\.)\S+|geo:[-+\d.,;=\w]+"

#: Addresses of electronic mail, handles, numbers of telephones, which dates are not.
CONTACT = (
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?<![\w@])@\w{2,}"
    r"|(?<![\w/-])(?!\d{4}-\d\d-\d\d|\d\d?[-/]\d\d?[-/]\d{2,4}\b)\+?\(?\d[\d()/ -]{7,}\d(?!\w)"
)
