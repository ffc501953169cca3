"""From a question to its plan: the intent comes from the frame, and the box is what it holds."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answerers.extractive.wanted import only_absent
from retrieval.answering.planning import is_framed, plan_question
from retrieval.answering.planning.boxes import unread
from retrieval.errors import QueryError
from retrieval.queries.ordinary import words
from retrieval.queries.shells import strip
from retrieval.records import QuestionPlan
from retrieval.storage.vocabulary import Vocabulary
from tests.boxes import TODAY, VOCABULARY, read
from tests.frames import CHINESE, ENGLISH
from tests.unit.test_imports import HEAVY, imported

QUESTIONS: list[tuple[str, str, str, dict[str, object]]] = [
    # question, intent, box, what else is not as usual
    ("How many photos did I take in Lisbon in 2019?", "count", "in Lisbon in 2019", {}),
    ("How many photos of dogs did I take in Lisbon?", "count", "dogs in Lisbon", {}),
    ("How many photos do I have?", "count", "", {}),
    ("how many photos are there in total?", "count", "", {}),
    ("How many pictures from 2019 do I have?", "count", "from 2019", {}),
    ("how many dogs did I photograph in 2019?", "count", "dogs in 2019", {}),
    ("How many photos were taken with the iPhone XS?", "count", "taken with the iPhone XS", {}),
    ("How many photos were taken with my Sony?", "count", "taken with my Sony", {}),
    ("How many days was I in Kyoto?", "count", "in Kyoto", {"group": "day"}),
    ("On how many days did I take photos in Kyoto?", "count", "in Kyoto", {"group": "day"}),
    ("how many countries did I visit in 2023", "count", "in 2023", {"group": "country"}),
    ("How often did we go to Japan?", "count", "in Japan", {"group": "trip"}),
    ("Count the photos from 2023", "count", "from 2023", {}),
    ("When were we in Cape Town?", "when", "in Cape Town", {"field": "taken"}),
    ("when did we go to Japan", "when", "in Japan", {"field": "taken"}),
    ("when did we go to kyoto", "when", "in kyoto", {"field": "taken"}),
    ("When did we go to the beach?", "when", "the beach", {"field": "taken"}),
    ("When did I last photograph a dog?", "when", "a dog", {"field": "taken", "pick": "last"}),
    (
        *("When was the first time I photographed a dog?", "when", "a dog"),
        {"field": "taken", "pick": "first"},
    ),
    (
        *("when did I photograph a dog for the first time", "when", "a dog"),
        {"field": "taken", "pick": "first"},
    ),
    ("Where's the photo of the red bus taken?", "where", "the red bus", {"field": "place"}),
    ("where were we in July 2021?", "where", "in July 2021", {"field": "place"}),
    ("and where was it taken?", "where", "", {"field": "place"}),
    ("What is the location of the photo of a bus?", "where", "a bus", {"field": "place"}),
    ("Which camera did I use in Lisbon?", "what", "in Lisbon", {"field": "camera"}),
    ("what's written on the sign?", "what", "the sign", {"field": "writing"}),
    ("What does the sign in the hall say?", "what", "the sign in the hall", {"field": "writing"}),
    ("What colour was the grand piano?", "what", "the grand piano", {"field": "colour"}),
    ("who was at the birthday party?", "what", "at the birthday party", {"field": "people"}),
    ("What kind of dog is on the sofa?", "what", "dog on the sofa", {}),
    ("How many people are in the photo of a party?", "what", "a party", {}),
    ("In which folder is the photo of a dog?", "what", "a dog", {"field": "folder"}),
    ("which year did I take the most photos", "compare", "", {"group": "year", "most": "most"}),
    ("which camera do I use most", "compare", "", {"group": "camera", "most": "most"}),
    ("Which month has the fewest photos?", "compare", "", {"group": "month", "most": "least"}),
    ("how many photos per year in Berlin?", "compare", "in Berlin", {"group": "year"}),
    ("where do I take most of my photos?", "compare", "", {"group": "city", "most": "most"}),
    ("what is the dog on the beach doing?", "what", "the dog on the beach", {}),
    ("what was I doing on 2019-12-24?", "describe", "on 2019-12-24", {}),
    ("Was it 2019 when I went to Kyoto?", "yes-no", "2019 Kyoto", {}),
    ("was it in Lisbon that I saw the bus?", "yes-no", "in Lisbon the bus", {}),
    (
        *("how many photos of dogs and how many of cats do I have?", "compare", ""),
        {"alternatives": ("dogs", "cats")},
    ),
    ("where was IMG_1434 taken?", "where", "name:IMG_1434", {"field": "place"}),
    ("what is in DSC01234?", "describe", "name:DSC01234", {}),
    ("how many photos did I take on our trip to Lisbon?", "count", "in Lisbon", {}),
    ("is there a cat in any of my photos?", "yes-no", "a cat", {}),
    ("how many dogs are running in the grass?", "count", "dogs running in the grass", {}),
    ("Which cities did I visit in 2019?", "compare", "in 2019", {"group": "city"}),
    ("what is my favourite camera?", "compare", "", {"group": "camera", "most": "most"}),
    (
        *("did I take more photos in Berlin or in Lisbon in 2019", "compare", "in 2019"),
        {"most": "most", "alternatives": ("in Berlin in 2019", "in Lisbon in 2019")},
    ),
    (
        *("Did I take more photos of dogs in Kyoto or in Lisbon?", "compare", "dogs"),
        {"most": "most", "alternatives": ("dogs in Kyoto", "dogs in Lisbon")},
    ),
    (
        *("Did I photograph fewer dogs or fewer cats?", "compare", ""),
        {"most": "least", "alternatives": ("dogs", "cats")},
    ),
    (
        *("Which has more photos, Kyoto, Lisbon or Chicago?", "compare", ""),
        {"most": "most", "alternatives": ("in Kyoto", "in Lisbon", "in Chicago")},
    ),
    ("Compare 2019 with 2020", "compare", "", {"alternatives": ("in 2019", "in 2020")}),
    ("tell me about our trip to Kyoto", "describe", "in Kyoto", {"group": "trip"}),
    ("What happened in July 2021?", "describe", "in July 2021", {}),
    ("Which photos were taken in Lisbon?", "find", "taken in Lisbon", {}),
    ("In 2019, how many photos did I take in Lisbon?", "count", "in Lisbon in 2019", {}),
    ("How many photos have I taken in Lisbon?", "count", "in Lisbon", {}),
    ("How many photos for each camera?", "compare", "", {"group": "camera"}),
    ("What time does the clock show?", "what", "the clock", {"field": "writing"}),
    ("What time was the photo of a clock taken?", "when", "a clock", {"field": "taken"}),
    ("Was the photo of a dog taken in 2019 or 2020?", "when", "a dog", {"field": "taken"}),
    ("Was the photo of a dog taken in Kyoto or Nice?", "where", "a dog", {"field": "place"}),
    ("The photo of a dog: where was it taken?", "where", "a dog", {"field": "place"}),
    ("Where was I when I photographed a dog?", "where", "a dog", {"field": "place"}),
    ("have we been to Japan?", "yes-no", "in Japan", {}),
    ("Was I in Lisbon in 2020?", "yes-no", "in Lisbon in 2020", {}),
    ("Is there a giraffe?", "yes-no", "a giraffe", {}),
    ("Is the dog in the snow black?", "yes-no", "the dog in the snow black", {}),
    ("Show me the astronaut floating above the Earth.", "find", "the astronaut floating above the"
     " Earth", {}),
    ("can you find the photo of a red bus?", "find", "a red bus", {}),
    ("I need a picture of a dog", "find", "a dog", {}),
    ("What was the last photo I took in Kyoto?", "find", "in Kyoto", {"pick": "last"}),
    ("camera:sony 2019", "find", "camera:sony 2019", {}),
    ("😀", "find", "😀", {}),
    ("صورة كلب", "find", "صورة كلب", {}),
    # Cameras, wherever they stand; a thing that is described may be held in hand.
    ("How many photos did I take with an iPhone?", "count", "taken with an iPhone", {}),
    ("How many photos did I take in Kyoto with my Sony?", "count",
     "taken with my Sony in Kyoto", {}),
    ("How many photos of dogs did I take with the Canon?", "count",
     "dogs taken with the Canon", {}),
    ("Which photos were taken in Kyoto with the Sony?", "find", "taken with the Sony in Kyoto", {}),
    ("Find the photo of a man with a Canon", "find", "a man with a Canon", {}),
    ("Did I use the Sony in Kyoto?", "yes-no", "taken with the Sony in Kyoto", {}),
    # All are more than some: what is asked of all is compared with all.
    ("Are all my photos from Kyoto?", "compare", "", {"alternatives": ("", "from Kyoto")}),
    (
        *("Was every photo in Kyoto taken with the Canon?", "compare", "in Kyoto"),
        {"alternatives": ("in Kyoto", "taken with the Canon in Kyoto")},
    ),
    (
        *("Is every photo of a dog in Lisbon?", "compare", "a dog"),
        {"alternatives": ("a dog", "a dog in Lisbon")},
    ),
    ("Do all my photos show a dog?", "compare", "", {"alternatives": ("", "a dog")}),
    ("Did I take most of my photos in 2019?", "compare", "", {"alternatives": ("", "in 2019")}),
    (
        *("Did I always use the Canon in Kyoto?", "compare", "in Kyoto"),
        {"alternatives": ("in Kyoto", "taken with the Canon in Kyoto")},
    ),
    ("Did I visit every country in Europe?", "count", "in Europe", {"group": "country"}),
    ("Are all the dogs black?", "count", "dogs black", {}),
    ("Are there photos of all my friends?", "yes-no", "all my friends", {}),
    # Filters of several kinds are alternatives only where each is searched.
    (
        *("How many photos did I take in 2019 or in Kyoto?", "count", "in 2019 or in Kyoto"),
        {"alternatives": ("in 2019", "in Kyoto")},
    ),
    (
        *("How many dogs did I see in 2019 or in Kyoto?", "count", "dogs in 2019 or in Kyoto"),
        {"alternatives": ("dogs in 2019", "dogs in Kyoto")},
    ),
    (
        *("How many photos did I take in Kyoto or with the Canon in Nice?", "count"),
        "in Kyoto or taken with the Canon in Nice",
        {"alternatives": ("in Kyoto", "taken with the Canon in Nice")},
    ),
    ("How many photos did I take with the Sony or the Canon?", "count",
     "taken with the Sony or taken with the Canon", {}),
    ("How many photos did I take in Kyoto or in Lisbon?", "count", "in Kyoto or in Lisbon", {}),
    # By group
    ("How many photos did I take per city?", "compare", "", {"group": "city"}),
    ("How many photos did I take in each country?", "compare", "", {"group": "country"}),
    ("How many photos did I take per day in Kyoto?", "compare", "in Kyoto", {"group": "day"}),
    ("How many photos are there per month in 2019?", "compare", "in 2019", {"group": "month"}),
    ("In which countries did I take photos?", "compare", "", {"group": "country"}),
    ("On which days was I in Kyoto?", "compare", "in Kyoto", {"group": "day"}),
    (
        *("How many more photos did I take in Kyoto than in Lisbon?", "compare", ""),
        {"most": "most", "alternatives": ("in Kyoto", "in Lisbon")},
    ),
    # The first and the last
    ("How many photos did I take on the last day in Kyoto?", "compare", "in Kyoto",
     {"group": "day"}),
    ("Where was I on the first day in Japan?", "where", "in Japan",
     {"field": "place", "pick": "first"}),
    ("Which country did I visit last?", "where", "", {"field": "country", "pick": "last"}),
    ("Where did I go last?", "where", "", {"field": "place", "pick": "last"}),
    ("When did I arrive in Lisbon?", "when", "in Lisbon", {"field": "taken", "pick": "first"}),
    ("When did I get back from Lisbon?", "when", "in Lisbon", {"field": "taken", "pick": "last"}),
    ("When was my last trip?", "when", 'trip:"Kyoto 2023"', {"field": "taken"}),
    ("When was my last trip to Rome?", "when", "my last trip to Rome", {"field": "taken"}),
    ("When did I get in the car?", "when", "the car", {"field": "taken"}),
    ("Where did I go first in 2023?", "where", "in 2023", {"field": "place", "pick": "first"}),
    ("How long was I in Kyoto?", "count", "in Kyoto", {"group": "day"}),
    # What is not known, and what is no photo
    ("How many photos have no place?", "count", "-has:gps", {}),
    ("How many photos from 2019 are without a date?", "count", "from 2019 -has:date", {}),
    ("How many videos do I have?", "what", "", {"field": "video"}),
    ("How many video games are there?", "count", "video games", {}),
    ("How many movie posters do I have?", "count", "movie posters", {}),
    ("Find the photo of a man without a camera", "find", "a man without a camera", {}),
    ("How many photos from the Apple store do I have?", "count", "from the Apple store", {}),
    ("How many blurry photos are there?", "count", "blurry photos", {}),
    ("How many photos are blurry?", "count", "blurry", {}),
    # Files
    ("What is in IMG_1306.jpg?", "describe", "name:IMG_1306.jpg", {}),
    ("Where was the photo IMG_1004.jpg taken?", "where", "name:IMG_1004.jpg", {"field": "place"}),
    (
        *("Which camera took 2019/2019-04/IMG_1002.jpg?", "what"),
        *('name:IMG_1002.jpg folder:"2019/2019-04"', {"field": "camera"}),
    ),
    # Questions inside what is quoted are part of it.
    (
        *("When did I photograph when did I photograph a dog?", "when"),
        *("when did I photograph a dog", {"field": "taken"}),
    ),
    (
        *("Find the photo of a man asking how many photos I took?", "find"),
        *("a man asking how many photos I took", {}),
    ),
    (
        *('When did I photograph "a dog jumping over a fence"?', "when"),
        *("a dog jumping over a fence", {"field": "taken"}),
    ),
]  # fmt: skip
IN_CHINESE: list[tuple[str, str, str, dict[str, object]]] = [
    ("2019年我在里斯本拍了多少张照片？", "count", "2019年在里斯本", {}),
    ("我2019年在Lisbon拍了多少张狗的照片？", "count", "2019年 in Lisbon 狗", {}),
    ("有多少张照片是用Canon EOS 80D拍的？", "count", "Canon EOS 80D", {}),
    ("2023年我去了几个国家？", "count", "2023年", {"group": "country"}),
    ("最早的照片是哪一张？", "find", "", {"pick": "first"}),
    ("哪张照片是最新的？", "find", "", {"pick": "last"}),
    ("我在京都待了几天？", "count", "在京都", {"group": "day"}),
    ("我去过京都几次？", "count", "京都", {"group": "trip"}),
    ("第一张照片是什么时候拍的？", "when", "", {"field": "taken", "pick": "first"}),
    ("最新的一张照片在哪里拍的？", "where", "", {"field": "place", "pick": "last"}),
    ("2019年圣诞节我在哪里？", "where", "2019年圣诞节", {"field": "place"}),
    ("2019年夏天我在哪里？", "where", "2019年夏天", {"field": "place"}),
    ("三年前我在哪里？", "where", "三年前", {"field": "place"}),
    ("我在Kyoto用什么相机？", "what", "in Kyoto", {"field": "camera"}),
    ("我用iPhone拍了多少张", "count", "用iPhone", {}),
    (
        *("我所有的照片都是在Kyoto拍的吗？", "compare", ""),
        {"alternatives": ("", "in Kyoto")},
    ),
    (
        *("2019年的照片都是在京都拍的吗？", "compare", "2019年"),
        {"alternatives": ("2019年", "2019年在京都")},
    ),
    ("我有多少张照片没有地点？", "count", "-has:gps", {}),
    ("我在里斯本的最后一天拍了多少张？", "compare", "在里斯本", {"group": "day"}),
    ("我在每个国家拍了多少张照片？", "compare", "", {"group": "country"}),
    ("我有多少个视频？", "what", "", {"field": "video"}),
    ("所有京都的照片", "find", "京都", {}),
    ("所有照片都是在哪里拍的？", "where", "", {"field": "place"}),
    ("我最后一次拍狗是什么时候？", "when", "狗", {"field": "taken", "pick": "last"}),
    ("请问这张照片是什么时候拍的？", "when", "", {"field": "taken"}),
    ("那张狗在沙滩上的照片在哪儿拍的？", "where", "狗在沙滩上", {"field": "place"}),
    ("拍沙滩上的狗用的是什么镜头？", "what", "沙滩上的狗", {"field": "lens"}),
    ("牌子上写着什么？", "what", "牌子", {"field": "writing"}),
    ("浴缸里的三角钢琴是什么颜色的？", "what", "浴缸里的三角钢琴", {"field": "colour"}),
    ("哪一年拍得最多？", "compare", "", {"group": "year", "most": "most"}),
    ("我用哪台相机拍得最多？", "compare", "", {"group": "camera", "most": "most"}),
    ("每年拍了多少张照片？", "compare", "", {"group": "year"}),
    (
        *("2019年在Berlin拍得多还是在Lisbon拍得多？", "compare", "2019年"),
        {"most": "most", "alternatives": ("2019年 in Berlin", "2019年 in Lisbon")},
    ),
    (
        *("柏林和里斯本哪个照片多？", "compare", ""),
        {"most": "most", "alternatives": ("柏林", "里斯本")},
    ),
    ("说说我们去京都的旅行", "describe", "京都", {"group": "trip"}),
    ("我们去过日本吗？", "yes-no", "日本", {}),
    ("我去年去过京都吗", "yes-no", "去年京都", {}),
    ("请帮我找狗在雪地里奔跑的照片", "find", "狗在雪地里奔跑", {}),
    ("最新的狗的照片", "find", "狗", {"pick": "last"}),
    ("故宫", "find", "故宫", {}),
    # Traditional characters ask the same, and what is looked for stays as it was written.
    ("我什麼時候拍了在雪地裡奔跑的狗？", "when", "在雪地裡奔跑的狗", {"field": "taken"}),
    ("有沒有長頸鹿的照片？", "yes-no", "長頸鹿", {}),
    ("牌子上寫著什麼？", "what", "牌子", {"field": "writing"}),
    ("沙滩上的狗", "find", "沙滩上的狗", {}),
]
#: What a Chinese phrase may hold: words of place, of time, of asking.
PHRASES = (
    "一只在雪地里奔跑的狗",
    "两个孩子在沙滩上玩耍",
    "穿红衣服的女人",
    "海边的日落",
    "一辆红色公交车",
)


def planned(question: str) -> QuestionPlan:
    return plan_question(question, VOCABULARY, TODAY)


@pytest.mark.parametrize(("question", "intent", "box", "more"), QUESTIONS)
def test_questions(question: str, intent: str, box: str, more: dict[str, object]) -> None:
    assert planned(question) == QuestionPlan(question, intent, box, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("question", "intent", "box", "more"), IN_CHINESE)
def test_questions_in_chinese(
    question: str, intent: str, box: str, more: dict[str, object]
) -> None:
    assert planned(question) == QuestionPlan(question, intent, box, "zh", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", CHINESE)
def test_phrases_in_chinese_frames(asked: tuple[str, ...]) -> None:
    question, intent, field, *box = asked
    for phrase in PHRASES:
        plan = planned(question.format(phrase))
        expected = box[0].format(phrase).replace(" ", "") if box else phrase
        assert (plan.intent, plan.field, plan.box) == (intent, field, expected)
        assert plan.language == "zh"


def test_captions_stay_whole_in_every_frame(shared: Path) -> None:
    """A sample; scripts/measure_planning.py measures all of them."""
    with (shared / "flickr8k-700/captions.csv").open(encoding="utf-8") as file:
        rows = [
            " ".join(row["caption"].split()).strip(" .,;:!?'\"") for row in csv.DictReader(file)
        ]
    for caption in random.Random(6).sample(sorted(set(rows)), 40):
        bare = caption[strip(caption)[0] :]  # "a picture of" is no part of it
        for question, intent, field, *box in (*ENGLISH, *CHINESE):
            plan = plan_question(question.format(caption), None, TODAY)
            whole = {text.format(each) for text in box or ["{}"] for each in (caption, bare)}
            assert (plan.intent, plan.field) == (intent, field), question.format(caption)
            assert plan.box.strip(" .,;:!?'\"") in whole


def test_questions_over_an_album(shared: Path) -> None:
    """What is described stays a description, and what is counted becomes exact filters."""
    truth = json.loads((shared / "album-truth.json").read_text(encoding="utf-8"))
    vocabulary = Vocabulary(
        places=tuple({(photo["city"], None, None, photo["country"]) for photo in truth}),
        gear=tuple({(None, photo["camera"], None) for photo in truth}),
        years=(2019, 2024),
    )
    for asked in json.loads((shared / "album-questions.json").read_text(encoding="utf-8")):
        plan = plan_question(asked["question"], vocabulary, TODAY)
        kinds = {label.partition(":")[0] for label in read(plan.box, vocabulary)}
        if asked["kind"] != "absent":
            assert plan.intent == asked["kind"], asked["question"]
        exact = {"place", "taken", "camera"}
        assert kinds <= exact if plan.intent == "count" else kinds == {"meaning"}
        assert is_framed(asked["question"])


def test_the_box_keeps_its_filters() -> None:
    """What is left of the question is read as filters by the search box."""
    assert read(planned("How many photos of dogs did I take in Lisbon in 2019?").box) == [
        *("meaning: dogs", "place: Lisbon", "taken: 2019"),
    ]
    assert read(planned("How many photos were taken with my Sony?").box) == ["camera: Sony"]
    assert read(planned("How many photos were taken with the iPhone XS?").box) == [
        "camera: iPhone XS"
    ]
    assert read(planned("When did we visit Japan?").box) == ["place: Japan"]
    assert read(planned("我在Lisbon拍了多少张狗的照片").box) == ["place: Lisbon", "meaning: 狗"]
    assert read(planned("How many photos did I take in 1987?").box) == ["taken: 1987"]
    assert read(planned("How many photos did I take in Ulaanbaatar?").box) == ["place: Ulaanbaatar"]


def test_the_language_is_that_of_the_frame() -> None:
    assert planned("我什么时候拍了a brown dog on a beach？").language == "zh"
    assert planned("Find the photo of 故宫").language == "en"
    assert planned("a man under a sign 出口").language == "en"


def test_a_question_that_is_too_long_or_empty() -> None:
    with pytest.raises(QueryError, match=r"has 20,000 characters; the search box takes .* 2,000"):
        planned("a" * 20_000)
    for text in ("", "  \n", "?", "？！…", "\x00\x07", "---"):
        with pytest.raises(QueryError, match="empty"):
            planned(text)


def test_what_is_like_a_file_is_another_command() -> None:
    with pytest.raises(QueryError, match=r"Use: retrieval similar trips/IMG_1\.jpg"):
        planned("Show me photos similar to trips/IMG_1.jpg")


def test_control_characters_are_blanks() -> None:
    plan = planned("When did\x00I\x1b photograph\na dog?")
    assert (plan.intent, plan.box) == ("when", "a dog")


def test_without_a_vocabulary_names_are_told_by_their_capitals() -> None:
    assert plan_question("when did we go to Oslo", None, TODAY).box == "in Oslo"
    assert plan_question("when did we go to the zoo", None, TODAY).box == "the zoo"


def test_more_alternatives_than_can_be_searched_are_none() -> None:
    assert not planned("Did I take more photos of " + "dogs or " * 200 + "cats?").alternatives


def test_planning_imports_nothing_heavy() -> None:
    """It comes before the first hits are shown; numpy is what the package around it needs."""
    code = (
        "import datetime\nfrom retrieval.answering.planning import plan_question\n"
        "import retrieval.answering.refining\n"
        "plan_question('When did I photograph a dog?', None, datetime.date(2026, 1, 1))"
    )
    assert not imported(code) & ({*HEAVY, "dateparser"} - {"numpy"})


def test_is_framed() -> None:
    assert is_framed("When did I photograph a dog?")
    assert is_framed("Find the photo of a dog")
    assert is_framed("哪一年拍得最多")
    assert not is_framed("my dog, any idea when he was young?")


@given(st.text(max_size=300))
def test_any_text_has_a_plan_or_a_reason(text: str) -> None:
    has_a_plan_or_a_reason(text)


def has_a_plan_or_a_reason(text: str) -> None:
    try:
        plan = planned(text)
    except QueryError:
        return
    assert plan.question == text
    assert plan.box or plan.pick or plan.intent != "find"


WORDS = words(
    """
    when where which what who how many photos photo of did do I take in Lisbon 2019 most more or
    than year camera are there was the last describe trip to dog on ? , 我 在 拍 了 的 照片 什么时候
    哪里 多少 张 最多 哪 年 和 还是 吗 有没有
    """
)


@given(
    st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=40), st.sampled_from(["", " "])
)
def test_any_words_of_questions_have_a_plan_or_a_reason(said: list[str], between: str) -> None:
    has_a_plan_or_a_reason(between.join(said))


@pytest.mark.parametrize(
    ("question", "box"),
    [
        ("a beach without people", "a beach -people"),
        ("Is there a photo of a street with no people in it?", "a street -people"),
        ("Show me the beach without any people in Kyoto", "the beach -people in Kyoto"),
        ("a beach with no people on it", "a beach with no people on it"),
        ("How many photos show no people?", "no people"),  # nothing is said that they do show
        ("How many show both a dog and a cat?", "both a dog and a cat"),
        ("a street without cars", "a street without cars"),
    ],
)
def test_people_are_taken_out_where_a_question_says_so(question: str, box: str) -> None:
    assert planned(question).box == box


@pytest.mark.parametrize(
    ("question", "box"),
    [
        ("Find photos that are not of dogs", "no dogs"),
        ("How many photos do not show a dog?", "no dog"),
        ("How many photos don't show any dogs?", "no dogs"),
        ("How many photos do not have a place?", "-has:gps"),
    ],
)
def test_what_photos_do_not_show_is_said_in_one_way(question: str, box: str) -> None:
    plan = planned(question)
    assert plan.box == box
    assert only_absent(plan) == (not box.startswith("-"))  # filters can be looked for by themselves


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ("a street without cars", "without cars"),
        ("a man without a hat", "without a hat"),
        ("a man with no other animals", "with no other animals"),
        ("a dog not wearing a collar", "not wearing a collar"),
        ("not taken in Berlin", ""),
        ("a man with no shirt", "with no shirt"),
        ("no people", "no people"),
        ("a beach -people", ""),
        ("no longer young", ""),
        ("the Nobel prize", ""),
    ],
)
def test_what_is_said_to_be_missing_is_told(box: str, said: str) -> None:
    assert unread(box) == said
