"""What photos show, told by the words of their captions: concepts in groups, and
made-up absents. A concept counts as shown by a photo if any of its captions
has one of the words. Captions leave out what does not matter to their writer,
so only concepts that are hard to overlook are listed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Concept:
    """One thing that a photo may show: its plain name, its group and the words that tell of it."""

    name: str
    group: str
    words: re.Pattern[str]

    def is_in(self, captions: Iterable[str]) -> bool:
        """Whether any of the captions mentions it."""
        return any(self.words.search(caption) for caption in captions)


#: group -> "name: other words that tell of it", where `*` stands for the rest of a word.
_GROUPS = {
    "animal": """cat: cats, kitten*, kitty; dog: dogs, puppy, puppies, doggy, greyhound*,
        poodle*, retriever*, terrier*, hound*, collie*, labrador*, bulldog*,
        dalmatian*, canine*, pug, beagle*, husky, shepherd, spaniel*, corgi; horse:
        horses, pony, ponies, horseback, stallion*, rodeo, bronco, equestrian*,
        jockey*; sheep: lamb*, ram, rams, goat*; cow: cows, cattle, bull, bulls, calf,
        calves, steer, ox, oxen; elephant: elephant*; bear: bears, polar, grizzly,
        teddy; zebra: zebra*; giraffe: giraffe*; bird: bird*, duck*, goose, geese,
        swan*, seagull*, gull*, parrot*, owl*, eagle*, pigeon*, chicken*, hawk*,
        pelican*, crane*, peacock*, ostrich*, flamingo*, rooster*, crow, crows,
        penguin*""",
    "food": """pizza: pizza*; cake: cake*, cupcake*, pastr*, dessert*; sandwich: sandwich*, burger*,
        hamburger*, sub; hot dog: hotdog*, hot dogs, sausage*; donut: donut*, doughnut*;
        banana: banana*; broccoli: broccoli; salad: salad*, lettuce; soup: soup*, stew;
        ice cream: ice cream*, gelato; apple: apples""",
    "vehicle": """train: trains, locomotive*, subway, railroad, railway, tram*, trolley*; bus:
        buses; truck: truck*, pickup, lorry; motorcycle: motorcycl*, motorbike*,
        moped*, scooter*, dirt bike*, biker*, motocross, dirtbike*, atv; bicycle:
        bicycl*, bike*, cyclist*, biker*, biking; boat: boat*, ship*, sail*, ferry,
        canoe*, kayak*, raft*, yacht*, paddl*; airplane: airplane*, plane*, aircraft*,
        jet*, airliner*, helicopter*, airport; race car: race car*, racecar*, racing
        car*""",
    "sport": """tennis: tennis, racket*, racquet*; baseball: baseball, batter*, pitcher*,
        umpire*, bat, softball, t-ball; skateboard: skateboard*, skater*, skate*;
        surfing: surf*, wakeboard*, boogie board, bodyboard*; snowboard: snowboard*;
        skiing: ski, skis, skiing, skier*, skies; frisbee: frisbee*, disc, disk;
        soccer: soccer; basketball: basketball*; American football: football*,
        quarterback, touchdown; kite: kite*; hockey: hockey; climbing: climb*;
        volleyball: volleyball; martial arts: karate, judo, martial, wrestl*, boxing,
        boxer*""",
    "room": """toilet: toilet*, urinal*, restroom; bed: beds, bedroom*, pillow*; couch:
        couch*, sofa*, living room; kitchen: kitchen*, stove*, oven*, refrigerator*,
        fridge*, microwave*; bathroom: bathroom*, bathtub*, shower*, tub, sink*;
        laptop: laptop*, computer*, keyboard*, monitor*, desktop; television:
        television*, tv, tvs; teddy bear: teddy, stuffed; vase: vase*; clock: clock*""",
    "outdoors": """snow: snow*, ski*, sled*, winter, icy; beach: beach*, ocean*, sea, seashore,
        surf*, shore*, sand, sandy, wave, waves; swimming pool: pool*, swim*; fire
        hydrant: hydrant*; traffic light: traffic light*, traffic signal*, stoplight*,
        stop light*; stop sign: stop sign*; umbrella: umbrella*, parasol*; fountain:
        fountain*; playground: playground*, swing*, slide*; tent: tent, tents, camp,
        camping, campsite""",
    "people": """guitar: guitar*, band, musician*, musical;
        wedding: wedding*, bride*, groom*, tuxedo*;
        costume: costume*, masks, mask, dressed as, halloween; parade: parade*, march*;
        baby: baby, babies, infant*, toddler*; fishing: fish*; trampoline: trampoline*""",
}


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    ends = (re.escape(word).replace(r"\*", r"\w*") for word in words)
    return re.compile(rf"\b(?:{'|'.join(ends)})\b", re.IGNORECASE)


#: Whatever else tells of a group's things: without it, nothing like them is left.
_RELATED = {
    "animal": "animal*, pet, pets, paw, wildlife, zoo, wolf, wolves, deer, monkey*, rabbit*",
    "food": """food*, meal*, plate*, bowl*, dish, dishes, eat, eats, eating, breakfast, lunch,
        dinner, vegetable*, fruit*, bread, meat*, cheese, noodles, strawberr*, orange, oranges,
        tomato*, chocolate, snack*, cook*, restaurant, kitchen*""",
    "vehicle": "car, cars, van, vans, vehicle*, wagon*, taxi*, engine*, traffic, road*, tractor*",
}


def related(group: str) -> re.Pattern[str] | None:
    """What tells of things like those of a group; None where none of it can be told apart."""
    text = _RELATED.get(group)
    return None if text is None else _pattern(word.strip() for word in text.split(","))


def concepts() -> list[Concept]:
    """All concepts, group by group."""
    found = []
    for group, text in _GROUPS.items():
        for entry in " ".join(text.split()).split("; "):
            name, _, others = entry.partition(": ")
            words = [name, *(word.strip() for word in others.split(","))]
            found.append(Concept(name, group, _pattern(word for word in words if word)))
    return found


#: Of which no photo of the data sets has any, or so it seems: what it must not mention | query.
_ABSENT = """submarine | a submarine in the desert
volcano | lava running down a volcano at night
astronaut | an astronaut walking on the moon
penguin | a colony of penguins on an iceberg
kangaroo | a kangaroo boxing with a man
camel | a caravan of camels crossing the dunes
octopus | an octopus in an aquarium
shark | a shark swimming towards a diver
whale | a whale jumping out of the sea
tank | a military tank in a parade
rocket | a rocket launching into space
pyramid | the pyramids of Egypt
Eiffel | the Eiffel tower lit up at night
tornado | a tornado destroying a farm
lightning | lightning striking a skyscraper
aurora | northern lights over a frozen lake
skeleton | a dinosaur skeleton in a museum
dinosaur | a dinosaur
dragon | a dragon dance in a Chinese street
ballet | ballet dancers on a stage
orchestra | a symphony orchestra playing
piano | a grand piano in a concert hall
violin | a girl playing the violin
chess | two old men playing chess
surgeon | surgeons in an operating theatre
microscope | a scientist looking into a microscope
robot | a humanoid robot shaking hands
sushi | a plate of sushi
lobster | a boiled lobster on a plate
spaghetti | spaghetti with tomato sauce
wheelchair | an athlete racing in a wheelchair
golf | a man playing golf
igloo | an igloo with a light inside
windmill | old windmills beside a canal
lighthouse | a lighthouse on a cliff
castle | a medieval castle on a hill
cave | stalactites inside a cave
coral | tropical fish around a coral reef
spider | a spider in its web
butterfly | a butterfly on a flower
snake | a snake coiled on a branch
turtle | a sea turtle laying eggs
crocodile | a crocodile with its mouth open
kimono | women in kimonos under cherry blossoms
mosque | a mosque with golden domes
cemetery | gravestones in an old cemetery
passport | a passport and a boarding pass
receipt | a receipt from a supermarket
x-ray | an x-ray of a broken hand
whiteboard | a whiteboard full of equations
screenshot | a screenshot of an error message
tattoo | a close up of a tattoo on an arm
casino | people playing roulette in a casino
ultrasound | an ultrasound image of an unborn child
telescope | an observatory with a large telescope
nuclear | cooling towers of a nuclear power plant
oil rig | an oil rig in a storm
hot air balloon | hot air balloons over a valley
bungee | a woman bungee jumping from a bridge
fencing | two fencers with swords
sumo | sumo wrestlers in a ring
gondola | a gondola in Venice
rickshaw | a rickshaw pulled by a man
panda | a panda eating bamboo
koala | a koala asleep in a tree
lion | a lion chasing an antelope
tiger | a tiger in a cage
unicorn | a unicorn in the living room
piano | a piano floating on a swimming pool
cactus | a cactus wearing a bow tie
walrus | a walrus driving a bus
mermaid | a mermaid sitting on a park bench
spaceship | a spaceship landing on a tennis court
camel | a camel on a skateboard
shark | a shark in a kitchen sink
tank | a tank parked in a living room
lion | a lion reading a newspaper
penguin | a penguin on a motorcycle
helicopter | a helicopter on fire in the snow
crocodile | a crocodile on a bed"""


def made_up_absents() -> list[tuple[re.Pattern[str], str]]:
    """What must not be mentioned in the gallery, and the query."""
    lines = (line.split(" | ") for line in _ABSENT.splitlines())
    return [(_pattern([word, f"{word}s"]), query) for word, query in lines]
