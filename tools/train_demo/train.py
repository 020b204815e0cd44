"""Trains the demo models from nothing, on pictures drawn as it goes.

    python tools/train_demo/train.py --out DIR [--samples 1500000] [--threads 2]

Writes DIR/checkpoint.pt every few minutes and goes on from it when started again, so that it can
run in the background for hours, or on a GPU when there is one. The learning rate rises, stays, and
falls over the last part: a run may be started again with another --samples while it stays. Ends
with DIR/network.pt, which export.py turns into the shipped files.
"""

import argparse
import json
import pathlib
import time

import torch

import batches
import drawing
import world
from network import Network

BATCH = 256
WARM_UP = 25_000  # samples
FALL = 0.4  # the part of the training over which the rate falls
MATRIX_RATE, OTHER_RATE, DECAY = 2e-3, 2e-3, 0.05
CONTRAST_WEIGHT, PATCH_WEIGHT = 0.5, 0.5
SAVE_SECONDS, SHOW_STEPS = 180, 50
VALIDATION_SEED, VALIDATION_BATCHES = 1_000_003, 2  # no training seed that anybody would choose


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--samples", type=int, default=1_500_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--workers", type=int, default=1, help="processes that draw")
    parser.add_argument("--validate-every", type=int, default=300, metavar="STEPS")
    return parser.parse_args()


def make_optimizers(network):
    """Muon for the matrices within blocks, AdamW for the rest."""
    matrices = [parameter for name, parameter in network.named_parameters()
                if ".blocks." in name and parameter.ndim == 2]
    ids = {id(parameter) for parameter in matrices}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in ids]
    flat = [parameter for parameter in rest if parameter.ndim < 2]
    wide = [parameter for parameter in rest if parameter.ndim >= 2]
    return [
        torch.optim.Muon(matrices, lr=MATRIX_RATE, weight_decay=DECAY,
                         adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW([{"params": wide, "weight_decay": DECAY},
                           {"params": flat, "weight_decay": 0.0}], lr=OTHER_RATE,
                          betas=(0.9, 0.98)),
    ]


def rate(samples, total):
    """As a part of the full rate."""
    return min(1.0, (samples + BATCH) / WARM_UP, max(0.0, (total - samples) / (FALL * total)))


def validate(network, device):
    """Captions that are right to the last word, and queries (whole captions) answered rightly."""
    network.eval()
    right = found = count = 0
    end = batches.caption_ids()["[SEP]"]
    for number in range(VALIDATION_BATCHES):
        batch = batches.make_batch(VALIDATION_SEED, number, BATCH, batches.QueryEncoder())
        pixels, captions, queries, holds = (part.to(device) for part in batch[:4])
        image = batches.normalize(pixels)
        answers = network.captions(image, len(batches.word_pieces()), end)
        for answer, wanted in zip(answers.tolist(), captions.tolist()):
            right += batches.decode_caption(answer) == batches.decode_caption(wanted[1:])
        with torch.no_grad():
            similar = network.image_vectors(network.vision(image)) @ network.text_vectors(queries).T
        best = similar.argmax(dim=0)
        found += holds[best, torch.arange(BATCH)].sum().item()
        count += BATCH
    network.train()
    return right / count, found / count



def save(path, state):
    unfinished = path.with_suffix(".new")
    torch.save(state, unfinished)
    unfinished.replace(path)


def train(options):
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = Network(batches.vocabulary(), len(drawing.KINDS), len(world.COLOURS)).to(device)
    optimizers = make_optimizers(network)
    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint, step = options.out / "checkpoint.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        network.load_state_dict(state["network"])
        for optimizer, kept in zip(optimizers, state["optimizers"]):
            optimizer.load_state_dict(kept)
        step = state["step"]
        print(f"goes on at sample {step * BATCH}", flush=True)
    losses_of = torch.compile(network.losses)
    loader = iter(torch.utils.data.DataLoader(
        batches.Batches(options.seed, step, BATCH), batch_size=None, num_workers=options.workers,
        prefetch_factor=4 if options.workers else None))
    sums, saved, started = torch.zeros(3), time.time(), time.time()
    while step * BATCH < options.samples:
        parts = [part.to(device) for part in next(loader)]
        parts[0] = batches.normalize(parts[0])
        factor = rate(step * BATCH, options.samples)
        for optimizer, full in zip(optimizers, (MATRIX_RATE, OTHER_RATE)):
            for group in optimizer.param_groups:
                group["lr"] = full * factor
        with torch.autocast(device, torch.bfloat16):
            caption, contrast, patch = losses_of(*parts)
        (caption + CONTRAST_WEIGHT * contrast + PATCH_WEIGHT * patch).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        sums += torch.stack([caption, contrast, patch]).detach().cpu()
        line = {}
        if step % SHOW_STEPS == 0:
            means = (sums / SHOW_STEPS).tolist()
            line = {"samples": step * BATCH, "rate": round(factor, 3),
                    **dict(zip(("caption", "contrast", "patch"), (round(m, 4) for m in means))),
                    "per_second": round(SHOW_STEPS * BATCH / (time.time() - started))}
            sums, started = torch.zeros(3), time.time()
        is_last = step * BATCH >= options.samples
        if step % options.validate_every == 0 or is_last:
            line["captions_right"], line["queries_right"] = validate(network, device)
            started = time.time()
        if line:
            print(json.dumps(line), flush=True)
        if time.time() - saved > SAVE_SECONDS or is_last:
            save(checkpoint, {"network": network.state_dict(), "step": step,
                              "optimizers": [optimizer.state_dict() for optimizer in optimizers]})
            saved = time.time()
    save(options.out / "network.pt", network.state_dict())


if __name__ == "__main__":
    train(parse_arguments())
