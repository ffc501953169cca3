"""The sentences of descriptions and stories, in English and Chinese."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.records import Language

_EN = {
    "own": "Its own caption reads: {quote}",
    "made": "A caption that {maker} made reads: {quote}",
    "by a model": "A caption that a model made reads: {quote} ({file})",
    "guessed": "A caption guessed of tags reads: {quote}",
    "title": "Its title is {quote}",
    "document": "A text about it reads: {quote} ({file})",
    "likely": "In it, probably: {words}.",
    "perhaps": "Perhaps also: {words}.",
    "only perhaps": "Nothing in it is recognised for sure; perhaps: {words}.",
    "unlike": "Nothing in it is recognised; the nearest word is {words}.",
    "near": "The nearest caption in the collection, of another photo, reads: {quote} ({file})",
    "writing": "Writing recognised in it: {quote}",
    "taken": "Taken on {date}.",
    "taken at": "Taken on {date} at {time}.",
    "taken in": "Taken on {date} in {place}.",
    "taken at in": "Taken on {date} at {time} in {place}.",
    "place": "Taken in {place}.",
    "camera": "Camera: {camera}.",
    "keywords": "Its keywords are {words}.",
    "colours": "Mostly {words}.",
    "size": "{width} × {height} pixels, {shape}.",
    "no collection": "What it shows is not told: there is no collection to compare it with, and "
    "no language model that sees.",
    "guess likely": "Probably {words}",
    "guess perhaps": "Perhaps {words}",
    "one photo": "One photo was taken on {date}",
    "photos of a day": "{count} photos were taken on {date}",
    "photos of days": "{count} photos were taken from {first} to {last}",
    "photos without date": "{count} photos have no date",
    "one without date": "One photo has no date",
    "then": "On {date}",
    "in": " in {place}",
    "undated": "At an unknown time",
    "group": "{opening}, {count} photos were taken",
    "one": "{opening}, one photo was taken",
    "told": "{opening}: {rest}",
    "shows likely": "probably {words}",
    "shows perhaps": "perhaps {words}",
    "shows writing": "with the writing {quote}",
    "separator": ", ",
    "stop": ".",
    "open": "“",
    "close": "”",
    "landscape": "landscape",
    "portrait": "portrait",
    "square": "square",
}
_ZH = {
    "own": "它自带的说明是：{quote}",
    "made": "由{maker}生成的说明是：{quote}",
    "by a model": "由模型生成的说明是：{quote}（{file}）",
    "guessed": "由标签猜出的说明是：{quote}",
    "title": "它的标题是{quote}",
    "document": "关于它的文字写道：{quote}（{file}）",
    "likely": "画面里可能有：{words}。",
    "perhaps": "也许还有：{words}。",
    "only perhaps": "没有能确定的内容；也许有：{words}。",
    "unlike": "没有认出什么；最接近的词是{words}。",
    "near": "照片库里最接近的说明（属于另一张照片）写道：{quote}（{file}）",
    "writing": "画面中识别出的文字：{quote}",
    "taken": "拍摄于{date}。",
    "taken at": "拍摄于{date} {time}。",
    "taken in": "{date}拍摄于{place}。",
    "taken at in": "{date} {time}拍摄于{place}。",
    "place": "拍摄于{place}。",
    "camera": "相机：{camera}。",
    "keywords": "关键词：{words}。",
    "colours": "主要颜色：{words}。",
    "size": "{width} × {height} 像素，{shape}。",
    "no collection": "无法说出画面内容：没有可比较的照片库，也没有能看图的语言模型。",
    "guess likely": "可能是{words}",
    "guess perhaps": "也许是{words}",
    "one photo": "有一张照片拍摄于{date}",
    "photos of a day": "有{count}张照片拍摄于{date}",
    "photos of days": "从{first}到{last}共有{count}张照片",
    "photos without date": "有{count}张照片没有日期",
    "one without date": "有一张照片没有日期",
    "then": "{date}",
    "in": " 在{place}",
    "undated": "时间不详",
    "group": "{opening}，拍了{count}张照片",
    "one": "{opening}，拍了一张照片",
    "told": "{opening}：{rest}",
    "shows likely": "可能是{words}",
    "shows perhaps": "也许是{words}",
    "shows writing": "上面的文字是{quote}",
    "separator": "、",
    "stop": "。",
    "open": "“",
    "close": "”",
    "landscape": "横幅",
    "portrait": "竖幅",
    "square": "方形",
}
_TABLES: dict[Language, dict[str, str]] = {"en": _EN, "zh": _ZH}
_COLOURS = {
    "black": "黑色",
    "grey": "灰色",
    "white": "白色",
    "red": "红色",
    "orange": "橙色",
    "brown": "棕色",
    "yellow": "黄色",
    "green": "绿色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
}


def say(language: Language, which: str, **values: object) -> str:
    """A sentence by its name, filled in."""
    return _TABLES[language][which].format(**values)


def listed(language: Language, words: Sequence[str]) -> str:
    """Words one after the other."""
    return say(language, "separator").join(words)


def quoted(language: Language, text: str) -> str:
    """A text in quotation marks, in one line."""
    return f"{say(language, 'open')}{' '.join(text.split())}{say(language, 'close')}"


def colour(language: Language, name: str) -> str:
    """The name of a colour of `pictures.looks`."""
    return _COLOURS.get(name, name) if language == "zh" else name
