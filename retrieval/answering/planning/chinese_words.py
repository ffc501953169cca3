"""Words of questions in Chinese: what fields and groups are called, and parts of frames."""

from __future__ import annotations

import re

from retrieval.answering.planning.frames import spelled

#: What a field of metadata is called in a question.
FIELDS = spelled(
    {
        "taken": "时间, 日期, 年份, 月份, 日子, 季节",
        "place": "地点, 地方, 位置, 拍摄地",
        "city": "城市",
        "country": "国家",
        "region": "省份, 地区, 州",
        "camera": "相机, 照相机, 手机, 机身, 设备, 相机型号",
        "lens": "镜头",
        "focal": "焦距",
        "aperture": "光圈",
        "exposure": "快门, 快门速度, 曝光时间",
        "iso": "感光度, iso",
        "altitude": "海拔",
        "rating": "评分",
        "file": "文件名",
        "folder": "文件夹",
        "title": "标题",
        "format": "格式",
        "width": "尺寸, 分辨率",
        "colour": "颜色",
    }
)
#: What photos are counted by.
GROUPS = spelled(
    {
        "year": "年, 年份",
        "month": "月, 个月, 月份",
        "day": "天, 日",
        "city": "城市, 地方",
        "country": "国家",
        "camera": "相机, 手机",
        "lens": "镜头",
        "trip": "旅行, 行程",
    }
)
MOST = spelled({"most": "多, 最多, 最常, 更多, 比较多", "least": "少, 最少, 更少, 比较少"})


def _any(*words: str) -> str:
    return rf"(?:{'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})"


#: What politeness puts before a question.
POLITE = re.compile(
    r"(?:(?:你好|请问|请|麻烦(?:你)?|想问(?:一下|问)?|问一下|那么?|你能不能|能不能|能否|可以|你?知不知道"
    r"|你?知道|我?想知道|告诉我|帮我|给我|你?还?记得|查一下)[ ,，]*)+"
)
_PLAIN = ("taken", "place")
#: The named parts that templates are made of.
PARTS = {
    "body": r"[ ,，:：]*(?P<body>.*?)[ ,，]*",
    "photo": r"(?:照片|相片|图片|图像|照)",
    "the": r"(?:(?:那|这)?(?:一)?张(?:照片|相片|图片)?)?",
    "of": r" ?(?:的(?:那|这)?(?:一)?(?:张)?(?:照片|相片|图片|图像|照)|的)?",
    "photos": r" ?的?(?:所有|全部)?(?:照片|相片|图片|图像|照)",
    "i": r"(?:我们|咱们|我|咱)",
    "when": r"(?:在)?(?:什么时候|什么时间|何时|啥时候|哪一?天|哪一?年|哪一?个?月|哪个季节"
    r"|几月几[日号]|几月|几号|几点|多久(?:以|之)?前|星期几)",
    "where": r"(?:在)?(?:哪里|哪儿|何处|(?:什么|哪个|哪一个|啥)"
    r"(?P<field>地方|地点|位置|城市|国家|地区|省份|州))",
    "pick": r"(?P<pick>第一次|首次|最早|最后一次|上一次|上次|最近一次|最近)",
    "picked": r"(?P<pick>第一张|最早|最后一张|最新|最近(?!一次))(?:的)?(?:一张)?",
    "shot": r"(?:拍摄|拍到|拍|照(?![片相])|拍照)(?:了|的|过|下)*",
    "saw": r"(?:拍摄|拍到|拍|照(?![片相])|看到|看见|见|遇到|遇见)(?:了|的|过|下)*",
    "went": r"(?:去|到|来|飞|玩|参观|旅行去|游览)(?:了|的|过)*",
    "fields": rf"(?P<field>{_any(*FIELDS)})",
    "gear": rf"(?P<field>{_any(*(k for k, v in FIELDS.items() if v in ('camera', 'lens')))})",
    "setting": rf"(?P<field>{_any(*(k for k, v in FIELDS.items() if v not in _PLAIN))})",
    "what": r"(?:什么|哪(?:一)?(?:台|个|支|只|款|部|种|颗)?|多少|啥)",
    "group": rf"(?P<group>{_any(*GROUPS)})",
    "many": r"(?:多少|几)",
    "or_not": r"(?:吗|(?<![什怎这那])么|没有|没)",
    "sheets": r"(?:多少张?|几张)",
    "most": rf"(?P<most>{_any(*MOST)})",
    "writing": r"(?:写|印|刻|标|画)(?:着|了|有|的)*(?:是)?",
    "on": r"(?:的)?(?:照片|相片|图片)?(?:上面|里面|上|里|中)?",
}

#: Traditional characters of the words that questions are made of, in the same order.
SIMPLIFIED = str.maketrans(
    "麼時張嗎個幾攝鏡頭圖寫顏機誰國還過沒裡裏們總統計對較數記請問煩幫訴給說講紹結顯搜尋類標層樣間點開現經與後見臺種隻條號區麵裝"
    "館遊覽飛來節內關鐘單當為著",
    "么时张吗个几摄镜头图写颜机谁国还过没里里们总统计对较数记请问烦帮诉给说讲绍结显搜寻类标层样间点开现经与后见台种只条号区面装"
    "馆游览飞来节内关钟单当为着",
)
