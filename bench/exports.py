"""Writes the stages for ONNX Runtime and OpenVINO, in float32 and in each way to int8 that they
have, once. Of several int8 files of a stage the fastest is measured (peers.py).

    python bench/exports.py MODELS PICTURE FOLDER

into FOLDER, which is named for the runtime: STAGE.f32.onnx, STAGE.int8-WAY.onnx (.xml for OpenVINO), and STAGE.npy,
its input."""

import pathlib
import shutil
import sys
import warnings

import numpy
import torch

from towers import MODULES, QUERY, Towers

# To calibrate on: everyday captions of as many tokens as the query, since the short text tower's
# count is fixed.
TEXTS = (QUERY, "a red car parked in the street", "two people riding bikes on grass",
         "a cat on a sofa at night", "the old house near a lake")
OPSET = 17


def calibration_inputs(towers, stage, picture_file):
    if stage.startswith("text"):
        count = towers.text_input(stage, QUERY).shape[1]
        texts = [towers.text_input(stage, text) for text in TEXTS]
        return [text for text in texts if text.shape[1] == count]
    planes = towers.inputs(picture_file)[stage]
    turned = [torch.rot90(planes, quarter, (2, 3)) for quarter in range(4)]
    mirrored = [part.flip(3) for part in turned]
    return [part.contiguous() for part in turned + mirrored]


def export_onnx(towers, stage, example, path):
    name = "ids" if stage.startswith("text") else "planes"
    axes = {"planes": {0: "batch"}} if stage == "image_vector" else None
    torch.onnx.export(towers.module(stage), (example,), str(path), dynamo=False,
                      opset_version=OPSET, input_names=[name], dynamic_axes=axes)


def quantize_for_onnxruntime(source, stage, examples, folder):
    """Dynamic everywhere; static, with what the pictures' activations reach, for vision."""
    from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType,
                                          quantize_dynamic, quantize_static)
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Examples(CalibrationDataReader):
        def __init__(self):
            self.left = iter(examples)

        def get_next(self):
            planes = next(self.left, None)
            return None if planes is None else {"planes": planes.numpy()}

    prepared = folder / f"{stage}.prepared.onnx"
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    options = {"per_channel": True, "weight_type": QuantType.QInt8}
    quantize_dynamic(prepared, folder / f"{stage}.int8-dynamic.onnx", **options)
    if not stage.startswith("text"):
        quantize_static(prepared, folder / f"{stage}.int8-static.onnx", Examples(),
                        quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8, **options)
    prepared.unlink()


def quantize_for_openvino(source, stage, examples, folder):
    """NNCF's post-training quantisation with its smoothing, and its compression of weights."""
    import nncf
    import openvino

    def read():
        return openvino.Core().read_model(source)

    def save(model, name):
        openvino.save_model(model, folder / f"{stage}.{name}.xml", compress_to_fp16=False)

    save(read(), "f32")
    save(nncf.quantize(read(), nncf.Dataset([example.numpy() for example in examples]),
                       model_type=nncf.ModelType.TRANSFORMER,
                       preset=nncf.QuantizationPreset.MIXED, subset_size=len(examples)),
         "int8-nncf")
    save(nncf.compress_weights(read(), mode=nncf.CompressWeightsMode.INT8_ASYM), "int8-weights")


def export_all(models, picture_file, folder):
    folder = pathlib.Path(folder)
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    towers = Towers(models)
    for stage in MODULES:
        examples = calibration_inputs(towers, stage, picture_file)
        numpy.save(part / f"{stage}.npy", examples[0].numpy())
        source = part / f"{stage}.f32.onnx"
        export_onnx(towers, stage, examples[0], source)
        if folder.name == "onnxruntime":
            quantize_for_onnxruntime(source, stage, examples, part)
        else:
            quantize_for_openvino(source, stage, examples, part)
            source.unlink()
    part.rename(folder)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    export_all(*sys.argv[1:])
