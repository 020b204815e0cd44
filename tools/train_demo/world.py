"""The world that the demo models know: scenes, the captions that tell them, the facts that hold.

Three kinds of scene have shapes on a plain background (one shape, two in a relation, several
alike), one is a simple landscape. `caption` is the one sentence the captioner learns; `facts` are
all the shorter and longer things that are true of the scene, each of which somebody may search for.
"""

from dataclasses import dataclass, replace

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "gray", "black",
           "white")
SHAPES = ("circle", "square", "triangle", "star", "heart", "cross", "ring", "diamond")
CONTAINERS = ("circle", "square", "triangle", "heart")  # wide enough to have something inside
RELATIONS = ("above", "left of", "inside")
COUNTS = {2: "two", 3: "three", 4: "four", 5: "five"}
SIZES = ("small", "large", "")  # "": in between, and not worth a word

HOUSE_COLOURS = ("red", "yellow", "blue", "white")
BOAT_COLOURS = ("red", "yellow", "black", "white")
SUBJECTS = ("house", "tree", "house next to a tree", "mountains", "boat")
PLACES = {"field": "in a green field", "snow": "in the snow", "desert": "in the desert",
          "sea": "on the sea"}
SKIES = {"day": "under a blue sky", "sunny": "on a sunny day", "sunset": "at sunset",
         "night": "at night", "moon": "at night with the moon"}


def plural(shape):
    return shape + ("es" if shape.endswith("ss") else "s")


@dataclass(frozen=True)
class Thing:
    colour: str
    shape: str

    def __str__(self):
        return f"{self.colour} {self.shape}"


def article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


@dataclass(frozen=True)
class Single:
    thing: Thing
    size: str
    background: str

    def caption(self):
        words = f"{self.size} {self.thing}".strip()
        return f"{article(words)} on {article(self.background)} background"

    def facts(self):
        yield from thing_facts(self.thing)
        yield background_fact(self.background)
        if self.size:
            yield f"{self.size} {self.thing}"
        yield f"{self.thing} on {self.background}"


@dataclass(frozen=True)
class Pair:
    """`first` is above, left of or inside `second`."""
    first: Thing
    relation: str
    second: Thing
    background: str

    def caption(self):
        return (f"{article(str(self.first))} {self.relation} {article(str(self.second))} "
                f"on {article(self.background)} background")

    def relation_fact(self):
        return f"{self.first} {self.relation} {self.second}"

    def facts(self):
        yield from thing_facts(self.first)
        yield from thing_facts(self.second)
        yield background_fact(self.background)
        yield self.relation_fact()
        yield f"{self.first.shape} {self.relation} {self.second.shape}"
        yield " and ".join(sorted((str(self.first), str(self.second))))


@dataclass(frozen=True)
class Several:
    count: int
    thing: Thing
    background: str

    def plural(self):
        return f"{self.thing.colour} {plural(self.thing.shape)}"

    def caption(self):
        return f"{COUNTS[self.count]} {self.plural()} on {article(self.background)} background"

    def facts(self):
        yield from thing_facts(self.thing)
        yield background_fact(self.background)
        yield f"{COUNTS[self.count]} {self.plural()}"
        yield f"{COUNTS[self.count]} {plural(self.thing.shape)}"
        yield self.plural()


@dataclass(frozen=True)
class Landscape:
    subject: str
    colour: str  # of the house or the boat, "" when there is neither
    place: str
    sky: str

    def subject_words(self):
        if self.subject == "mountains":
            return "mountains"
        return article(f"{self.colour} {self.subject}".strip())

    def caption(self):
        return f"{self.subject_words()} {PLACES[self.place]} {SKIES[self.sky]}"

    def facts(self):
        for noun in ("house", "boat"):
            if self.subject.startswith(noun):
                yield from (noun, f"{self.colour} {noun}")
        if "tree" in self.subject:
            yield "tree"
        if self.subject == "mountains":
            yield "mountains"
        yield "landscape"
        yield self.place
        yield {"day": "blue sky", "sunny": "blue sky", "sunset": "sunset"}.get(self.sky, "night")
        if self.sky in ("sunny", "moon"):
            yield {"sunny": "sun", "moon": "moon"}[self.sky]
        yield f"{self.subject_words()} {PLACES[self.place]}"
        yield f"{self.subject_words()} {SKIES[self.sky]}"


def thing_facts(thing):
    yield str(thing)
    yield thing.shape


def background_fact(colour):
    return f"{colour} background"


def all_facts(scene):
    return frozenset(scene.facts()) | {scene.caption()}


# Words for a fact that differ from the fact itself.
PHRASES = {
    "field": ("a green field", "grass", "a field"), "snow": ("snow", "a snowy landscape"),
    "desert": ("a desert", "sand"), "sea": ("the sea", "water", "the ocean"),
    "sun": ("the sun", "a sunny day"), "moon": ("the moon",), "night": ("night", "a night sky"),
    "sunset": ("a sunset", "sunset"), "blue sky": ("a blue sky", "sky in daylight"),
    "mountains": ("mountains", "a mountain"), "landscape": ("a landscape",),
}
OPPOSITES = {"above": ("below", "under"), "left of": ("right of", "to the right of"),
             "inside": ("around", "containing")}
