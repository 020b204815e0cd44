"""The other runtimes, each as a process that measures what it is told to, one run a line:

    python bench/peers.py RUNTIME PRECISION MODELS PICTURE MADE THREADS

First it prints {"version", "turns", "variants"}; then it answers each line of standard input, one
of its turns, with {"STAGE_ms": …}, as `imgrouter bench --turns` does. Processes of their own keep
the runtimes' threads, settings and memory apart."""

import json
import os
import pathlib
import sys
import time
import warnings

from stages import BULK_PICTURES, CAPTION_TOKENS

TRIALS = 5  # runs of each int8 file before the fastest is kept


def elapsed_ms(work):
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


class PyTorch:
    """Eager, as the libraries run; int8 is dynamic quantisation of all linear layers that it can
    replace (those inside open_clip's attention it cannot)."""

    def __init__(self, precision, models, picture_file, _made, threads):
        import torch

        from towers import MODULES, Towers

        torch.set_num_threads(threads)
        self.version = torch.__version__
        self.variants = {}
        towers = Towers(models)
        inputs = towers.inputs(picture_file)
        inputs["image_bulk"] = inputs["image_vector"].repeat(BULK_PICTURES, 1, 1, 1)
        modules = {stage: towers.module(stage) for stage in MODULES}
        blip = towers.captioner.model
        if precision == "int8":
            from torch.ao.quantization import quantize_dynamic

            modules = {stage: quantize_dynamic(module, {torch.nn.Linear}, dtype=torch.qint8)
                       for stage, module in modules.items()}
            blip = quantize_dynamic(blip, {torch.nn.Linear}, dtype=torch.qint8)
        modules["image_bulk"] = modules["image_vector"]

        def without_gradients(work):
            def run():
                with torch.inference_mode():
                    work()
            return run

        self.turns = {stage: without_gradients(lambda stage=stage: modules[stage](inputs[stage]))
                      for stage in modules}
        self.turns["caption"] = without_gradients(lambda: blip.generate(
            inputs["caption_vision"], min_new_tokens=CAPTION_TOKENS, max_new_tokens=CAPTION_TOKENS,
            num_beams=1, do_sample=False))


class Exported:
    """A runtime of exported files: of each stage's files of the wanted precision, the fastest."""

    def __init__(self, precision, _models, _picture_file, made, threads):
        import numpy

        folder = pathlib.Path(made) / self.runtime
        self.precision, self.threads = precision, threads
        self.turns, self.variants = {}, {}
        for file in sorted(folder.glob("*.npy")):
            value = numpy.load(file)
            self.add_turn(file.stem, folder, file.stem, value)
            if file.stem == "image_vector":
                self.add_turn("image_bulk", folder, file.stem, value.repeat(BULK_PICTURES, 0))

    def add_turn(self, turn, folder, stage, value):
        files = sorted(folder.glob(f"{stage}.{self.precision}*{self.extension}"))
        choices = {file.name.split(".")[1]: self.load(file, value) for file in files}
        self.variants[turn] = fastest(choices)
        self.turns[turn] = choices[self.variants[turn]]


def fastest(choices):
    """The choice of the least time, tried in turns."""
    least = dict.fromkeys(choices, float("inf"))
    for _ in range(TRIALS if len(choices) > 1 else 0):
        for name, work in choices.items():
            work()
            least[name] = min(least[name], elapsed_ms(work))
    return min(least, key=least.get)


class OnnxRuntime(Exported):
    runtime, extension = "onnxruntime", ".onnx"

    def load(self, file, value):
        import onnxruntime

        self.version = onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        feed = {session.get_inputs()[0].name: value}
        return lambda: session.run(None, feed)


class OpenVino(Exported):
    runtime, extension = "openvino", ".xml"

    def load(self, file, value):
        import openvino

        self.version = openvino.__version__
        core = openvino.Core()
        model = core.read_model(file)
        model.reshape(value.shape)
        settings = {"INFERENCE_NUM_THREADS": self.threads, "PERFORMANCE_HINT": "LATENCY"}
        # Its own choice would be bfloat16 where the processor has that. When AVX-512 is switched off
        # it still chooses that, and then finds no code for it.
        if self.precision == "f32" or "ONEDNN_MAX_CPU_ISA" in os.environ:
            settings["INFERENCE_PRECISION_HINT"] = "f32"
        compiled = core.compile_model(model, "CPU", settings)
        return lambda: compiled(value)


class Pillow:
    """Pillow and torchvision, which know no threads."""

    def __init__(self, _precision, _models, picture_file, _made, _threads):
        import PIL
        import torchvision

        from photographs import PillowInputs

        self.version = f"{PIL.__version__}, torchvision {torchvision.__version__}"
        self.turns, self.variants = {"inputs": PillowInputs(picture_file)}, {}


RUNTIMES = {"PyTorch": PyTorch, "ONNX Runtime": OnnxRuntime, "OpenVINO": OpenVino,
            "Pillow": Pillow}


def main():
    name, precision, *paths, threads = sys.argv[1:]
    warnings.simplefilter("ignore")
    peer = RUNTIMES[name](precision, *paths, int(threads))
    print(json.dumps({"version": peer.version, "turns": list(peer.turns),
                      "variants": peer.variants}), flush=True)
    for line in sys.stdin:
        stage = line.strip()
        pictures = BULK_PICTURES if stage == "image_bulk" else 1
        print(json.dumps({f"{stage}_ms": elapsed_ms(peer.turns[stage]) / pictures}), flush=True)


if __name__ == "__main__":
    main()
