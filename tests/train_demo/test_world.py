"""The world of the demo models: what it says of a scene is true, and is understood again."""

import pathlib
import random
import sys

import numpy as np
import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "train_demo"))
import judge  # noqa: E402
import world  # noqa: E402
from world import Landscape, Pair, Several, Single, Thing  # noqa: E402

SCENES = 3000


@pytest.fixture(scope="module")
def scenes():
    chance = random.Random(1)
    return [world.choose_scene(chance) for _ in range(SCENES)]


def test_a_caption_is_parsed_back_into_its_scene(scenes):
    for scene in scenes:
        assert judge.parse(scene.caption()) == scene


def test_no_other_sentence_is_a_scene():
    for caption in ("", "a red circle", "a red red circle on a white background", "a dog",
                    "six red stars on a white background"):
        assert judge.parse(caption) is None


def test_scenes_can_be_drawn(scenes):
    assert all(world.is_possible(scene) for scene in scenes)


def test_a_changed_scene_is_another_of_the_same_kind(scenes):
    chance = random.Random(2)
    for scene in scenes:
        changed = world.change_one_thing(scene, chance)
        assert type(changed) is type(scene) and changed != scene and world.is_possible(changed)


def test_all_kinds_colours_and_shapes_are_drawn(scenes):
    captions = " ".join(scene.caption() for scene in scenes).split()
    assert {type(scene) for scene in scenes} == {Single, Pair, Several, Landscape}
    assert set(world.COLOURS) | set(world.SHAPES) <= set(captions)


def test_the_vocabulary_holds_every_word(scenes):
    chance, known = random.Random(3), set(world.vocabulary())
    for scene in scenes:
        assert set(scene.caption().split()) <= known
        for fact in scene.facts():
            words = world.say(fact, chance).split()
            assert len(set(words) - known) <= 1, words  # at most one stranger


def test_facts_of_a_pair():
    facts = world.all_facts(Pair(Thing("red", "circle"), "above", Thing("blue", "square"), "white"))
    assert {"red circle", "square", "white background", "red circle above blue square",
            "a red circle above a blue square on a white background"} <= facts
    assert not {"blue circle", "blue square above red circle", "red square"} & facts


def test_a_relation_said_the_other_way_round_is_still_true():
    said = {world.say_things("red circle above blue square", random.Random(seed))
            for seed in range(60)}
    above = {words for words in said if " above " in words}
    below = said - above
    assert above and below
    assert all(words.index("red circle") < words.index("blue square") for words in above)
    assert all(words.index("blue square") < words.index("red circle") for words in below)


def test_captions_are_judged_by_attribute():
    scene = Several(3, Thing("green", "star"), "white")
    figures = judge.judge_captions([scene] * 2, [scene.caption(),
                                                 "two green hearts on a white background"])
    assert figures == {"shape": 0.5, "colour": 1.0, "count": 0.5, "background": 1.0,
                       "these four": pytest.approx(2 / 3), "whole caption": 0.5}
    nonsense = judge.judge_captions([scene], ["a a a"])
    assert not any(nonsense.values())


def test_searches_are_judged_by_the_first_right_picture():
    images, texts = np.eye(6), np.eye(6)[[1, 2, 0]]
    holds = np.zeros((6, 3), bool)
    holds[1, 0] = holds[5, 2] = holds[3, 1] = True
    texts[2] += np.eye(6)[5] * 0.5  # second
    assert judge.judge_search(images, texts, holds) == {
        "R@1": pytest.approx(1 / 3), "R@5": pytest.approx(1.0)}
