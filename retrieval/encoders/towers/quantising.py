"""Other forms of an exported tower: constants folded, matrices in int8, for OpenVINO."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from retrieval.encoders.towers.exporting import Probes

LARGE = 1 << 20  # numbers in a table that is worth storing in int8
CALIBRATED_ON = 32  # probes
APART = 4096  # bytes of a tensor from which on it does not stand in the graph itself
BLOCK = 16  # numbers that share a scale


def fold_constants(path: Path) -> Path:
    """Write a copy of an ONNX file with all that does not depend on the input computed."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    target = path.with_name("folded.onnx")
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return target


def share_of_matrices(path: Path) -> float:
    """Which share of an ONNX file's numbers stands in matrices that it multiplies with."""
    import onnx

    graph = onnx.load(str(path)).graph
    sizes = {each.name: int(np.prod(each.dims)) for each in graph.initializer}
    used = {
        name for node in graph.node if node.op_type in ("MatMul", "Gemm") for name in node.input
    }
    tables = {node.input[0] for node in graph.node if node.op_type == "Gather"}
    counted = sum(size for name, size in sizes.items() if name not in tables)
    return sum(size for name, size in sizes.items() if name in used) / max(counted, 1)


def to_int8(path: Path) -> Path:
    """Write a copy whose matrices are int8, a scale a column, and whose tables are, a scale a row.

    Activations are quantised as they come (dynamic quantisation of ONNX Runtime), so that nothing
    has to be calibrated.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = path.with_name("int8.onnx")
    quantize_dynamic(
        str(path),
        str(target),
        per_channel=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gemm"],
    )
    _shrink_tables(target)
    return target


def to_int8_blocks(path: Path) -> Path:
    """Write a copy whose matrices are int8 with a scale for every 16 numbers of a column.

    Activations are quantised in blocks as well, so this comes nearer to the model than a scale a
    column does; it is as fast for a few tokens and slower for many.
    """
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import (
        DefaultWeightOnlyQuantConfig,
        MatMulNBitsQuantizer,
    )

    target = path.with_name("blocks.onnx")
    settings = DefaultWeightOnlyQuantConfig(
        block_size=BLOCK,
        is_symmetric=True,
        accuracy_level=4,  # multiply in int8, not in float32 after unpacking
        bits=8,
    )
    quantiser = MatMulNBitsQuantizer(onnx.load(str(path)), algo_config=settings)
    quantiser.process()
    quantiser.model.save_model_to_file(str(target))
    _shrink_tables(target)
    return target


def weights_apart(path: Path, target: Path) -> Path:
    """Write a copy whose weights lie in a file beside it, to be mapped into memory, not read."""
    import onnx

    onnx.save(
        onnx.load(str(path)),
        str(target),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=target.with_suffix(".data").name,
        size_threshold=APART,
    )
    return target


def _shrink_tables(path: Path) -> None:
    """Store large tables that rows are looked up in (word embeddings) in int8, a scale a row."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(path))
    graph = model.graph
    tables = {each.name: each for each in graph.initializer}
    nodes: list[Any] = []
    for node in graph.node:
        table = tables.get(node.input[0]) if node.op_type == "Gather" else None
        axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
        if table is None or axis != 0 or len(table.dims) != 2 or np.prod(table.dims) < LARGE:
            nodes.append(node)
            continue
        values = numpy_helper.to_array(table)
        scale = np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-12) / 127
        name, places, out = table.name, node.input[1], node.output[0]
        small = numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{name}.int8")
        steps = numpy_helper.from_array(scale.astype(np.float32), f"{name}.steps")
        graph.initializer.extend([small, steps])
        graph.initializer.remove(table)
        nodes += [
            helper.make_node("Gather", [small.name, places], [f"{out}.int8"]),
            helper.make_node("Cast", [f"{out}.int8"], [f"{out}.whole"], to=TensorProto.FLOAT),
            helper.make_node("Gather", [steps.name, places], [f"{out}.steps"]),
            helper.make_node("Mul", [f"{out}.whole", f"{out}.steps"], [out]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, str(path))


def to_openvino(path: Path) -> Path:
    """Write a copy in float32 for OpenVINO."""
    import openvino

    target = path.with_name("vino.xml")
    model = openvino.Core().read_model(str(path))
    openvino.save_model(model, str(target), compress_to_fp16=False)
    return target


def to_openvino_int8(path: Path, probes: Probes) -> Path:
    """Write a copy for OpenVINO in int8, calibrated on the first probes (NNCF)."""
    import logging

    import nncf
    import openvino

    nncf.set_log_level(logging.ERROR)
    target = path.with_name("vino8.xml")
    items = [
        {name: array[at : at + 1] for name, array in batch.items()}
        for batch in probes.batches
        for at in range(len(next(iter(batch.values()))))
    ][:CALIBRATED_ON]
    model = nncf.quantize(
        openvino.Core().read_model(str(path)),
        nncf.Dataset(items),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(items),
    )
    openvino.save_model(model, str(target), compress_to_fp16=False)
    return target
