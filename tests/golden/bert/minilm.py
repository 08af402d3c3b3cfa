"""Logits, pooled rows and hidden states of a real checkpoint, for test_minilm.c.

pip install torch transformers safetensors   (made with torch 2.15, transformers 5.23, CPU)
Run: OMP_NUM_THREADS=1 python minilm.py FOLDER OUT
FOLDER: a Hugging Face folder of all-MiniLM-L6-v2. OUT: a folder; golden.safetensors is
written there. Then: FTBENCH_MINILM=FOLDER FTBENCH_MINILM_GOLDEN=OUT .../test_minilm
"""
import sys

import torch
from safetensors.torch import save_file
from transformers import BertForSequenceClassification

torch.set_num_threads(1)
folder, out = sys.argv[1:]
torch.manual_seed(1)
model = BertForSequenceClassification.from_pretrained(folder, num_labels=4, attn_implementation="eager").eval()
torch.nn.init.normal_(model.classifier.weight, std=0.5)
torch.nn.init.normal_(model.classifier.bias, std=0.5)
lengths = [2, 128, 17, 64, 512, 33]
ids = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
mask = torch.zeros_like(ids)
for i, n in enumerate(lengths):
    ids[i, :n] = torch.randint(1000, 30522, (n,))
    ids[i, 0], ids[i, n - 1] = 101, 102
    mask[i, :n] = 1
batch = dict(input_ids=ids, attention_mask=mask)
labels = torch.tensor([0, 1, 2, 3, 1, 2])
got = model(**batch, labels=labels)
got.loss.backward()
base = model.bert(**batch)
golden = {"input_ids": ids[mask.bool()].float(), "lengths": torch.tensor(lengths).float(),
          "labels": labels.float(), "logits": got.logits.detach(), "loss": got.loss.detach().reshape(1),
          "classifier.weight": model.classifier.weight.detach(), "classifier.bias": model.classifier.bias.detach(),
          "pooler_output": base.pooler_output.detach(),
          "last_hidden_state": base.last_hidden_state.detach()[mask.bool()]}
for name, p in model.named_parameters():
    golden["grad/" + name] = p.grad
save_file({k: v.contiguous().clone() for k, v in golden.items()}, f"{out}/golden.safetensors")
print(got.logits, got.loss)
