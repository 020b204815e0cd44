"""From samples to the result (JSON) and its table."""

import statistics

from stages import CAPTION_TOKENS, FIRST_CAPTION_S, RESIDENT_MIB, STAGES, verdict


def summary(samples):
    return {"median_ms": statistics.median(samples), "least_ms": min(samples),
            "runs": len(samples)}


def own_samples(samples, stage, precision):
    """In the terms of the peers: `imgrouter bench` tells a picture's way to the models' inputs in
    two parts, and captions until the model ends the caption, while the caption compared has a
    fixed length."""
    def own(key, name="imgrouter"):
        return samples.get((name, precision, key), [])

    if stage.key == "caption":
        return [vision + CAPTION_TOKENS * token
                for vision, token in zip(own("caption_vision"), own("caption_token"))]
    if stage.peer_key == "inputs":
        name = "imgrouter exact" if stage.key == "inputs_exact" else "imgrouter"
        return [sum(parts) for parts in zip(own("decode", name), own("preprocess", name))]
    return own("text_vector" if stage.key == "text_vector_short" else stage.key)


def compare_stage(samples, stage, precision, uncounted):
    """None when nobody measured it."""
    own = own_samples(samples, stage, precision)
    found = {name: samples[name, precision, stage.peer_key] for name in stage.peers
             if (name, precision, stage.peer_key) in samples}
    if not own and not found:
        return None
    row = {"stage": stage.key, "precision": precision,
           "peers": {name: summary(values) for name, values in found.items()}}
    if own:
        row["imgrouter"] = summary(own)
    counted = {name: entry for name, entry in row["peers"].items() if name not in uncounted}
    if counted:
        row["fastest_peer"] = min(counted, key=lambda name: counted[name]["median_ms"])
    if own and counted:
        row["ratio"] = counted[row["fastest_peer"]]["median_ms"] / row["imgrouter"]["median_ms"]
        row["ratio_of_least"] = (min(entry["least_ms"] for entry in counted.values())
                                 / row["imgrouter"]["least_ms"])
        bars = stage.bars.get(precision)
        if bars is not None:
            row |= {"must": bars[0], "aim": bars[1], "verdict": verdict(row["ratio"], bars)}
    return row


def stage_rows(samples, precisions, uncounted):
    rows = [compare_stage(samples, stage, precision, uncounted)
            for precision in (*precisions, "") for stage in STAGES]
    return [row for row in rows if row is not None]


def whole_program_row(what, precision, values, unit, bars):
    value = statistics.median(values)
    row = {"what": what, "precision": precision, "unit": unit, "median": value,
           "least": min(values)}
    if bars is not None:
        row |= {"must": bars[0], "aim": bars[1], "verdict": verdict(value, bars, is_least=True)}
    return row


def first_caption_row(precision, seconds, tokens):
    return {"tokens": tokens} | whole_program_row("first caption after start", precision, seconds,
                                                  "s", FIRST_CAPTION_S)


def memory_row(precision, memory):
    return memory | whole_program_row("resident memory after 100 uploads", precision,
                                      [memory["resident_mib"]], "MiB", RESIDENT_MIB.get(precision))


def milliseconds(entry):
    return f"{entry['median_ms']:.2f} ({entry['least_ms']:.2f})" if entry else "-"


def bar_words(row):
    if "verdict" not in row:
        return ""
    return f"{row['must']} / {row['aim']}  {row['verdict']}"


def print_result(result):
    load = result["load_average"]
    print(f"{result['processor']}, {result['threads']} threads, kernels {result['kernels']}, "
          f"{result['rounds']} rounds; load average {min(load):.1f} to {max(load):.1f}\n"
          + ", ".join(f"{name} {version}" for name, version in result["versions"].items()))
    words = {stage.key: stage.words for stage in STAGES}
    columns = ("imgrouter", "PyTorch", "ONNX Runtime", "OpenVINO")
    for precision in (*result["precisions"], ""):
        print(f"\n{(precision or 'pictures') + ', median (least) in ms':42}"
              + "".join(f"{name:>18}" for name in columns) + "    ratio (least)  must / aim")
        for row in result["stages"]:
            if row["precision"] != precision:
                continue
            entries = dict(row["peers"], imgrouter=row.get("imgrouter"))
            entries["PyTorch"] = entries.get("PyTorch") or entries.get("Pillow")
            ratio = (f"{row['ratio']:8.2f} ({row['ratio_of_least']:.2f})" if "ratio" in row else "")
            print(f"{words[row['stage']]:42}"
                  + "".join(f"{milliseconds(entries.get(name)):>18}" for name in columns)
                  + f"{ratio:>17}  {bar_words(row)}")
        for row in result["whole_program"]:
            if row["precision"] == precision:
                print(f"{row['what']:42}{row['median']:14.2f} {row['unit']:3}{'':71}"
                      f"{bar_words(row)}")
    for name in result["uncounted"]:
        print(f"told, but not counted: {name}, which cannot be held to these kernels' instructions")
    for skipped in result["skipped"]:
        print(f"left out: {skipped['side']}: {skipped['reason']}")
