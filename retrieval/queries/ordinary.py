"""Names of places that mean something else as well, so that a word alone does not name the place.

GeoNames knows a town for almost every word (there are an Of, a Man, a Sandwich and a Beach). The
lists hold the names of its towns of a thousand inhabitants that people use in captions of photos as
ordinary words, and some that are first names.
"""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


#: Words first of all: taken for a place only with a capital letter and behind "in", "at", "near".
ORDINARY = words(
    """
    a abbey about advance afar albino along alot alpine amble an angles antelope anthem antlers
    apex apple apples arcade arch archer arches archway are arena argyle art as ash ask autumn awe
    ayer ba bacon badger bag bail bake baker bale ball bamboo banana band bangs bank banks bar
    barber bard barge bark barking bars basin bath batman battle bay beach beaches beacon bear
    beaver bee beers begun beige bell bello bells ben bend berry best biking bile bird birds bison
    blades bland blender blossom blue bluff bo boat bod bol bony book boom boot born bot both
    boulder bow bowl box bra branch brand bras bridal bride bridge bright brilliant bro brown brush
    bu buffalo bull bullion bulls bum burns burst bus bush butter butterfly buy cabana cactus cafe
    cake camo camp can canals candy cane canning canon canyon capital cardigan cars cascade cash
    casino cast castle cat cave cay celebration center central centre cents chair chamber champagne
    change charge chase cheddar cherry chihuahua chili chilly chinatown chocolate chop christmas
    church circle citrus city clay clover clydesdale coast coats coca cockatoo coco cocoa coffee
    coin cola cold college collie combine come comfort commerce communal concession condom
    continental converse convoy cook cool cooling cork corn corner corral cot cottage couches
    countryside court coyote crane cream crescent crest cricket crop cross crystal cube curry cut
    dale dame damp date dawn deal deep deer deli derby desert diamond dig do dog doge dogs dojo
    dollar dome don door dough down downtown drain dress driver dry duck duffel dusk dust eagle
    early earth east eastern eclectic economy ed effort egg elk emblem emerald empire english era
    evergreen experiment eye eyes fair fairway falcon fall falling falls fame fare farm farmland
    fell ferns ferris ferry field fig fire firestone fish fisher fishers flag fleet flint floss
    flower flowers flushing for force ford forest fork forks forth foster fountain fox friend
    friendly frog front fry full fully game gaming gang gap garden gardens garland garner gas gate
    gateway gear ghost girl give glass glide globe go goat god goes going gold golden goldenrod
    golf gondola good goose gown grabs graces grain grand granite grape grass grave gray great
    greek green greenfield grenade grey grill grins ground grove guinea gym ha hair halfway hall
    ham hand happy harbor harbour hard harvest hat hatch haven hawk hay hazard hazel headstone
    heart heath heel hell heron high highland hill hillcrest hills hillside him hit holder holiday
    holly home homeland honey hood hook hooker hooks hope horn horse hot house hull hunt hunter
    hurricane hurt hut ice ifs imperial in ina independence inlet inn iron is island isle ivory
    jack jam java jersey jet job join joy jump junction jungle justice kale kid kill king kings
    kissing kitchen kitten la lab lace laces lake lakes lakeshore lakeside lama lamb lame lance
    land landing landmark lane lapel last laurel lavender law lawn lead leader leaf leather left
    lei lens lever licking light lily lime limit line lion list lit liter lizard llama local
    locking log lone long loss lot love loving low luck mache mack mad made magenta mail male mama
    man mane manger mango mantel many maple maracas marathon marble march margarita marina mark
    market marks mascara mascot mask mason matador mayo maze me meadow meadows media medium melon
    mens mermaid mesa meta metro midfield midway mile miles military milk mill mills mine minor
    minster mint mission mobile model mogul mohawk moka mold mole mono monster monument moon moose
    moss most motley mound mounds mount mountain mountains mountainside much mud mug museum muti
    nail narrow national nature naval navy neath needles nest net never new news nice night nine
    noble noel nokia none normal north nova nude oak oar oasis oblong ocean of office officer oil
    old olive olympic on one onion open opened opera opportunity oral orange orchard oriental
    osprey othello otter out outer oval over owl oyster pace pacific pack page paint pair paisley
    palace pale palm pan panda panorama pant papaya paper para parachute paradise parchment park
    parking parkland parks party past pasta paste path paw pawing peace peach peak pear pearl
    peculiar peel peer pen penguin people pepper per perch perches perm petting piano pier pigeon
    pike piles pillow pine pines pink pint pinto pipe piste pita pizza place plain plains plan
    planes plank plant plate plateau player plaza plenty plum plunge point poker police polish poll
    polo polos pond pong pony pool pop porch porcupine pork port pose poses post pot pouch power
    prairie pretty price prince private pro progress puck pumpkin punch purchase purple queen
    queens quiche rabbit race raiding rail rain rainbow ram ranch range ranger rapid rapids raven
    re reading real red redhead redwood reef reserve rest retriever revel rice rich ride ridge
    rifle rind ring ripe rising river riverbank rivers riverside road roade roadside robe robin
    rock rocks rocky rode rodeo roll rolling romaine roman roof room root rope rose roses rotunda
    rough round royal rugby rum run runing running rural rush rust rustic rye sad saddle safari
    sail sale sales salmon salon salt same sand sandals sandwich sandy santa sari sauce savanna
    savannah save say scar scenic school scissors scone sea seaside second sedan see sees sells
    semi shade shadow shaft shamrock share sharp she shed sheep shell shepherd shields shin shiner
    ship shipyard shirt shoe shop shore shoreline short show shrine side sign silly silver sim
    siren sister sisters skate skatepark ski skirt sky slate sleep slope slough small smile smoke
    snake snow snowflake soars soccer solo son song sort soup south southern spa space spark sparks
    sparta speedway split spoon sport spring springs spruce square stable stage stagecoach stains
    stair stall stamp stamps staples star statue steel stick still stock stone stones store storm
    stove strand strawberry stream street strong studio suit summer summit sun sundown sunflower
    sunrise sunset sunshine supreme surf surprise sushi swamp swan sweet swim swing swords tab
    table tall tamale tame tan tangerine tank tap tapping tar tarp tattoo tea team temple tennis
    tent tequila terrace than that the them thin this three tie tiger tile tiling tire tires to
    toast toilet tombstone tool top topo tour tours tower town toy track tractor trail train
    trainer tree trees triangle trim trinity trip trolley trooper truck trunk tub tube tulip tumble
    tundra tune tunnel turtle tussling twin twist un union university us used vac vale valley van
    vase veil venus verdant verges vest veterans vice victor view village vine violet vista volcano
    wade wagon wake walk walker wall walls walnut war ware warm wash washer watch watchtower water
    waterfall waterfront waterman waterway waterways wave waves way ways we wedding weed welcome
    well wells west western wet whale wharf wheel wheeler wheeling white whitewater whole wide wild
    wilderness wildwood willow wind winder windmill window windy wine wines wing winner winter
    winters wise wolf women wood woodland woodlands woods wool work world worms wort worth wrist
    yacht yak yam yard yarn yellow young yurt zag zebra zone zoo
    """
)

