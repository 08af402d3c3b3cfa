#!/usr/bin/env python3
"""Puts models that `ftbench pretrain` made into the zoo: files and the entry's assets.

    tools/ship_model.py results/pretrained/mini-enc-xs ...

The folder's files go to models/zoo/NAME/, and models/zoo/NAME.yaml, which must exist, names them with
their SHA-256 instead of saying how to begin without them.
"""
import hashlib
import os
import shutil
import sys

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# In the order of the entry; the card is no asset: nothing reads it but people.
ASSETS = ("model.safetensors", "config.json", "vocab.txt", "spiece.model", "tokenizer_config.json")


def asset(folder, name, file):
    with open(os.path.join(folder, file), "rb") as f:
        data = f.read()
    return (f"  - name: {file}\n    sha256: {hashlib.sha256(data).hexdigest()}\n"
            f"    bytes: {len(data)}\n    sources:\n      - path: models/zoo/{name}/{file}\n")


def ship(folder):
    name = os.path.basename(os.path.normpath(folder))
    entry = os.path.join(HOME, "models/zoo", name + ".yaml")
    to = os.path.join(HOME, "models/zoo", name)
    with open(entry, encoding="utf-8") as f:
        text = f.read()
    text = text.split("assets:\n")[0]
    lines = [line for line in text.splitlines(keepends=True)
             if not line.startswith(("init: random", "tokenizer: "))]
    os.makedirs(to, exist_ok=True)
    lines.append("assets:\n")
    for file in ("README.md",) + ASSETS:
        path = os.path.join(folder, file)
        if os.path.exists(path):
            shutil.copyfile(path, os.path.join(to, file))
            if file in ASSETS:
                lines.append(asset(folder, name, file))
    with open(entry, "w", encoding="utf-8") as f:
        f.writelines(lines)
    print(f"{name}: {os.path.getsize(os.path.join(to, 'model.safetensors'))} bytes of weights")


for argument in sys.argv[1:]:
    ship(argument)
if not sys.argv[1:]:
    sys.exit(__doc__)
