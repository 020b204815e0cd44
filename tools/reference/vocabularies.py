"""Vocabularies for the random models, in the file formats of the published ones.

BLIP reads vocab.txt (one word piece a line); CLIP reads merges.txt and vocab.json (byte-level
byte-pair encoding). The small ones come from the word list below; the full-size ones have the
published counts: generated words for BLIP, and the merges that the open_clip package ships.
"""

import gzip
import itertools
import json
from collections import Counter

WORDS = """
a an the this that some many two three four five no one of on in at by to with near under over
behind beside between across through from into above below around and or but is are was be has
having not very it its his her their there
red orange yellow green blue purple pink brown black white gray grey dark light bright pale golden
striped dotted round square triangular long short tall small large big tiny huge old young new wet
dry warm cold empty full broken clean dirty quiet busy noisy blurred sharp smooth rough flat steep
man woman child boy girl person people group couple crowd player rider driver baby family dog cat
horse cow sheep bird duck goose eagle owl elephant bear zebra giraffe monkey rabbit mouse fish
whale shark bee butterfly spider snake frog turtle lion tiger wolf fox deer goat pig chicken
car truck bus train tram boat ship plane rocket bicycle motorcycle wagon tractor ladder bridge
road street path track field hill mountain valley river lake sea beach island forest tree flower
grass leaf bush garden park farm house home room kitchen table chair bed sofa desk lamp window
door wall floor roof stairs tower church castle shop market station airport harbor city village
sky cloud sun moon star rain snow fog storm wind fire smoke water ice sand stone rock mud wood
metal glass paper cloth plastic cup plate bowl bottle spoon fork knife bread cake pizza apple pear
banana lemon cherry grape carrot potato tomato onion rice soup coffee tea milk juice cheese egg
shirt coat hat shoe boot glove scarf dress bag box basket umbrella clock phone camera laptop
screen keyboard book newspaper picture painting photo map sign letter number line circle square
triangle pattern shape shadow corner edge middle top bottom side front back
sitting standing walking running riding flying swimming sleeping eating drinking looking playing
holding wearing carrying throwing catching jumping climbing driving waiting talking reading writing
cooking cutting working laying parked covered filled made painted drawn surrounded hanging
morning evening night day winter summer spring autumn
""".split()
SUFFIXES = "s es ed ing er est ly y ness less ful ish board ball light house side way man".split()
PUNCTUATION = list(".,!?'-:;\"()&/")
CONTRACTIONS = ["n't", "'s", "'m", "'re", "'ve"]
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"

CLIP_START, CLIP_END = "<|startoftext|>", "<|endoftext|>"


def small_word_pieces():
    """The lines of a small vocab.txt. The words with an apostrophe are no BERT words: they are
    there so that captions pass through every rule of the decoder's clean-up."""
    pieces = SPECIALS + PUNCTUATION + list("0123456789") + list(LETTERS)
    pieces += ["##" + letter for letter in LETTERS] + ["##" + suffix for suffix in SUFFIXES]
    return list(dict.fromkeys(pieces + CONTRACTIONS + WORDS))


def full_word_pieces():
    """30522 lines with the specials where BERT uncased has them, and made-up words."""
    pieces = ["[PAD]"] + [f"[unused{i}]" for i in range(99)] + SPECIALS[1:]
    pieces += PUNCTUATION + list("0123456789") + list(LETTERS) + CONTRACTIONS
    pieces += ["##" + letter for letter in LETTERS] + ["##" + suffix for suffix in SUFFIXES]
    vowels = ("a", "e", "i", "o", "u", "ar", "en")
    syllables = [first + second for first in "bdfgklmnprstvz" for second in vowels]
    made_up = ("".join(parts) for parts in itertools.product(syllables, syllables, syllables))
    pieces = list(dict.fromkeys(itertools.chain(pieces, WORDS, itertools.islice(made_up, 40000))))
    return pieces[:30522]


def write_word_pieces(path, pieces):
    path.write_text("".join(piece + "\n" for piece in pieces), encoding="utf-8")


def byte_symbols():
    """GPT-2's printable stand-ins for the 256 bytes, in the order of CLIP's first 256 ids."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    stand_ins = {byte: chr(256 + i) for i, byte in enumerate(others)}
    return {byte: chr(byte) for byte in printable} | stand_ins


def train_merges(words, count):
    """Ordinary byte-pair training: `count` times, the most frequent neighbours become one. Stops
    early when every word has become one symbol."""
    symbols = byte_symbols()
    corpus = Counter()
    for word in words:
        spelled = [symbols[byte] for byte in word.encode("utf-8")]
        corpus[tuple(spelled[:-1] + [spelled[-1] + "</w>"])] += 1
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for word, times in corpus.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += times
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        corpus = Counter({merge_pair(word, best): times for word, times in corpus.items()})
    return merges


def merge_pair(word, pair):
    merged, i = [], 0
    while i < len(word):
        if word[i : i + 2] == pair:
            merged.append(word[i] + word[i + 1])
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return tuple(merged)


def small_merges(count=254):
    return train_merges(dict.fromkeys(WORDS), count)


def full_merges():
    from open_clip.tokenizer import default_bpe

    lines = gzip.open(default_bpe()).read().decode("utf-8").split("\n")
    return [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]


def clip_vocabulary(merges):
    symbols = list(byte_symbols().values())
    entries = symbols + [symbol + "</w>" for symbol in symbols]
    entries += ["".join(merge) for merge in merges] + [CLIP_START, CLIP_END]
    return {entry: i for i, entry in enumerate(entries)}


def write_clip_vocabulary(folder, merges):
    lines = ["#version: 0.2"] + [" ".join(merge) for merge in merges]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    vocabulary = clip_vocabulary(merges)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    return len(vocabulary)


def open_clip_tokenizer(folder, context_length):
    """open_clip's own tokenizer over a folder's merges.txt. It reads gzip only, and takes the
    empty text behind a last line end for one more merge."""
    import tempfile

    from open_clip.tokenizer import SimpleTokenizer

    merges = (folder / "merges.txt").read_text(encoding="utf-8").rstrip("\n")
    with tempfile.NamedTemporaryFile(suffix=".gz") as file:
        file.write(gzip.compress(merges.encode("utf-8")))
        file.flush()
        return SimpleTokenizer(bpe_path=file.name, context_length=context_length)
