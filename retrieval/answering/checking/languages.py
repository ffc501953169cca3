"""What other languages than English and Chinese are told by: names of months, and small words.

A text in one of them can be quoted and its dates can be read; what else it says is not understood.
"""

from __future__ import annotations

import re
from functools import lru_cache

from retrieval.queries.ordinary import words

#: The months in German, French, Spanish, Italian, Portuguese and Dutch.
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "januar jänner januari janvier enero gennaio janeiro",
            "februar feber februari février fevrier febrero febbraio fevereiro",
            "märz maerz marz maart mars marzo março marco",
            "april avril abril aprile",
            "mai mei mayo maggio maio",
            "juni juin junio giugno junho",
            "juli juillet julio luglio julho",
            "august augustus août aout agosto",
            "september septembre septiembre setiembre settembre setembro",
            "oktober octobre octubre ottobre outubro",
            "november novembre noviembre novembro",
            "dezember december décembre decembre diciembre dicembre dezembro",
        ),
        1,
    )
    for name in names.split()
}
#: Their days of the week, from Monday.
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "montag lundi lunes lunedì segunda-feira maandag",
            "dienstag mardi martes martedì terça-feira dinsdag",
            "mittwoch mercredi miércoles miercoles mercoledì quarta-feira woensdag",
            "donnerstag jeudi jueves giovedì quinta-feira donderdag",
            "freitag vendredi viernes venerdì sexta-feira vrijdag",
            "samstag sonnabend samedi sábado sabado sabato zaterdag",
            "sonntag dimanche domingo domenica zondag",
        )
    )
    for name in names.split()
}
#: Words that hold sentences together; none of them means something in an English one.
SMALL = words(
    """
    der das und ist auf mit von vom ein eine einen einer eines dem den des es im zum zur auch nicht
    dass wurde wird bei aus nach foto bild aufgenommen ich wir sind alle
    le la les une et est sont du au aux avec dans sur pour pas que qui ce cette il elle prise pris
    el los las una y es son del al con por para esta este fue tomada foto
    il lo gli uno della di che nel nella sono stata scattata e
    os um uma da em na nos com não foi tirada
    het een van op te dat zijn werd genomen
    """
)
_ENGLISH = words(
    """
    the a an and of with is are was were at by for from to his her their its this that there it in
    on while who which two three some one near into over has have had as up out
    """
)
_OTHER_LETTERS = re.compile(
    r"[\u0370-\u058f\u0590-\u08ff\u0900-\u10ff\u1100-\u11ff\u1200-\u1aff\u3040-\u30ff\uac00-\ud7af]"
)
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=8192)
def is_foreign(text: str) -> bool:
    """Whether a text is neither English nor Chinese, as far as its letters and small words tell.

    A name ("Las Vegas") is of no language.
    """
    if _OTHER_LETTERS.search(text):
        return True
    found = [word.casefold() for word in _WORD.findall(text)]
    foreign = sum(word in SMALL for word in found)
    english = sum(word in _ENGLISH for word in found)
    return foreign > english and (foreign > 1 or len(found) > 3)
