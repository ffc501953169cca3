"""Questions in Chinese, which ask where English does, and end in what they ask for."""

from __future__ import annotations

import datetime
import re
from dataclasses import replace

from retrieval.answering.planning import sharing
from retrieval.answering.planning.boxes import finished
from retrieval.answering.planning.chinese_words import (
    FIELDS,
    GROUPS,
    MOST,
    PARTS,
    POLITE,
    SIMPLIFIED,
)
from retrieval.answering.planning.comparing import between, most_of
from retrieval.answering.planning.frames import Block, Frame, Framed, frame, match, pick_of
from retrieval.answering.planning.words import INTENTS
from retrieval.records import Intent, QuestionPlan
from retrieval.storage.vocabulary import Vocabulary


def _frames(
    intent: Intent, *templates: str, field: str = "", group: str = "", place: bool = False
) -> tuple[Frame, ...]:
    return tuple(frame(t, intent, PARTS, field=field, group=group, place=place) for t in templates)


def _asking(word: str, intent: Intent, field: str) -> tuple[Frame, ...]:
    asked = f"{{{word}}}"
    return (
        *_frames(
            intent,
            # 我什么时候拍了…, …是在哪里拍的, 我在…拍…是什么时候
            f"{{i}}?(?:是)?{{pick}}?{asked}{{pick}}?{{saw}}{{the}}{{body}}{{of}}",
            f"{{i}}?{{the}}{{picked}}{{shot}}?{{body}}{{photos}}?(?:是)?{asked}(?:{{shot}})?",
            f"{{i}}?{{pick}}{{saw}}{{body}}{{of}}是?{asked}",
            f"{{i}}?{{the}}{{body}}{{of}}(?:(?:这|那)张)?(?:都)?(?:是)?(?:我们?)?{asked}{{shot}}",
            f"{{i}}{{pick}}?{{saw}}{{body}}{{of}}是?{asked}",
            field=field,
        ),
        *_frames(
            intent,
            f"{{i}}?{{pick}}?(?:是)?{asked}{{pick}}?{{went}}{{body}}",
            f"{{i}}?{{pick}}?{{went}}{{body}}是?{asked}(?:的|去的)?",
            field=field,
            place=True,
        ),
        *_frames(
            intent,
            f"{{the}}{{body}}{{of}}(?:是)?{asked}(?:的)?",
            f"{{i}}?{asked}(?:是|在|有|可以|能)?{{body}}",
            field=field,
        ),
    )