#: Countries and towns that are common words or first names: behind "in" they are places in any
#: spelling, elsewhere only where the name stands by itself.
DOUBTFUL = words(
    """
    america adelaide alexandria angers asia austin bari baxter bergen bologna bordeaux brasil
    brie bristol brooklyn burgundy carolina carson chad charlotte chelsea chester chile china
    clinton cologne cuba dakota david delft devon diego dominica donald eden elizabeth essen
    florence florida garland gay georgetown georgia gloucester graham greece guernsey hamilton
    hampton hart harvey helena henderson hereford hungary india israel jackson jamaica jasper
    jordan judith kent kenya labrador lancaster laredo leon lille lima lincoln logan lourdes
    lucia madeira madison mali manila mardi martin mary mercedes monaco montana morgan nancy
    newfoundland niger norman obama odessa olivia oxford panama parma phillip phoenix pilar
    preston quebec ray richmond rio roma salem salvador sandra santiago shaw sidney sierra smith
    sofia sophia split stella toledo troy turkey tyler valencia vera victoria virginia warren
    washington wellington windsor winston york yorkshire
    """
)

#: Words that names of several words are made of; "Long Beach" is a beach where all are such.
_GENERIC = ORDINARY | words(
    "big little black upper lower two four five course neck clear bay gate three lots hand tables"
    " redwood round ocean times claus hyde notre"
)

#: (name, the word behind it) that is something else than a thing at that place.
COMPOUNDS = {
    ("boston", "terrier"),
    ("boston", "terriers"),
    ("brussels", "sprout"),
    ("brussels", "sprouts"),
    ("hamburg", "steak"),
    ("havana", "cigar"),
    ("havana", "cigars"),
    ("new york", "cheesecake"),
    ("new york", "yankees"),
    ("paris", "hilton"),
    ("peru", "balsam"),
    ("vienna", "sausage"),
    ("vienna", "sausages"),
    ("chicago", "bulls"),
    ("chicago", "bears"),
    ("toronto", "raptors"),
    ("berlin", "wall"),
    ("kentucky", "fried"),
}


#: Before these a name only describes: "a Texas flag", "Chicago style pizza".
DESCRIBED = words(
    """
    flag flags style styled themed logo emblem airlines airways airline airplane plane jersey
    shirt license licence team player players fans bus buses sign stadium map book guide
    university cap hat mascot accent passport cuisine dish
    """
)


def is_ordinary(name: tuple[str, ...]) -> bool:
    """Whether a folded name is first of all an ordinary word, or made of such."""
    if len(name) == 1:
        return name[0] in ORDINARY or len(name[0]) < 3
    return all(word in _GENERIC for word in name) or name[0] in ("the", "a", "an")


def is_doubtful(name: tuple[str, ...]) -> bool:
    """Whether a folded name may be a place, a person or a thing."""
    return len(name) == 1 and name[0] in DOUBTFUL