FRAMES = ("a picture of {}", "a drawing of {}", "a photo of {}", "an image of {}", "show me {}",
          "find {}", "there is {}", "{} please")


def say(fact, random):
    """A way in which somebody might write the fact."""
    words = fact
    if fact in PHRASES:
        words = random.choice(PHRASES[fact])
    elif not fact.startswith(("a ", "an ")):
        words = say_things(fact, random)
    if random.random() < 0.15:
        words = random.choice(FRAMES).format(words)
    if random.random() < 0.06:  # words that mean nothing here must not change what is found
        words = words.split()
        stranger = "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randrange(2, 8)))
        words.insert(random.randrange(len(words) + 1), stranger)
        words = " ".join(words)
    return words


def say_things(fact, random):
    for relation, opposites in OPPOSITES.items():
        if f" {relation} " in fact:
            first, second = fact.split(f" {relation} ")
            if random.random() < 0.4:
                first, relation, second = second, random.choice(opposites), first
            elif relation == "left of" and random.random() < 0.3:
                relation = "to the left of"
            return f"{with_article(first, random)} {relation} {with_article(second, random)}"
    if " and " in fact:
        halves = fact.split(" and ")
        random.shuffle(halves)
        return " and ".join(with_article(half, random) for half in halves)
    if " on " in fact:
        thing, background = fact.split(" on ")
        return f"{with_article(thing, random)} on {background}"
    return with_article(fact, random)


def with_article(words, random):
    if words.split()[0] in COUNTS.values() or words.endswith("s") and not words.endswith("ss"):
        return words
    return article(words) if random.random() < 0.8 else words


def choose_thing(random, shapes=SHAPES, but_not=()):
    return Thing(random.choice([colour for colour in COLOURS if colour not in but_not]),
                 random.choice(shapes))


def choose_background(random, *things):
    taken = {thing.colour for thing in things}
    return random.choice([colour for colour in COLOURS if colour not in taken])


def subject_colours(subject):
    return {"house": HOUSE_COLOURS, "boat": BOAT_COLOURS}.get(subject.split()[0], ("",))


def choose_landscape(random):
    subject = random.choice(SUBJECTS)
    place = "sea" if subject == "boat" else random.choice([p for p in PLACES if p != "sea"])
    return Landscape(subject, random.choice(subject_colours(subject)), place, random.choice(list(SKIES)))


def choose_scene(random):
    kind = random.random()
    if kind < 0.2:
        thing = choose_thing(random)
        return Single(thing, random.choice(SIZES), choose_background(random, thing))
    if kind < 0.6:
        relation = random.choice(RELATIONS)
        first = choose_thing(random)
        second = choose_thing(random, CONTAINERS if relation == "inside" else SHAPES,
                              but_not=(first.colour,))
        return Pair(first, relation, second, choose_background(random, first, second))
    if kind < 0.82:
        thing = choose_thing(random)
        return Several(random.choice(list(COUNTS)), thing, choose_background(random, thing))
    return choose_landscape(random)


def change_one_thing(scene, random):
    """A scene that differs in little: what the search model finds hardest to tell apart."""
    if isinstance(scene, Pair) and random.random() < 0.5:
        swapped = replace(scene, first=scene.second, second=scene.first)
        if is_possible(swapped):
            return swapped
    other = choose_scene(random)
    while type(other) is not type(scene) or other == scene:
        other = choose_scene(random)
    names = [name for name in scene.__dataclass_fields__
             if getattr(other, name) != getattr(scene, name)]
    random.shuffle(names)
    for name in names:
        changed = replace(scene, **{name: getattr(other, name)})
        if is_possible(changed):
            return changed
    return other


def is_possible(scene):
    if isinstance(scene, Landscape):
        return scene.colour in subject_colours(scene.subject) and (scene.subject == "boat") == (scene.place == "sea")
    if isinstance(scene, Pair):
        is_contained = scene.relation != "inside" or scene.second.shape in CONTAINERS
        colours = {scene.first.colour, scene.second.colour, scene.background}
        return is_contained and len(colours) == 3
    return scene.thing.colour != scene.background


def vocabulary():
    """Every word that a caption or a phrase may hold."""
    words = {"a", "an", "the", "and", "background", "to"}
    for text in (*FRAMES, *COLOURS, *SHAPES, *map(plural, SHAPES), *RELATIONS, *COUNTS.values(),
                 *SIZES,
                 *SUBJECTS, *PLACES.values(), *SKIES.values(), *PHRASES,
                 *(phrase for phrases in PHRASES.values() for phrase in phrases),
                 *(word for pair in OPPOSITES.values() for word in pair)):
        words.update(text.replace("{}", "").split())
    return sorted(words)
