"""What is right about a caption, and about an order of search results."""

import re
from collections import defaultdict

import numpy as np

from world import (COLOURS, COUNTS, PLACES, RELATIONS, SHAPES, SKIES, SUBJECTS, Landscape, Pair,
                   Several, Single, Thing, plural)

_COLOUR, _SHAPE = "|".join(COLOURS), "|".join(SHAPES)
_SHAPES = {plural(shape): shape for shape in SHAPES}
_NUMBERS = {word: count for count, word in COUNTS.items()}
_SKIES = {words: sky for sky, words in SKIES.items()}
_PLACES = {words: place for place, words in PLACES.items()}
_ON = rf" on an? ({_COLOUR}) background"
_SINGLE = re.compile(rf"an? ((?:small|large) )?({_COLOUR}) ({_SHAPE}){_ON}")
_PAIR = re.compile(rf"an? ({_COLOUR}) ({_SHAPE}) ({'|'.join(RELATIONS)}) "
                   rf"an? ({_COLOUR}) ({_SHAPE}){_ON}")
_SEVERAL = re.compile(rf"({'|'.join(_NUMBERS)}) ({_COLOUR}) ({'|'.join(_SHAPES)}){_ON}")
_LANDSCAPE = re.compile(
    rf"(?:an? )?(?:({_COLOUR}) )?({'|'.join(sorted(SUBJECTS, key=len, reverse=True))}) "
    rf"({'|'.join(_PLACES)}) ({'|'.join(sorted(_SKIES, key=len, reverse=True))})")


def parse(caption):
    """The scene that a caption tells, or None when it is no sentence of this world."""
    if match := _SINGLE.fullmatch(caption):
        size, colour, shape, background = match.groups()
        return Single(Thing(colour, shape), (size or "").strip(), background)
    if match := _PAIR.fullmatch(caption):
        colour_1, shape_1, relation, colour_2, shape_2, background = match.groups()
        return Pair(Thing(colour_1, shape_1), relation, Thing(colour_2, shape_2), background)
    if match := _SEVERAL.fullmatch(caption):
        count, colour, shapes, background = match.groups()
        return Several(_NUMBERS[count], Thing(colour, _SHAPES[shapes]), background)
    if match := _LANDSCAPE.fullmatch(caption):
        colour, subject, place, sky = match.groups()
        return Landscape(subject, colour or "", _PLACES[place], _SKIES[sky])
    return None


def attributes(scene):
    """(attribute, which of the scene's things) -> value; a single shape counts as one."""
    if isinstance(scene, Single):
        return {("shape", 1): scene.thing.shape, ("colour", 1): scene.thing.colour,
                ("count", 0): 1, ("size", 0): scene.size, ("background", 0): scene.background}
    if isinstance(scene, Pair):
        return {("shape", 1): scene.first.shape, ("colour", 1): scene.first.colour,
                ("shape", 2): scene.second.shape, ("colour", 2): scene.second.colour,
                ("relation", 0): scene.relation, ("background", 0): scene.background}
    if isinstance(scene, Several):
        return {("shape", 1): scene.thing.shape, ("colour", 1): scene.thing.colour,
                ("count", 0): scene.count, ("background", 0): scene.background}
    if isinstance(scene, Landscape):
        colour = {("colour", 1): scene.colour} if scene.colour else {}
        return colour | {("subject", 0): scene.subject, ("place", 0): scene.place,
                         ("sky", 0): scene.sky}
    return {}


def judge_captions(scenes, captions):
    """Per attribute and for "shape, colour, relation, count" together the part that is right; and
    the part of captions that are right to the last word."""
    right, count = defaultdict(int), defaultdict(int)
    for scene, caption in zip(scenes, captions):
        told = attributes(parse(caption))
        for slot, value in attributes(scene).items():
            count[slot[0]] += 1
            right[slot[0]] += told.get(slot) == value
    named = ("shape", "colour", "relation", "count")
    figures = {name: right[name] / count[name] for name in count}
    figures["these four"] = sum(right[n] for n in named) / sum(count[n] for n in named)
    figures["whole caption"] = np.mean([scene.caption() == caption
                                        for scene, caption in zip(scenes, captions)])
    return figures


def judge_search(images, texts, holds):
    """`images` [scenes, width], `texts` [queries, width] and holds[scene, query]: how often one of
    the right pictures is first, and among the first five."""
    order = np.argsort(-(images @ texts.T), axis=0, kind="stable")
    found = np.take_along_axis(holds, order, axis=0)
    return {"R@1": found[0].mean(), "R@5": found[:5].any(axis=0).mean()}
