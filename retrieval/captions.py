"""Made-up captions: what people might ask for, where a collection holds no texts to learn from.

They need not fit the photos. They show where in an encoder's space texts lie, as seen from photos.
"""

from __future__ import annotations

import random


def _phrases(text: str) -> list[str]:
    return [" ".join(phrase.split()) for phrase in text.split(",")]


_WHO = _phrases("""a dog, two dogs, a black cat, a horse, a flock of birds, a man, an old woman,
    a child, two girls, a baby, a group of friends, a family, a crowd, a couple, a cyclist,
    a football player, a musician, a red car, an old bus, a train, a sailing boat, an aeroplane,
    a motorcycle, a bicycle, a bridge, a church, a castle, a tall building, a small house,
    a street sign, a plate of food, a cake, a bowl of fruit, a cup of coffee, a bunch of flowers,
    a tree, a mountain, a waterfall, a laptop, a bookshelf, a wooden table, a sofa, a bed,
    a teddy bear, a kite, an umbrella, a clock""")
_DOING = _phrases("""standing, lying, seen from above, seen from behind, in the rain, in the snow,
    in the fog, at sunset, at night, in bright sunlight, in black and white, out of focus, close up,
    in the distance, moving, next to a window, in front of a wall, under a blue sky, full of colour,
    without people""")
_WHERE = _phrases("""on a beach, in a park, in the mountains, in a forest, by a lake,
    in a city street, at a market, in a garden, in a living room, in a kitchen, at a wedding,
    at a birthday party, on a field, at the airport, in a museum, in a restaurant, by the sea,
    on a bridge, in a village, on a road""")
_FORMS = ("{} {} {}", "a photo of {} {} {}", "{} {}", "{}, {}", "a picture of {}, {}")


def made_up(count: int) -> list[str]:
    """So many different captions, the same each time; at most 50,000."""
    chosen: dict[str, None] = {}
    lots = random.Random(0)
    while len(chosen) < count:
        form = lots.choice(_FORMS)
        words = (lots.choice(_WHO), lots.choice(_DOING), lots.choice(_WHERE))
        chosen[form.format(words[0], *lots.sample(words[1:], 2))] = None
    return list(chosen)
