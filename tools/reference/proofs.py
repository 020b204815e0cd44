"""What a random model must show before a parity test on it means anything. Every function returns
None, or the sentence that says what is missing."""

import itertools

import torch

from drawings import PICTURES
from reference import MAX_NEW_TOKENS, CaptionReference, EmbeddingReference, open_picture
from widening import LEAST_TOKENS

# Between the chosen token and the next best, at every step: float32 sums in another order move
# logits by about 1e-5, so a test may demand equal tokens.
LEAST_MARGIN = 2e-3
LEAST_COSINE_DISTANCE = 0.01
LEAST_VARIETY = 0.25
# By how much the reference in float32 may differ from itself in float64.
MOST_LOGIT_ERROR = 2e-4
MOST_VECTOR_ERROR = 2e-6

TEXTS = [
    "a red car",
    "a photo of a cat",
    "two dogs running on a beach at night",
    "don't stop 42 times",
    "Hello,   WORLD!",
    "café über naïve",
    "birthday cake 2024 &amp; 3 candles &lt;3",
    "🐶 😀",
    "a small brown dog sitting beside a woman on an old wooden bench under a large green tree "
    "near the quiet river, with a red umbrella, a blue bag and a white hat lying on the grass "
    "behind them while two children and a man are playing with a yellow ball in the background "
    "and some birds are flying over the bridge towards the bright city in the cold evening light "
    "of a winter day, with snow on the mountains and smoke above the roofs of the houses",
    "x",
]


def committed_pictures():
    return {path.name: open_picture(path) for path in sorted(PICTURES.iterdir())}


def proving_pictures(configuration):
    """All, or for the full size, where each takes seconds, three that differ clearly."""
    names = ("noise.png", "rings.jpg", "shapes.png")
    return {name: picture for name, picture in committed_pictures().items()
            if not configuration.full_size or name in names}


def prove_captions(folder, configuration):
    pictures = proving_pictures(configuration)
    reference = CaptionReference(folder)
    answers = {name: reference.caption(picture) for name, picture in pictures.items()}
    captions = {answer["caption"] for answer in answers.values()}
    if "" in captions:
        return "a caption has no words"
    if len(captions) < len(answers):
        return f"only {len(captions)} different captions of {len(answers)} pictures"
    lengths = sorted(len(answer["token_ids"]) for answer in answers.values())
    if lengths[0] < LEAST_TOKENS or lengths[0] > MAX_NEW_TOKENS // 2 or len(set(lengths)) < 3:
        return f"caption lengths {lengths} do not vary"
    if lengths[-1] < MAX_NEW_TOKENS and not configuration.full_size:
        return f"no caption reaches {MAX_NEW_TOKENS} tokens, lengths {lengths}"
    variety = sum(len(set(answer["token_ids"].tolist())) / len(answer["token_ids"])
                  for answer in answers.values()) / len(answers)
    if variety < LEAST_VARIETY:
        return f"captions repeat themselves: {variety:.2f} different tokens a token"
    margin = min(float(answer["margins"].min()) for answer in answers.values())
    if margin < LEAST_MARGIN:
        return f"a token was chosen by only {margin:.6f}"
    if configuration.full_size:
        return None  # float64 would need more memory than a small machine has
    exact = CaptionReference(folder, torch.float64)
    for name, picture in pictures.items():
        ids, logits = exact.step_logits(picture)
        if not torch.equal(ids, answers[name]["token_ids"]):
            return f"float64 gives other tokens for {name}"
        error = float((logits - answers[name]["logits"]).abs().max())
        if error > MOST_LOGIT_ERROR:
            return f"float32 itself is off by {error:.6f} in the logits of {name}"
    return None


def closest_pair(vectors):
    return min((1 - float(first @ second), names) for (names, (first, second)) in (
        ((a, b), (vectors[a], vectors[b])) for a, b in itertools.combinations(vectors, 2)))


def prove_vectors(folder, configuration):
    pictures = proving_pictures(configuration)
    reference = EmbeddingReference(folder)
    images = {name: reference.image_vector(picture) for name, picture in pictures.items()}
    texts = {text: reference.text_vector(text) for text in TEXTS}
    for vectors in (images, texts):
        distance, pair = closest_pair(vectors)
        if distance < LEAST_COSINE_DISTANCE:
            return f"{pair} are only {distance:.5f} apart"
    if configuration.full_size:
        return None
    exact = EmbeddingReference(folder, torch.float64)
    errors = [exact.image_vector(pictures[name]) - images[name] for name in images]
    torch.set_default_dtype(torch.float64)  # transformers' causal mask takes this type
    errors += [exact.text_vector(text) - texts[text] for text in texts]
    torch.set_default_dtype(torch.float32)
    error = float(torch.stack(errors).abs().max())
    if error > MOST_VECTOR_ERROR:
        return f"float32 itself is off by {error:.2e}"
    return None
