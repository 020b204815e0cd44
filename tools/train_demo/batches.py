"""Endless fresh batches. Batch number n of a seed is always the same, so that a training that was
interrupted goes on exactly where it stood."""

import functools
import pathlib
import random
import sys

import cv2
import numpy as np
import torch

import drawing
import world
from network import CONTEXT, GRID, IMAGE, Vocabulary

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "reference"))
import vocabularies  # noqa: E402

MEAN = [0.48145466, 0.4578275, 0.40821073]  # CLIP's training pictures; BLIP uses the same
DEVIATION = [0.26862954, 0.26130258, 0.27577711]
CAPTION_TOKENS, QUERY_TOKENS = 24, 24  # room for the longest, with start and end
FULL_CAPTION = 0.4  # of the queries are the caption itself
RELATION = 0.4  # of the others are, for a pair, how the two stand: what is hardest to learn
NEIGHBOUR = 0.35  # of the scenes differ in one thing from the scene before


@functools.cache
def word_pieces():
    return vocabularies.SPECIALS + world.vocabulary()


@functools.cache
def merges():
    return vocabularies.train_merges(world.vocabulary(), 100000)


def vocabulary():
    return Vocabulary(caption=len(word_pieces()) + 2,
                      query=len(vocabularies.clip_vocabulary(merges())))


@functools.cache
def caption_ids():
    return {word: i for i, word in enumerate(word_pieces())}


def encode_caption(caption):
    """[DEC], the words, [SEP], and -1 up to the fixed length."""
    ids = [len(word_pieces())] + [caption_ids()[word] for word in caption.split()]
    ids.append(caption_ids()["[SEP]"])
    return ids + [-1] * (CAPTION_TOKENS - len(ids))


def decode_caption(ids):
    words = []
    for i in ids:
        if i == caption_ids()["[SEP]"]:
            break
        words.append(word_pieces()[i] if i < len(word_pieces()) else "[DEC]")
    return " ".join(words)


class QueryEncoder:
    """CLIP's byte-pair encoding, one word at a time."""

    def __init__(self):
        self.ids = vocabularies.clip_vocabulary(merges())
        self.ranks = {pair: rank for rank, pair in enumerate(merges())}
        self.word = functools.cache(self._word)

    def _word(self, word):
        symbols = (*word[:-1], word[-1] + "</w>")
        while len(symbols) > 1:
            best = min(zip(symbols, symbols[1:]), key=lambda pair: self.ranks.get(pair, 1e9))
            if best not in self.ranks:
                break
            symbols = vocabularies.merge_pair(symbols, best)
        return [self.ids[symbol] for symbol in symbols]

    def __call__(self, text, length=QUERY_TOKENS):
        ids = [i for word in text.split() for i in self.word(word)][: min(length, CONTEXT) - 2]
        ids = [self.ids[vocabularies.CLIP_START], *ids, self.ids[vocabularies.CLIP_END]]
        return ids + [0] * (length - len(ids))


def model_pixels(pixels):
    """As the models see a picture, [3, IMAGE, IMAGE] in bytes: squashed to a square."""
    interpolation = cv2.INTER_AREA if min(pixels.shape[:2]) > IMAGE else cv2.INTER_CUBIC
    return cv2.resize(pixels, (IMAGE, IMAGE), interpolation=interpolation).transpose(2, 0, 1)


def normalize(pixels):
    mean, deviation = (torch.tensor(values, device=pixels.device).view(3, 1, 1)
                       for values in (MEAN, DEVIATION))
    return (pixels.float() / 255 - mean) / deviation


def choose_query(scene, facts, chance):
    if chance.random() < FULL_CAPTION:
        return scene.caption()
    if isinstance(scene, world.Pair) and chance.random() < RELATION:
        return scene.relation_fact()
    return chance.choice(sorted(facts))


def make_batch(seed, number, size, encode_query):
    chance = random.Random(f"{seed}/{number}")
    noise = np.random.default_rng([seed, number])
    scenes, facts, queries, columns = [], [], [], []
    for i in range(size):
        if i and chance.random() < NEIGHBOUR:
            scenes.append(world.change_one_thing(scenes[-1], chance))
        else:
            scenes.append(world.choose_scene(chance))
        facts.append(world.all_facts(scenes[-1]))
        queries.append(choose_query(scenes[-1], facts[-1], chance))
        canvas = drawing.draw(scenes[-1], chance)
        pixels = model_pixels(drawing.spoil(canvas.pixels, chance, noise))
        columns.append((pixels, *drawing.labels(canvas, GRID)))
    pixels, kinds, colours, centres = (torch.from_numpy(np.stack(column))
                                       for column in zip(*columns))
    holds = torch.tensor([[query in known for query in queries] for known in facts])
    captions = torch.tensor([encode_caption(scene.caption()) for scene in scenes])
    words = torch.tensor([encode_query(world.say(query, chance)) for query in queries])
    return pixels, captions, words, holds, kinds, colours, centres


class Batches(torch.utils.data.IterableDataset):
    def __init__(self, seed, first, size):
        self.seed, self.first, self.size = seed, first, size

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        step, start = (worker.num_workers, worker.id) if worker else (1, 0)
        torch.set_num_threads(1)
        encode_query, number = QueryEncoder(), self.first + start
        while True:
            yield make_batch(self.seed, number, self.size, encode_query)
            number += step
