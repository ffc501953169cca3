"""One box, compiled to a visible plan: what is meant, and what is a filter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import QueryError, UsageError
from retrieval.queries import make_query
from retrieval.queries.compiling import compile_query
from retrieval.records import Filter, Part, Query
from retrieval.storage.vocabulary import Vocabulary
from tests.boxes import TODAY, VOCABULARY, compiled, known_place, meanings, read, without

EXAMPLE = 'dogs in the snow in Kyoto, spring 2021, not blurry, "IMG_2041", camera:sony'


def test_the_example_of_the_readme() -> None:
    query = compiled(EXAMPLE)
    assert query.parts == (Part("text", "dogs in the snow"),)
    assert query.filters == (
        Filter("place", "is", ("Kyoto",)),
        Filter("taken", "between", ("2021-03", "2021-05")),
        Filter("sharpness", "between", (0.5, None)),
        Filter("text", "contains", ("IMG_2041",)),
        Filter("camera", "contains", ("sony",)),
    )
    assert [(chip.label, chip.text) for chip in query.chips] == [
        ("meaning: dogs in the snow", "dogs in the snow"),
        ("place: Kyoto", "in Kyoto"),
        ("taken: 2021-03 … 2021-05", "spring 2021"),
        ("sharpness: not blurry", "not blurry"),
        ("text: “IMG_2041”", '"IMG_2041"'),
        ("camera: sony", "camera:sony"),
    ]
    assert query.chips[1].without == (
        'dogs in the snow, spring 2021, not blurry, "IMG_2041", camera:sony'
    )


class TestPlaces:
    @pytest.mark.parametrize(
        "text",
        [
            "a turkey on a plate",
            "Turkey on a plate",
            "roast turkey",
            "Orange cat",
            "orange",
            "Orange",
            "a woman dressed in orange",
            "a man in Orange trousers",
            "china plates",
            "a nice view",
            "Nice weather",
            "Reading a book",
            "a man reading in bed",
            "Jordan smiling",
            "polish the shoes",
            "a long beach with palms",
            "sun",
            "come with us",
            "a Chicago style pizza",
            "Chicago Bulls",
            "a Paris street",
            "Rome at night",
            "children with Santa Claus",
            "a map of Asia",
            "a walk in winter",
            "at night",
            "in the garden",
        ],
    )
    def test_words_that_are_no_places(self, text: str) -> None:
        assert read(text) == [f"meaning: {text}"]

    @pytest.mark.parametrize(
        ("text", "plan"),
        [
            ("in Turkey 2019", ["place: Turkey", "taken: 2019"]),
            ("a dog in turkey", ["meaning: a dog", "place: Turkey"]),
            ("Turkey", ["place: Turkey"]),
            ("dogs, Turkey", ["meaning: dogs", "place: Turkey"]),
            ("Jordan", ["place: Jordan"]),
            ("Orange, France", ["place: Orange", "country: France"]),
            ("in Lisbon, Rome", ["place: Lisbon", "country: Rome"]),
            ("in Lisbon, New York in 2021", ["place: Lisbon", "country: New York", "taken: 2021"]),
            ("in Lisbon, Turkey", ["place: Lisbon", "place: Turkey"]),
            ("in Lisbon, Paris or Rome", ["place: Lisbon", "meaning: Paris or Rome"]),
            ("a market in Orange", ["meaning: a market", "place: Orange"]),
            ("tea in china", ["meaning: tea", "place: China"]),
            ("dogs kyoto", ["meaning: dogs", "place: Kyoto"]),
            ("KYOTO", ["place: Kyoto"]),
            ("cape town harbour", ["place: Cape Town", "meaning: harbour"]),
            ("photos of Kyoto", ["place: Kyoto"]),
            ("a dog in Kyoto, Japan", ["meaning: a dog", "place: Kyoto", "country: Japan"]),
            ("saint etienne", ["place: Saint-Étienne"]),
            ("in Long Beach", ["place: Long Beach"]),
            ("surfers in long beach", ["meaning: surfers", "place: Long Beach"]),
            ("in the US", ["place: United States"]),
            ("USA", ["place: United States"]),
            ("streets of America", ["meaning: streets of America"]),
            ("Kyoto and Lisbon", ["place: Kyoto", "place: Lisbon"]),
            ("beach not in Lisbon", ["meaning: beach", "place: not Lisbon"]),
            ("beach -Lisbon", ["meaning: beach", "place: not Lisbon"]),
            ("outside Turkey", ["place: not Turkey"]),
            ("dogs outside of Kyoto", ["meaning: dogs", "place: not Kyoto"]),
            ("a dog outside a house", ["meaning: a dog outside a house"]),
            ("in Lisbon or Paris", ["place: Lisbon", "place: Paris"]),
            ("in Kyoto and dogs", ["place: Kyoto", "meaning: dogs"]),
        ],
    )
    def test_places_of_the_collection(self, text: str, plan: list[str]) -> None:
        assert read(text) == plan

    @pytest.mark.parametrize(
        ("text", "plan"),
        [
            ("in Europe", ["place: France", "place: Portugal", "place: Turkey"]),
            ("people in Africa", ["meaning: people", "place: South Africa"]),
            ("not in North America", ["place: not United States"]),
            ("in South America", ["place: South America"]),
            ("in South Africa", ["place: South Africa"]),
            ("a map of Europe", ["meaning: a map of Europe"]),
        ],
    )
    def test_continents_are_the_countries_of_the_collection(
        self, text: str, plan: list[str]
    ) -> None:
        assert read(text) == plan

    @pytest.mark.parametrize(
        ("text", "plan"),
        [
            ("How many photos did I take in Ulaanbaatar?", ["place: Ulaanbaatar"]),
            ("dogs in ulaanbaatar", ["meaning: dogs", "place: ulaanbaatar"]),
            ("temples, Ulaanbaatar", ["meaning: temples", "place: Ulaanbaatar"]),
            ("Ulaanbaatar", ["place: Ulaanbaatar"]),
            ("dogs near Paris at night", ["meaning: dogs, at night", "place: Paris"]),
            ("in New York", ["place: New York"]),
            ("in Nowhereland", ["meaning: in Nowhereland"]),
        ],
    )
    def test_places_that_it_does_not_have(self, text: str, plan: list[str]) -> None:
        assert [label.replace(", ", " ") for label in sorted(read(text))] == sorted(
            label.replace(", ", " ") for label in plan
        )

    def test_a_collection_without_places_takes_none_from_a_query(self) -> None:
        assert read("a man in Paris", Vocabulary()) == ["meaning: a man in Paris"]
        assert read("place:Paris", Vocabulary()) == ["place: Paris"]


class TestGear:
    @pytest.mark.parametrize(
        ("text", "plan"),
        [
            ("How many photos were taken with the Canon EOS 80D?", ["camera: Canon EOS 80D"]),
            ("dogs, EOS 80D", ["meaning: dogs", "camera: Canon EOS 80D"]),
            ("canon eos 80d", ["camera: Canon EOS 80D"]),
            ("with my iPhone XS", ["camera: iPhone XS"]),
            ("iphone 15", ["camera: iPhone 15"]),
            ("iPhone 15 Pro", ["camera: iPhone 15 Pro"]),
            ("sony ILCE-7M3", ["camera: ILCE-7M3"]),
            ("taken with the Sony", ["camera: Sony"]),
            ("in Kyoto taken with the Sony", ["place: Kyoto", "camera: Sony"]),
            ("Sony photos", ["camera: Sony"]),
            ("Canon pictures in Kyoto", ["camera: Canon", "place: Kyoto"]),
            ("Apple pictures", ["meaning: Apple"]),
            ("apple photos", ["meaning: apple"]),
            ("taken with an iPhone", ["camera: iPhone"]),
            ("iPhone photos of dogs", ["camera: iPhone", "meaning: dogs"]),
            ("an iPhone on a table", ["meaning: an iPhone on a table"]),
            ("在京都用iPhone", ["place: Kyoto", "camera: iPhone"]),
            ("cats taken with a canon camera", ["meaning: cats", "camera: Canon"]),
            ("a man with a Canon", ["meaning: a man with a Canon"]),
            ("an apple", ["meaning: an apple"]),
            ("a sony television", ["meaning: a sony television"]),
            ("EF50mm f/1.8 STM", ["lens: EF50mm f/1.8 STM"]),
            ("not with the iPhone XS", ["camera: not iPhone XS"]),
            ("trip Kyoto 2023", ["trip: Kyoto 2023"]),
            ("the Kyoto 2023 trip", ["trip: Kyoto 2023"]),
        ],
    )
    def test_names(self, text: str, plan: list[str]) -> None:
        assert read(text) == plan

    def test_a_family_is_every_camera_whose_name_begins_so(self) -> None:
        (chip,) = compiled("taken with my iPhone").chips
        assert chip.filter == Filter("camera", "contains", ("iPhone",))
        both = compiled("taken with my iPhone, dogs")
        assert without(both, both.chips[1]) == meanings([chip])
        assert without(compiled(both.chips[1].without or "dogs"), chip) != []


class TestQuestions:
    @pytest.mark.parametrize(
        ("text", "plan"),
        [
            ("Find the photo of a dog.", ["meaning: a dog"]),
            ("find a dog", ["meaning: a dog"]),
            ("Show me all photos of cats in snow", ["meaning: cats in snow"]),
            ("Show me the astronaut", ["meaning: the astronaut"]),
            ("show jumping", ["meaning: show jumping"]),
            ("When did I photograph a brown bear?", ["meaning: a brown bear"]),
            ("When was my dog photographed?", ["meaning: my dog"]),
            ("Where was the photo of a swan taken?", ["meaning: a swan"]),
            ("Where did we take the picture of the swan?", ["meaning: the swan"]),
            ("How many photos did I take in Kyoto in 2019?", ["place: Kyoto", "taken: 2019"]),
            ("How many photos of dogs do I have?", ["meaning: dogs"]),
            ("Which photos show a polar bear?", ["meaning: a polar bear"]),
            ("What colour was the grand piano?", ["meaning: the grand piano"]),
            ("Do I have any photos of penguins?", ["meaning: penguins"]),
            ("photos with dogs", ["meaning: with dogs"]),
            ("photos from Kyoto", ["place: Kyoto"]),
            ("Kyoto photos", ["place: Kyoto"]),
            ("dog photos", ["meaning: dog"]),
            ("a wall of photos", ["meaning: a wall of photos"]),
            ("photos", ["meaning: photos"]),
            ("Can you show me pictures of my cat?", ["meaning: my cat"]),
            ("找狗的照片", ["meaning: 狗"]),
            ("有多少张猫的照片？", ["meaning: 猫"]),
            ("我什么时候拍的富士山", ["meaning: 富士山"]),
        ],
    )
    def test_what_surrounds_them_goes(self, text: str, plan: list[str]) -> None:
        assert read(text) == plan


class TestQuality:
    @pytest.mark.parametrize(
        ("text", "plan"),
        [
            ("a dog, not blurry", ["meaning: a dog", "sharpness: not blurry"]),
            ("sharp photos of birds", ["sharpness: sharp", "meaning: birds"]),
            ("blurry", ["sharpness: blurry"]),
            ("a blurry dog", ["meaning: a blurry dog"]),
            ("sharp knives", ["meaning: sharp knives"]),
            ("a dark forest", ["meaning: a dark forest"]),
            ("dark photos", ["brightness: dark"]),
            # No colour covers much of many photos in colour: it is no fact.
            ("black and white photos", ["meaning: black and white photos"]),
            ("a street in black and white", ["meaning: a street in black and white"]),
            ("a black and white dog", ["meaning: a black and white dog"]),
        ],
    )
    def test_only_what_is_clear(self, text: str, plan: list[str]) -> None:
        assert read(text) == plan


class TestSyntax:
    @pytest.mark.parametrize(
        ("text", "filters"),
        [
            ("iso:100..400", (Filter("iso", "between", (100.0, 400.0)),)),
            ("iso:400..100", (Filter("iso", "between", (100.0, 400.0)),)),
            ("ISO:100-400", (Filter("iso", "between", (100.0, 400.0)),)),
            ("rating:>=4", (Filter("rating", "between", (4.0, None)),)),
            ("stars:5", (Filter("rating", "between", (5.0, 5.0)),)),
            ("width:..4000", (Filter("width", "between", (None, 4000.0)),)),
            ("aperture:f/2.8", (Filter("aperture", "between", (2.8, 2.8)),)),
            ("exposure:1/250s", (Filter("exposure", "between", (0.004, 0.004)),)),
            ("focal:24-70mm", (Filter("focal", "between", (24.0, 70.0)),)),
            ("taken:2021-03..2021-05", (Filter("taken", "between", ("2021-03", "2021-05")),)),
            ("year:2021", (Filter("taken", "between", ("2021", "2021")),)),
            ("taken:>2020", (Filter("taken", "between", ("2021", None)),)),
            ("taken:<2020", (Filter("taken", "between", (None, "2019")),)),
            ("date:<=2020-05", (Filter("taken", "between", (None, "2020-05")),)),
            ('when:"last summer"', (Filter("taken", "between", ("2026-06", "2026-08")),)),
            ("taken:*-05", (Filter("taken", "is", ("*-05",)),)),
            ('camera:"Canon EOS"', (Filter("camera", "contains", ("Canon EOS",)),)),
            ("place:=Kyoto", (Filter("place", "is", ("Kyoto",)),)),
            ("-place:Kyoto", (Filter("place", "contains", ("Kyoto",), True),)),
            ('-"old house"', (Filter("text", "contains", ("old house",), True),)),
            ("“old house”", (Filter("text", "contains", ("old house",)),)),
            ("camera: sony", (Filter("camera", "contains", ("sony",)),)),
            ("format:jpg", (Filter("format", "is", ("JPEG",)),)),
            ("shape:vertical", (Filter("shape", "is", ("portrait",)),)),
            ("has:gps", (Filter("has", "is", ("gps",)),)),
            ("colour:gray", (Filter("colour", "is", ("grey",)),)),
            ("in:2019-04", (Filter("folder", "contains", ("2019-04",)),)),
            ("trip:'kyoto", ()),
            ('trip:"kyoto 2023"', (Filter("trip", "is", ("Kyoto 2023",)),)),
        ],
    )
    def test_fields(self, text: str, filters: tuple[Filter, ...]) -> None:
        if not filters:
            with pytest.raises(QueryError, match="There is no trip"):
                compiled(text)
            return
        query = compiled(text)
        assert query.filters == filters
        assert query.parts == ()

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("2:dog in the snow", [("dog", 2), ("in the snow", 1)]),
            ("2:a dog in the snow", [("a dog", 2), ("in the snow", 1)]),
            ('0.5:"in the snow" dogs', [("in the snow", 0.5), ("dogs", 1)]),
            ("2:(a big dog) at night", [("a big dog", 2), ("at night", 1)]),
            ("dog -people", [("dog", 1), ("people", -1)]),
            ("dog -2:people", [("dog", 1), ("people", -2)]),
            ("dog -(two people)", [("dog", 1), ("two people", -1)]),
            ("a t-shirt", [("a t-shirt", 1)]),
            ("-5 degrees", [("-5 degrees", 1)]),
            ("dog - cat", [("dog - cat", 1)]),
            ("12:30 at 16:9", [("12:30 at 16:9", 1)]),
            ("http://x.org/a:b", [("http://x.org/a:b", 1)]),
            (r"C:\photos", [(r"C:\photos", 1)]),
            ("note: a dog", [("note: a dog", 1)]),
            ("width: the whole room", [("width: the whole room", 1)]),
            ("x2:dog", [("x2:dog", 1)]),
            ('meaning:"in Kyoto"', [("in Kyoto", 1)]),
            ("🐶", [("🐶", 1)]),
            (":)", [(":)", 1)]),
            ("مرحبا بالعالم", [("مرحبا بالعالم", 1)]),
            ("'; DROP TABLE photos; --", [("'; DROP TABLE photos; --", 1)]),
            ("NEAR(a b) AND c*", [("NEAR(a b) AND c*", 1)]),
            ('"🐶"', [("🐶", 1)]),
        ],
    )
    def test_what_is_embedded(self, text: str, parts: list[tuple[str, float]]) -> None:
        query = compiled(text)
        assert sorted((p.value, p.weight) for p in query.parts) == sorted(parts)
        assert query.filters == ()

    def test_a_quotation_mark_that_is_not_closed_goes_to_the_end(self) -> None:
        query = compiled('dogs "in the snow')
        assert query.filters == (Filter("text", "contains", ("in the snow",)),)
        assert "not closed" in query.chips[1].label

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Paris", ["meaning: Paris"]),
            ("Paris 2021", ["taken: 2021", "meaning: Paris"]),
            ("in Paris", ["place: Paris"]),
            ("a dog in Paris", ["meaning: a dog", "place: Paris"]),
            ("Rome", ["place: Rome"]),
            ("Kyoto", ["place: Kyoto"]),
        ],
    )
    def test_a_name_that_photos_have_is_no_place_elsewhere(
        self, text: str, expected: list[str]
    ) -> None:
        query = compile_query(
            make_query(text), VOCABULARY, TODAY, known_place, lambda name: name == "Paris"
        )
        assert sorted(chip.label for chip in query.chips) == sorted(expected)

    @pytest.mark.parametrize("name", ["Kyoto", "Paris", "Nice"])
    def test_with_somebody_is_no_place(self, name: str) -> None:
        for text in (f"with {name}", f"a walk with {name}", f"with {name} in Lisbon"):
            places = [f.values for f in compiled(text).filters if f.field == "place"]
            assert places == ([("Lisbon",)] if "Lisbon" in text else [])

    def test_several_texts_are_groups(self) -> None:
        query = compile_query(
            make_query(["2:a dog in Kyoto", "at night"], minus="people"),
            *(VOCABULARY, TODAY, known_place),
        )
        assert query.parts == (
            Part("text", "a dog", 2),
            Part("text", "at night"),
            Part("text", "people", -1),
        )
        assert query.filters == (Filter("place", "is", ("Kyoto",)),)
        place = next(chip for chip in query.chips if chip.kind == "place")
        assert place.without == "2:(a dog) 1:(at night) -(people)"

    @pytest.mark.parametrize("text", ['a "b', "a :) b", "((a", "a) (b"])
    def test_signs_of_one_text_do_not_reach_into_another(self, text: str) -> None:
        assert compiled(text, "x y").parts[-1] == Part("text", "x y")

    def test_other_parts_stay_and_are_shown(self) -> None:
        query = Query((Part("box", "in Kyoto"), Part("image", "x.jpg", -0.5)))
        found = compile_query(query, VOCABULARY, TODAY, known_place)
        assert found.parts == (Part("image", "x.jpg", -0.5),)
        assert [chip.label for chip in found.chips] == ["place: Kyoto", "minus image: 0.5:x.jpg"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("colr:red", "no field “colr”.*Did you mean color"),
            ("foo:bar", "no field “foo”.*Known are: taken.*put them in quotes"),
            ("31 February", "There is no 31 February"),
            ("30 February 2021", "There is no 30 February 2021: it has 28 days"),
            ("taken:2021-13", "There is no month 13"),
            ("2021-02-30", "There is no 30 February 2021"),
            ("taken:yes", "“yes” is no date"),
            ("taken:..", "no range of dates"),
            ("iso:many", "ISO is a number, not “many”"),
            ("iso:nan", "ISO is a number"),
            ("iso:" + "9" * 400, "ISO cannot be"),
            ("exposure:1/0", "exposure cannot be"),
            ("shape:round", "shape is one of landscape, portrait"),
            ("has:everything", "has is one of gps"),
            ("trip:Rome", "There is no trip “Rome”.*Kyoto 2023"),
            ("-people", "only subtracts"),
            ("show me all photos", "does not say what to look for"),
            ('""', "does not say what to look for"),
            ("0:dog", "between 0 and 100"),
            ("9999:dog", "between 0 and 100"),
            ("iso:1 " * 300, "has 300 pieces; at most 200"),
        ],
    )
    def test_sentences(self, text: str, sentence: str) -> None:
        with pytest.raises(QueryError, match=sentence):
            compiled(text)

    def test_ten_thousand_texts(self) -> None:
        with pytest.raises(UsageError, match="10,000 texts; at most 200"):
            compiled(*["iso:100"] * 10_000)


PIECES = (
    "dogs in the snow|in Kyoto|spring 2021|not blurry|camera:sony|2:dog|-people|"
    "-place:Lisbon|in May|since 2020|2021|2019..2021|a turkey on a plate|Orange, France|"
    "in Turkey|with the Canon EOS 80D|2:(a dog in Lisbon)|1:(at night)|去年夏天的狗|三天前|"
    "black and white photos of|rating:>=4|Show me|photos|at night|"
    "How many photos did I take|(|)|-|,|?|🐶|مرحبا|Chicago|USA|with us|not in 2019|before|"
    "2:|-(|width: 30|the Kyoto 2023 trip|yesterday|iso:100-400|in|of|the|May|5 May|"
    '"IMG_2041"|-"exact words"|"|meaning:"a b"'
)
typed = st.lists(st.sampled_from(PIECES.split("|")), min_size=1, max_size=7).flatmap(
    lambda words: st.sampled_from([" ", ", "]).map(lambda glue: glue.join(words))
)
scribbled = st.text(st.sampled_from('abK -:"()2,.0?\n年月5去“”。') | st.characters(), max_size=30)


@given(typed | scribbled)
def test_each_chip_can_be_removed(text: str) -> None:
    """The query without a chip means all others; nothing but a QueryError ever comes."""
    try:
        query = compiled(text)
    except QueryError:
        return
    for chip in query.chips:
        others = without(query, chip)
        if not others:
            assert chip.without == ""
        elif any(weight > 0 or asked for _, asked, weight, _ in others):
            assert meanings(compiled(chip.without).chips) == others, chip


@given(typed)
def test_the_plan_is_what_the_chips_say(text: str) -> None:
    try:
        query = compiled(text)
    except QueryError:
        return
    assert query.filters == tuple(chip.filter for chip in query.chips if chip.filter)
    weights = [chip.weight for chip in query.chips if chip.filter is None]
    assert [part.weight for part in query.parts] == weights
    assert compiled(text) == query


class TestTimesThatReturn:
    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("in winter", ("*-12", "*-02")),
            ("in the summer", ("*-06", "*-08")),
            ("冬天", ("*-12", "*-02")),
            ("at Christmas", ("*-12-24", "*-12-26")),
            ("on New Year's Eve", ("*-12-31", "*-01-01")),
            ("圣诞节", ("*-12-24", "*-12-26")),
            ("in the morning", ("*T05", "*T11")),
            ("早上", ("*T05", "*T11")),
            ("on weekends", ("*W6", "*W7")),
            ("taken:*-06..*-08", ("*-06", "*-08")),
        ],
    )
    def test_alone_they_are_filters(self, text: str, values: tuple[str, str]) -> None:
        query = compiled(text)
        assert query.filters == (Filter("taken", "between", values),)
        assert not query.parts
        assert [chip.text for chip in query.chips] == [text]

    def test_one_day_of_the_week(self) -> None:
        assert compiled("on Mondays").filters == (Filter("taken", "is", ("*W1",)),)

    def test_beside_a_place_and_a_year(self) -> None:
        assert read("in Kyoto in spring") == [
            "place: Kyoto",
            "taken: March … May of any year",
        ]
        assert read("dogs, in the morning") == [
            "meaning: dogs",
            "taken: 05:00 … 11:59 of any day",
        ]
        winter = Filter("taken", "between", ("2020-12", "2021-02"))
        assert compiled("in winter in 2020").filters == (winter,)

    @pytest.mark.parametrize(
        "text",
        [
            "a winter landscape",
            "a morning glory",
            "a dog in the snow in winter",
            "a man runs in the morning",
            "at night",
            "in winter clothes",
            "冬天的雪景",
        ],
    )
    def test_inside_a_description_they_are_its_words(self, text: str) -> None:
        assert read(text) == [f"meaning: {text}"]
