"""nan_model.py FOLDER VOCAB: a tiny BERT in Hugging Face layout with one NaN in
its weights, for the test of what training says to that."""
import json
import os
import shutil
import struct
import sys

folder, vocab = sys.argv[1:]
os.makedirs(folder)
shutil.copy(vocab, os.path.join(folder, "vocab.txt"))
n_vocab = sum(1 for _ in open(vocab, encoding="utf-8"))
width = 8
config = {"model_type": "bert", "vocab_size": n_vocab, "hidden_size": width,
          "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": width,
          "max_position_embeddings": 64}
json.dump(config, open(os.path.join(folder, "config.json"), "w"))

shapes = {"embeddings.word_embeddings.weight": [n_vocab, width],
          "embeddings.position_embeddings.weight": [64, width],
          "embeddings.token_type_embeddings.weight": [2, width],
          "pooler.dense.weight": [width, width], "pooler.dense.bias": [width]}
layer = "encoder.layer.0."
for module in ("attention.self.query", "attention.self.key", "attention.self.value",
               "attention.output.dense", "intermediate.dense", "output.dense"):
    shapes[layer + module + ".weight"] = [width, width]
    shapes[layer + module + ".bias"] = [width]
for norm in ("embeddings.LayerNorm", layer + "attention.output.LayerNorm",
             layer + "output.LayerNorm"):
    shapes[norm + ".weight"] = [width]
    shapes[norm + ".bias"] = [width]

header, data = {}, b""
for name, shape in shapes.items():
    n = shape[0] * (shape[1] if len(shape) > 1 else 1)
    values = [0.01 * (i % 7 - 3) for i in range(n)]
    if name.endswith("output.dense.bias"):
        values[0] = float("nan")
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * n]}
    data += struct.pack(f"<{n}f", *values)
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(os.path.join(folder, "model.safetensors"), "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + data)
