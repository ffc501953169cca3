"""Parts of the world and the codes of the countries that lie in them (ISO 3166-1)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

_CODES = {
    "africa": """
    AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR
    MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW
    """,
    "asia": """
    AE AF AM AZ BD BH BN BT CN CY GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO MV
    MY NP OM PH PK PS QA RU SA SG SY TH TJ TL TM TR TW UZ VN YE
    """,
    "europe": """
    AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU
    LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM TR UA VA XK
    """,
    "north america": """
    AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM
    PR SV SX TC TT US VC VG VI
    """,
    "central america": "BZ CR GT HN NI PA SV",
    "south america": "AR BO BR CL CO EC FK GF GY PE PY SR UY VE",
    "oceania": """
    AS AU CC CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS
    """,
    "antarctica": "AQ BV GS HM TF",
    "scandinavia": "DK NO SE",
}
_CODES |= {"australasia": "AU NZ PG", "latin america": "MX CU DO HT PR " + _CODES["south america"]}
_CODES["latin america"] += " " + _CODES["central america"]


@cache
def continents() -> Mapping[tuple[str, ...], frozenset[str]]:
    """The codes of the countries by the folded words of what lies around them.

    Turkey, Russia and Cyprus are in two: a photo from there may be of either.
    """
    return {tuple(name.split()): frozenset(codes.split()) for name, codes in _CODES.items()}