_NOMINAL = (
    # …的照片的拍摄时间(是什么)
    "{the}{body}{photos}的?(?:拍摄)?{fields}(?:是|用的?是)?(?:什么|多少|哪里|哪天|哪儿|几号)?",
    "{the}{body}(?:的|用的?)?(?:拍摄)?{setting}(?:是|用的?是)(?:什么|多少)",
)
_COMPARED = _frames(
    "compare",
    # 哪一年拍得最多, 我用哪台相机拍得最多, 2019年哪个月拍的狗的照片最多
    "{body}{i}?(?:在|用)?哪(?:一|个|一个|台|一台|支|个的|次|一次)?{group}(?:里|份)?{i}?(?:用|去|到)?"
    "(?:拍摄|拍|照|去|用)?(?:得|的|了|过)?{body}{photos}?(?:拍得|的)?{most}(?:用|去)?(?:的)?",
    "{i}?{most}(?:用|去|拍)?的?(?:是)?(?:什么|哪(?:台|个|支|一台|一个)?)?{group}(?:是(?:什么|哪个|哪台|哪里))?"
    "{body}",
    # 我在哪些城市拍过照, 我去过哪些国家
    "{body}{i}?{body}(?:去|到|在|用)(?:过|了)?哪(?:些|几个){group}(?:{shot}|拍|照|去|过|了|旅行|旅游|玩)*"
    "(?:{photo})?",
    "{i}?{body}在?(?:每|按)(?:一|个|一个|台)?{group}(?:份)?(?:各|都|分别)?{body}(?:{i})?(?:各|分别)?(?:拍|照)?(?:摄)?"
    "(?:了)?(?:有)?{sheets}(?:{photo})?",
)
_OR = _frames(
    "compare",
    "{i}?(?:是)?{body}(?:的)?{photo}?{most}(?:一些|一点)?,?，?(?P<or>还是){body}(?:的)?{photo}?{most}?(?:一些|一点)?",
    "{i}?(?:是)?{body}(?P<or>还是){body}(?:的)?{photo}?{most}(?:一些|一点)?",
    "{i}?(?:在)?{body}(?P<or>和|与|跟){body}(?:相比)?[，, ]*{i}?(?:在)?(?:哪|谁|什么)"
    "(?:个|里|儿|边|一个|一年|年)?(?:的)?{shot}?(?:得|的)?{photo}?{most}(?:一些|一点)?",
    "(?:比较|对比)(?:一下)?{body}(?P<or>和|与|跟){body}{photos}?",
)
_COUNT = _frames(
    "count",
    # 我在2019年去了几个国家
    "{body}{i}{body}(?:去|到|用|拍|待|呆|玩|住|走|来)(?:了|过)?{many}(?:个|台|支|次|种)?{group}{body}",
    "{body}(?:去|到|用|拍|待|呆|玩|住|走|来)(?:了|过)?{many}(?:个|台|支|次|种)?{group}{body}",
    "(?:一共|总共)?有?{many}(?:个|台|支|种)(?:不同的?)?{group}{body}",
)
_PHOTOS = _frames(
    "count",
    "(?:一共|总共)?有?{sheets}(?:{photo})?(?:是)?(?:用|使用){body}{shot}",
    "{i}?(?:一共|总共)?(?:有|拍了|拍过|拍摄了)?{sheets}{body}{photos}",
    "{i}?(?:一共|总共)?(?:有|拍了|拍过|拍摄了){sheets}{body}",
    "{body}{i}{body}(?:一共|总共)?(?:拍摄?了?|照了?|存了?)(?:过)?{sheets}{body}(?:的)?{photo}?",
    "{body}(?:一共|总共)?(?:拍摄?了?|照了?|存了?)(?:过)?{sheets}{body}(?:的)?{photo}?",
    "{body}{photos}?(?:一共|总共)?(?:拍了|拍的)?有?{sheets}(?:{photo})?",
    "{sheets}{body}",
    "(?:统计|数)(?:一下)?{body}{photos}(?:的)?(?:数量|张数)?",
    "{body}{photos}的?(?:数量|张数)(?:是多少)?",
    "{i}?{shot}?{many}(?:次|回|只|条|个|匹|头|辆){shot}?{body}",
)
_TIMES = _frames(
    "count",
    "{i}?{went}(?:过)?{body}{many}(?:次|回)",
    "{i}?{went}{many}(?:次|回){body}",
    group="trip",
    place=True,
)
_WHAT = (
    *_frames(
        "what",
        "{i}?(?:是)?(?:在)?(?:用|使用)?{what}{gear}(?:型号)?(?:拍摄|拍|照)(?:了|的|过|出)*{the}{body}{of}",
        "{i}?{shot}{body}{of}(?:时)?(?:是|用的?是?|是用|使用)+{what}{setting}(?:{shot})?",
        "{the}{body}{of}(?:(?:这|那)张)?(?:是|用的?是?|是用|使用)+{what}{setting}(?:{shot})?",
        *_NOMINAL,
    ),
    *_frames(
        "what",
        "{the}{body}{on}{writing}(?:什么|啥|哪些)(?:字|文字|内容)?",
        "{the}{body}{on}的?(?:文字|字|内容)(?:是|写)(?:什么|的什么)",
        "{the}{body}{on}有(?:什么|哪些)(?:字|文字)",
        field="writing",
    ),
    *_frames(
        "what",
        "{the}{body}(?:是|有|穿的?是?)?(?:什么|啥|哪些|哪种)颜色(?:的)?",
        "(?:什么|哪种)颜色的?{body}",
        field="colour",
    ),
    *_frames(
        "what",
        "{the}{body}{photos}(?:里|中|上|里面)?(?:的人|的)?(?:是|有)谁",
        "谁(?:在|出现在|是){body}{of}(?:里|中|上|里面)?",
        "{the}{body}(?:是|有)谁",
        field="people",
    ),
    *_frames(
        "what",
        "{the}(?:{body}{photos}|{photo})?(?:里|中|上|里面|上面)有{many}(?:个|位|只|条|匹|头|辆)[^张]{1,8}",
    ),
)
_DESCRIBE = _frames(
    "describe",
    "(?:描述|介绍|说说|讲讲|说一说|讲一讲|概括|总结)(?:一下|下)?{i}?(?:去|到|在)?{body}(?:的)(?P<group>旅行|旅程|行程)",
    "(?:描述|介绍|说说|讲讲|说一说|讲一讲|概括|总结)(?:一下|下)?{the}{body}{of}",
    "{the}{body}{photos}(?:里|中|上|里面|上面)?(?:都|到底)?(?:有|是|拍了?|画了?|发生了?)(?:些)?(?:什么|啥|哪些东西)",
)
_YES_NO = (
    *_frames(
        "yes-no",
        "{i}?(?:曾经|以前)?(?:有没有|是否|是不是)(?:曾经)?(?:去|到)(?:过)?{body}",
        "{i}{body}(?:曾经|以前)?(?:去|到)过{body}{or_not}",
        place=True,
    ),
    *_frames(
        "yes-no",
        "{i}?(?:曾经|以前|这里|相册里|照片里)?(?:有没有|是否有?|是不是有?)(?:曾经)?(?:任何|一张|{shot})*{body}{of}",
        "{i}{body}(?:曾经|以前)?(?:拍过|拍到过|见过|看到过){body}{of}{or_not}",
        "{i}?(?:曾经|以前|这里|相册里|照片里)?(?:有|拍过|拍到过|见过|看到过)(?:任何|一张)*{body}{of}{or_not}",
        "{the}{body}{of}(?:是)?(?:在)(?P<body>[^在]{1,12}?){shot}{or_not}",
        "{body}{of}{or_not}",
        "有没有{body}",
    ),
)
_FIND = _frames(
    "find",
    "{i}?{the}{picked}{shot}?{body}{photos}(?:是)?(?:哪(?:一)?(?:张|个|幅)|什么(?:照片|样子?)?)",
    "哪(?:一)?张{photos}?(?:是|拍得)?{picked}{shot}?的?",
    "(?:找|查找|搜索|搜|显示|展示|看看|看|找出|列出)?(?:一下|出)?{i}?{the}{picked}{shot}?{body}{photos}",
    "(?:哪|哪些|哪一|哪几)(?:张)?(?:照片|相片|图片)?(?:里|中|上|里面|上面)?(?:有|是|拍了?|拍到了?|显示了?){body}{of}",
    "(?:查找|寻找|搜索|找出|找到|找|搜|显示|展示|列出|看看|查看|看)(?:一下|一找|出来)?(?:所有|全部|一张|一些|那张|几张)?"
    "{i}?(?:{shot})?{body}{of}",
    "{body}{photos}",
)
_ANY = r".*?"
FRAMES: tuple[Block, ...] = (
    Block(rf"{_ANY}(?:还是|哪|比较|对比)", (*_OR,)),
    Block(rf"{_ANY}(?:最|每|按|多$|少$|哪些|哪几个)", _COMPARED),
    Block(rf"{_ANY}(?:{PARTS['what']}|时间|日期|地点|[的用]|谁|什么|有几|有多少)", _WHAT),
    Block(rf"{_ANY}(?:{PARTS['when']})", _asking("when", "when", "taken")),
    Block(rf"{_ANY}(?:{PARTS['where']})", _asking("where", "where", "place")),
    Block(
        rf"{_ANY}{PARTS['many']}(?:个|台|支|次|种|天|年|月|日|城|国|地|相|镜|回)", _TIMES + _COUNT
    ),
    Block(rf"{_ANY}(?:{PARTS['many']}|统计|数)", _PHOTOS),
    Block("", (*_DESCRIBE, *_YES_NO, *_FIND)),
)
_VIDEOS = re.compile(r"(?:我们|我)?(?:一共|总共)?(?:有|拍了)(?:多少|几)(?:个|段|条)?(?:视频|录像)")
#: That they are mine, or all, says nothing of what photos show: "2019年我", "所有照片".
_MINE = re.compile(
    r"^(?:我们的?|我的?)?(?:所有|全部)的?(?:(?:照片|相片|图片)都?)?"
    r"|^(?:我们|咱们|我)(?=\s*(?:在|于|in\b|\d|[去今前]年|$))"
    r"|(?<=[年月日号天季前末节旦诞])(?:我们|咱们|我)$"
)


