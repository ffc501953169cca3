"""Texts that speak to the one who reads them instead of saying something of a photo.

No list of phrases finds all of them, and none has to: evidence is data whatever it says. What looks
like an instruction supports no claim unless it is quoted as what stands there; everything else that
it may have brought about (numbers, names, links) has to stand in other evidence anyway.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from functools import lru_cache

from retrieval.answering.checking.cleaning import clean_text

#: What speaks to a model; no answer says such a thing either.
_SPEAKING = (
    r"\b(?:ignor|disregard|overrid|bypass|forget)\w*\b.{0,40}"
    r"\b(?:instruction|prompt|rule|above|previous|prior|evidence|guideline|context|everything)",
    r"\b(?:instruction|prompt|directive)s?\b.{0,30}\b(?:ignor|disregard|overrid|follow|obey|new)",
    r"\b(?:new|updated|real|secret|hidden|these) (?:instruction|directive|system prompt)s?",
    r"\bsystem (?:prompt|message|override|note)\b|\bdeveloper (?:mode|message)\b|\bjailbr\w+",
    r"(?:^|[\s\[<|#*({])/?(?:system|assistant|user|developer|instructions?|admin)\s*[\]>|:}]",
    r"<\|?\w*(?:im_start|im_end|endoftext|inst)\w*\|?>|\[/?inst\]|<<sys>>",
    r"\b(?:end|begin|start) of (?:the )?(?:evidence|data|context|document|prompt|instructions?)\b",
    r"\b(?:as|dear|hey|attention|hello|note to|message to|you are) (?:an? |the )?"
    r"(?:ai|llm|gpt|assistant|chatbot|language model|model|bot)\b",
    r"忽略|无视|忘记.{0,12}(?:指令|指示|规则|之前|以上)|(?:新|以下|系统)的?(?:指令|指示|提示)|提示词",
)
#: What steers an answer, or its reader.
_STEERING = (
    r"\byou (?:are now|must|should|shall|have to|will now|need to)\b",
    r"\banswers?\s+(?:to .{0,40})?(?:is|are|must)\b",
    r"^\W*(?:say|answer|reply|respond|tell|print|output|write|repeat|claim|state|cite|report)\b",
    r"\b(?:please|must|always|just|and|then|now|instead|only|to) (?:say|answer|reply|respond|tell"
    r"|print|output|write|repeat|claim|state|cite|report|reveal)\b",
    r"\b(?:say|tell|answer|reply|respond|claim)\w*\s+(?:that|with|only|yes|no|the user|everyone)\b",
    r"\b(?:visit|click|browse|navigate|go to|download|open)\b.{0,40}(?:\(link\)|\blink\b|\bhere\b"
    r"|\bsite\b|\burl\b|\.(?:com|net|org|example|io|cn)\b)",
    r"\b(?:send|transfer|wire|pay|forward|upload|e-?mail|post)\b.{0,40}"
    r"\b(?:to|into)\b|\b(?:enter|type|send|give|share) (?:in )?(?:your|the|my) "
    r"(?:password|pin|key|card|code)\b",
    r"(?:请|必须|你应|务必|只能|直接|一律).{0,8}(?:回答|回复|答复|输出|说|告诉)|(?:正确)?答案(?:是|为)",
    r"你(?:现在)?(?:是|必须|应该|要)|(?:告诉|通知)用户|(?:访问|点击|打开).{0,20}(?:\(link\)|链接|网站|网址)",
)
#: The same in other languages: what is told to forget, to say or to answer, and who is told.
_ELSEWHERE = (
    # Spanish, Portuguese, Italian
    r"\b(?:ignor(?:a|ad|ar|ate|em|are)|olvid(?:a|e|ar)|esque[cç](?:a|e|er)|dimentica\w*"
    r"|respond(?:e|a|ere)|rispond\w+|contesta(?:d|r)?|di(?:ga|gan|z|ca)? (?:que|che)"
    r"|instruc(?:ción|ciones|cion)|instruç\w+"
    r"|istruzion\w+|usuari[oa]s?|usuári[oa]s?|utente|utenti|respuestas?|respostas?|rispost[ae]"
    r"|preguntas?|perguntas?|domand[ae]|contraseña|senha)\b",
    # German, Dutch
    r"\b(?:ignorier\w*|vergiss|vergesst|antwort\w*|beantwort\w*"
    r"|sage? (?:dass|immer|nur)|behaupte\w*"
    r"|anweisung\w*|anleitung\w*|benutzer\w*|nutzer\w*|passwort\w*|kennwort"
    r"|negeer\w*|vergeet|zeg|instructies?|gebruikers?|wachtwoord)\b",
    # French
    r"\b(?:ignore[rz]|oublie[rz]?|réponds|répondez|répondre|réponses?|dis(?:ez)? que|consignes?"
    r"|utilisateurs?|mot de passe)\b",
    # Russian, Ukrainian, Polish, Turkish
    r"(?:игнорир|забудь|забудьте|ответь|ответьте|отвечай|скажи|инструкц|пользовател|пароль|ігнору|вкажи)",
    r"\b(?:zignoruj|ignoruj|zapomnij|odpowied\w*|powiedz|instrukcj\w*|użytkownik\w*|yoksay|unut|yanıtla"
    r"|cevapla|talimat\w*|kullanıcı\w*)\b",
    # Japanese, Korean, Arabic, Hindi
    r"指示|無視|命令|答えて|回答して|言って|ユーザー|パスワード|무시|지시|명령|대답|답변|사용자|비밀번호",
    r"تجاهل|التعليمات|أجب|قل |المستخدم|अनदेखा|निर्देश|उत्तर दें|जवाब|उपयोगकर्ता",
)
#: What tells of questions, and who asks, as no description does.
_OF_ANSWERS = (
    r"\b(?:every|any|all|each|the|this|your|these|of) (?:\w+ )?(?:questions?|prompts?|queries)\b",
    r"\b(?:if|when(?:ever)?|in case|once|should) (?:\w+ ){0,3}?"
    r"(?:asked|prompted|queried|questioned)\b",
    r"\b(?:the|this|our|every|each|any) (?:end )?users?\b(?! of\b)"
    r"|\bwho(?:m)?ever (?:\w+ )?(?:reads?|sees?|asks?)\b",
    r"\b(?:the|a|any|every|correct|right|true|only|best|real|your) "
    r"(?:reply|replies|response|answer)\b",
)
_SPEAKS = re.compile("|".join(f"(?:{each})" for each in _SPEAKING), re.IGNORECASE)
_STEERS = re.compile(
    "|".join(f"(?:{each})" for each in (*_STEERING, *_ELSEWHERE, *_OF_ANSWERS)), re.IGNORECASE
)
#: Who is spoken to, what has to be, and how orders begin. People write so in captions as well.
_ADDRESSES = re.compile(
    r"\b(?:you|your|yours|yourself|u|ur|whoever|everyone|everybody|anyone|anybody|readers?|viewers?"
    r"|must|should|shall|ought|always|never|cannot|password|code|prize|account|owner|owns|belongs?"
    r"|true|false|fact|truth|actually|really|therefore|note|remember|believe|trust|know|say|says|said"
    r"|tell|tells|told|reply|answers?|response|question|asked|user|if)\b"
    r"|^\W*(?:do|don['’]?t|never|be|let|make|use|add|put|give|take|go|come|look|see|check|call|buy|send"
    r"|visit|read|ask|remember|stop|start|set|change|treat|consider|assume|pretend|act|keep|insert"
    r"|include|mention|conclude|confirm|count)\b"
    r"|[你您]|请|必须|应该|务必|不要|记住|回答|答案|用户|问题|密码",
    re.IGNORECASE,
)
#: Digits for letters: "1gn0re".
_LEET = str.maketrans("0134578@$", "oieastbas")
_MIXED = re.compile(
    r"\b(?=\w*[a-z])(?=\w*\d)[\w@$]+\b"
)  #: Characters that turn the direction or are not shown, words spelt out, letters of two scripts.
_HIDING = re.compile(
    "[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]|\\w[\u200b\u2060\ufeff]+\\w"
    r"|(?:\b[A-Za-z] ){6}|[A-Za-z][\u0370-\u052f]|[\u0370-\u052f][A-Za-z]"
)
#: Letters of Cyrillic and Greek that look like Latin ones.
_ALIKE = str.maketrans("аеорсухкмтвніјѕαορυντ", "aeopcyxkmtbhijsaopuvt")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
#: What an order to the user begins with; answers say how things are.
_ORDER = re.compile(
    r"^\W*(?:(?:please|kindly|urgent|warning|click|visit|call|send|transfer|pay|enter|download"
    r"|install|run|execute|delete|remove|type|reply|respond|say|tell|ignore|disregard|forget"
    r"|repeat|print|output|log in|sign in)\b|请|立即|马上|点击|访问|转账|拨打|下载|删除)",
    re.IGNORECASE,
)


@lru_cache(maxsize=8192)  # places, cameras and tags come again and again
def instructs(text: str) -> bool:
    """Whether a text looks like an instruction to a model, also spaced out or in base64.

    One that hides something (characters that turn its direction, or that are not shown) does.
    """
    if _HIDING.search(text):
        return True
    plain = plain_text(text)
    spread = re.sub(r"\b(\w) (?=\w\b)", r"\1", plain)
    unmasked = _MIXED.sub(lambda match: match[0].translate(_LEET), plain)
    seen = {plain, spread, unmasked, text.casefold(), *_decoded(text)}
    return any(pattern.search(each) for pattern in (_SPEAKS, _STEERS) for each in seen)


@lru_cache(maxsize=8192)
def addresses(text: str) -> bool:
    """Whether a text may speak to its reader, or claim what no picture shows.

    Many innocent captions do ("wish you were here"): such a text can be quoted, and no more.
    """
    return bool(_ADDRESSES.search(plain_text(text)))


def words_of_instruction(text: str) -> list[str]:
    """What a reader that obeys could take from such a text: also turned round, and decoded."""
    plain = plain_text(text)
    texts = [plain, re.sub(r"\b(\w) (?=\w\b)", r"\1", plain), *_decoded(text)]
    texts += [unicodedata.normalize("NFKC", text).casefold(), _revealed(text)]
    turned = [each[::-1] for each in texts] if _HIDING.search(text) else []
    return [*texts, *turned, *(each.translate(_ALIKE) for each in texts)]


def _revealed(text: str) -> str:
    """The letters that stand in characters of tags, which are not shown."""
    return "".join(chr(ord(c) - 0xE0000) for c in text if 0xE0020 <= ord(c) <= 0xE007E)


def orders(text: str) -> bool:
    """Whether a claim tells its reader to do something, or speaks as a model that was told."""
    return bool(_ORDER.search(text) or _SPEAKS.search(plain_text(text)))


def plain_text(text: str) -> str:
    """A text as it is compared: cleaned, one form of each character, signs for blanks as blanks."""
    folded = unicodedata.normalize("NFKC", clean_text(text)).casefold()
    return re.sub(r"[\s_]+|(?<=\w)[-+.](?=\w)", " ", folded)


def _decoded(text: str) -> list[str]:
    found = []
    for match in _BASE64.finditer(text):
        digits = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        try:
            raw = base64.b64decode(digits + "=" * (-len(digits) % 4))
            found.append(raw.decode("utf-8"))
        except (binascii.Error, UnicodeDecodeError, ValueError):
            continue
    return found