def plan(bare: str, vocabulary: Vocabulary, today: datetime.date) -> QuestionPlan | None:
    """The plan of a question in Chinese without the marks at its end; None for any other text."""
    simple = bare.translate(SIMPLIFIED)
    begin = polite.end() if (polite := POLITE.match(simple)) else 0
    end = re.search(r"[呢啊呀]?$", simple).start()  # type: ignore[union-attr]  # always there
    if _VIDEOS.fullmatch(simple[begin:end]):
        return QuestionPlan("", "what", "", "zh", field="video")
    if made := sharing.in_chinese(simple[begin:end], vocabulary):
        return made
    found = match(simple[begin:end], FRAMES, bare[begin:end])
    if found is None:
        return None
    if found.word("or"):
        parts = [re.sub(r"^(?:拍摄?|照)[了的]?|(?:拍得|的)$", "", part) for part in found.bodies]
        most = most_of(MOST.get(found.word("most"), ""))
        made = between(parts, most, vocabulary, today)
        return made and replace(made, language="zh")
    return _plan(found, vocabulary)


def _plan(found: Framed, vocabulary: Vocabulary) -> QuestionPlan:
    asked = found.frame
    field = FIELDS.get(found.word("field"), asked.field)
    intent = asked.intent
    if intent == "what":
        intent = INTENTS.get(field, intent)
    return QuestionPlan(
        question="",
        intent=intent,
        box=finished(_MINE.sub("", found.body), vocabulary, place=False),
        language="zh",
        field=field,
        pick=pick_of(found.word("pick")),
        most=most_of(MOST.get(found.word("most"), "")),
        group=GROUPS.get(found.word("group"), asked.group),
    )
