#!/usr/bin/env python3
"""Writes the miniature data sets, their descriptors and their vocabulary.

    python3 tools/miniature.py [ROOT]

Six small sets of the project's own text stand beside the six of the survey: as many classes, a like
balance, length and file format, and a difficulty that leaves room above and below (wrong labels and
mixed signals on purpose). They exist so that the whole program can run where nothing can be
downloaded; results on them say nothing about language. Seeded: the same bytes every time.
Standard library only.
"""
import csv
import hashlib
import io
import json
import pathlib
import random
import re
import sys
import unicodedata
from collections import Counter

from miniature_words import COMMON, FILM, FINANCE, STANCE, TOPICS, TWEET

SLOT = re.compile(r"\{(\w+)\}")
N_WORD_PIECES = 1500


class Writer:
    """Draws from the grammars; one stream a data set, so that sets do not shift each other."""

    def __init__(self, name, *grammars):
        self.random = random.Random(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
        self.rules = {k: v for g in (COMMON, *grammars) for k, v in g.items()}
        self.seen = set()

    def chance(self, p):
        return self.random.random() < p

    def below(self, n):
        return int(self.random.random() * n)

    def pick(self, list_):
        return list_[self.below(len(list_))]

    def expand(self, text):
        def slot(match):
            name = match[1]
            if name == "n":
                return str(2 + self.below(97))
            if name[0].isupper():
                out = self.expand("{%s}" % name.lower())
                return out[:1].upper() + out[1:]
            return self.expand(self.pick(self.rules[name]))
        return SLOT.sub(slot, text)

    def sentence(self, text, end="."):
        out = self.expand(text)
        return out[:1].upper() + out[1:] + end

    def fresh(self, make):
        """What make() returns, drawn until its first entry (a text) is new in this set."""
        while True:
            row = make()
            key = " ".join(re.findall(r"\w+", row[0].lower()))
            if key not in self.seen:
                self.seen.add(key)
                return row

    def noisy(self, label, labels, p):
        return self.pick([x for x in labels if x != label]) if self.chance(p) else label

    def shuffle(self, rows):
        for i in range(len(rows) - 1, 0, -1):
            j = self.below(i + 1)
            rows[i], rows[j] = rows[j], rows[i]


def add_copies(w, rows, n_copies, n_conflicts, labels):
    """A few rows stand twice, a few of them with another label: the audit must find them."""
    for i in range(n_copies + n_conflicts):
        row = rows[w.below(len(rows))]
        rows.append(row if i < n_copies else (row[0], w.pick([x for x in labels if x != row[1]])))


def ag_news():
    w = Writer("mini_ag_news")
    labels = [label for label, _ in TOPICS]

    def make(label, topic):
        w.rules.update(topic)
        title = w.sentence(w.pick((topic if w.chance(0.55) else COMMON)["title"]), "")
        # Some items lean on another desk's words, as takeovers of clubs and chip makers do.
        def source():
            return w.pick(TOPICS)[1] if w.chance(0.35) else topic
        body = " ".join(w.pick(source()[part]) for part in ("who", "did", "what"))
        body = w.expand("{agency}") + w.sentence(body + " {when}{said}")
        for _ in range(1 + w.below(2)):
            body += " " + w.sentence(w.pick(source()["extra"]))
        return title + "\t" + body, w.noisy(label, labels, 0.06)

    rows = []
    for _ in range(1192 // 4):
        for label, topic in TOPICS:
            rows.append(w.fresh(lambda: make(label, topic)))
    add_copies(w, rows, 6, 2, labels)
    w.shuffle(rows)
    return [(label, *text.split("\t")) for text, label in rows]


def money_sentence(w, rising_gain):
    """A figure that moved: good where a gain rose or a pain fell, else bad."""
    gain = w.chance(0.6)
    up = gain == rising_gain
    low = 1 + w.below(400)
    high = low + 1 + w.below(low)
    old, new = (low, high) if up else (high, low)
    text = "{%s} of {firm} {%s} to EUR %d.%d mn" % (
        "Gain" if gain else "Pain", "up" if up else "down", new, w.below(10))
    if w.chance(0.6):
        text += " from EUR %d.%d mn" % (old, w.below(10))
    return text + " {period}"


def finance_row(w, p_mixed, p_noise):
    roll = w.random.random()
    label = "neutral" if roll < 0.61 else "positive" if roll < 0.87 else "negative"
    if label == "neutral":
        text = w.pick(FINANCE["neutral"])
    elif w.chance(0.65):
        text = money_sentence(w, label == "positive")
    else:
        text = w.pick(FINANCE[label])
    if label != "neutral" and w.chance(p_mixed):
        text += " , {but_up}" if label == "positive" else " , {but_down}"
    elif w.chance(0.35):
        text += " {aside}"
    return w.sentence(text, " ."), w.noisy(label, ["negative", "neutral", "positive"], p_noise)


def financial_phrasebank():
    w = Writer("mini_financial_phrasebank", FINANCE)
    rows = [w.fresh(lambda: finance_row(w, 0.1, 0.03)) for _ in range(895)]
    add_copies(w, rows, 5, 0, [])
    return rows


def auditor_sentiment(shared):
    """Half agreement only: mixed sentences, more wrong labels, and rows of the set above."""
    w = Writer("mini_auditor_sentiment", FINANCE)
    rows = [w.fresh(lambda: finance_row(w, 0.4, 0.12)) for _ in range(788)]
    rows += shared[:200]
    add_copies(w, rows, 8, 4, ["negative", "neutral", "positive"])
    w.shuffle(rows)
    return [{"sentence": text, "label": {"negative": 0, "neutral": 1, "positive": 2}[label]}
            for text, label in rows]


def film_review(w, label):
    good = label == 1
    out = []
    for _ in range(14 + w.below(9)):
        if w.chance(0.55):
            kind = "plot"
        else:
            kind = "praise" if w.chance(0.74) == good else "blame"
        link, pattern = w.pick(FILM["link"]), w.pick(FILM[kind])
        sentence = w.sentence(pattern)
        if link.endswith(", ") and not pattern.startswith(("I ", "{name}")):
            sentence = sentence[0].lower() + sentence[1:]
        out.append(link + sentence)
    if w.chance(0.6):
        out.append(w.sentence(w.pick(FILM["for" if good else "against"]), "!"))
    if w.chance(0.2):
        out[0] = '"' + out[0][:-1] + '," they said.'
    return " ".join(out), w.noisy(label, [0, 1], 0.04)


def imdb_truncated():
    w = Writer("mini_imdb_truncated", FILM)
    rows = [w.fresh(lambda: film_review(w, i % 2)) for i in range(600)]
    halves = rows[:300], rows[300:]
    for half in halves:
        w.shuffle(half)
    return halves


def tweet(w):
    """Irony is a feeling that does not fit what happened; neither word shows it alone."""
    ironic = w.chance(0.5)
    glad = w.chance(0.78 if ironic else 0.45)
    lucky = glad != ironic
    feeling, event = ("{glad}" if glad else "{sad}"), ("{luck}" if lucky else "{woe}")
    text = w.pick([feeling + ", " + event, event + ", " + feeling, feeling + " " + event])
    text = w.expand("{who}" + text + "{end}")
    for _ in range(w.below(3)):
        text += " " + w.expand("{tag}")
    return text, w.noisy(int(ironic), [0, 1], 0.08)


def irony():
    w = Writer("mini_irony", TWEET)
    rows = [w.fresh(lambda: tweet(w)) for _ in range(994)]
    add_copies(w, rows, 4, 2, [0, 1])
    return rows[:640], rows[640:800], rows[800:]


def stance_row(w):
    roll = w.random.random()
    label = "none" if roll < 0.27 else "against" if roll < 0.82 else "favor"
    text = w.expand("{who}" + w.pick(STANCE[label]) + "{end}{tag}")
    return text, w.noisy(label, ["none", "against", "favor"], 0.1)


def stance():
    w = Writer("mini_stance", STANCE)
    rows = [w.fresh(lambda: stance_row(w)) for _ in range(698)]
    add_copies(w, rows, 2, 0, [])
    return rows[:460], rows[460:520], rows[520:]


def csv_bytes(rows, quoting):
    out = io.StringIO()
    csv.writer(out, quoting=quoting, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def joined(rows):
    return "".join(row + "\n" for row in rows).encode()


def data_files():
    """Name to bytes of every data file, and name to rows of every split."""
    files, splits = {}, {}

    def put(set_, split, names, contents, n_rows):
        files.update(zip(names, contents))
        splits.setdefault(set_, []).append((split, names, n_rows))

    news = ag_news()
    put("mini_ag_news", "test", ["ag_news.csv"], [csv_bytes(news, csv.QUOTE_ALL)], len(news))
    bank = financial_phrasebank()
    put("mini_financial_phrasebank", "train", ["financial_phrasebank.txt"],
        ["".join("%s@%s\n" % row for row in bank).encode("latin-1")], len(bank))
    audit = auditor_sentiment(bank)
    for split, rows in (("train", audit[:800]), ("test", audit[800:])):
        put("mini_auditor_sentiment", split, ["auditor_sentiment_%s.jsonl" % split],
            [joined(json.dumps(r, ensure_ascii=False) for r in rows)], len(rows))
    for split, rows in zip(("train", "validation"), imdb_truncated()):
        put("mini_imdb_truncated", split, ["imdb_truncated_%s.csv" % split],
            [csv_bytes([("text", "label"), *rows], csv.QUOTE_MINIMAL)], len(rows))
    for split, rows in zip(("train", "validation", "test"), irony()):
        put("mini_irony", split, ["irony_%s_text.txt" % split, "irony_%s_labels.txt" % split],
            [joined(t for t, _ in rows), joined(str(l) for _, l in rows)], len(rows))
    for split, rows in zip(("train", "validation", "test"), stance()):
        put("mini_stance", split, ["stance_%s.tsv" % split],
            [joined(["sentence\tlabel"] + ["%s\t%s" % row for row in rows])], len(rows))
    return files, splits


# What each descriptor says besides its files: title, task, classes, reader, sound, survey's rows.
ABOUT = {
    "mini_ag_news": ("topic of a made-up news item, from its title and description",
        "[World, Sports, Business, Sci/Tech]",
        "  format: csv\n  text: [2, 3]\n  label: 1\n  labels: [1, 2, 3, 4]\n",
        "  pool: test\n",
        "  train: test\n  evaluation_share: 0.2\n  copies: 2\n  seed: 52\n"
        "  n_train: 1920\n  n_evaluation: 480\n"),
    "mini_financial_phrasebank": ("sentiment of a made-up financial news sentence",
        "[negative, neutral, positive]",
        "  format: text_at_label\n  encoding: iso-8859-1\n",
        "  pool: train\n",
        "  train: train\n  evaluation_share: 0.1\n  copies: 2\n  seed: 55\n"
        "  n_train: 1620\n  n_evaluation: 180\n"),
    "mini_auditor_sentiment": (
        "sentiment of a made-up sentence from a financial report, labels in dispute",
        "[negative, neutral, positive]",
        "  format: jsonl\n  text: sentence\n  label: label\n  labels: [0, 1, 2]\n",
        "  train: train\n  test: test\n",
        "  train: train\n  evaluation: test\n  copies: 2\n  n_train: 1600\n  n_evaluation: 400\n"),
    "mini_imdb_truncated": ("sentiment of a made-up film review, 120 words and more",
        "[negative, positive]",
        "  format: csv\n  header: true\n  text: text\n  label: label\n  labels: [0, 1]\n",
        "  train: train\n  test: validation\n",
        "  train: train\n  evaluation: validation\n  copies: 2\n  n_train: 600\n"
        "  n_evaluation: 600\n"),
    "mini_irony": ("whether a made-up tweet is ironic: its feeling does not fit what happened",
        "[non_irony, irony]",
        "  format: text_label_files\n  labels: [0, 1]\n",
        "  train: train\n  validation: validation\n  test: test\n",
        "  train: train\n  evaluation: validation\n  copies: 2\n  n_train: 1280\n"
        "  n_evaluation: 320\n"),
    "mini_stance": ("stance of a made-up tweet towards a car-free town centre",
        "[none, against, favor]",
        "  format: tsv\n  header: true\n  text: sentence\n  label: label\n",
        "  train: train\n  validation: validation\n  test: test\n",
        "  rows_of: mini_irony # as the survey's code served irony under the name of stance\n"
        "  train: train\n  evaluation: validation\n  copies: 1\n"
        "  n_train: 640\n  n_evaluation: 160\n"),
}


# What stands for the classes where models answer in text, for the same reasons as in the real sets.
VERBALIZERS = {"mini_ag_news": "[World, Sports, Business, Technology]",
               "mini_irony": "[not ironic, ironic]"}


def descriptor(name, files, splits):
    task, classes, reader, sound, survey = ABOUT[name]
    of = name[len("mini_"):]
    out = ["# Written by tools/miniature.py: change it there.",
           "name: " + name, "title: Miniature beside " + of + ", not " + of + " itself",
           "task: \"%s\"" % task, "homepage: tools/miniature.py", "licence: that of this project",
           "citation: none; the text is generated", "classes: " + classes]
    if name in VERBALIZERS:
        out.append("verbalizers: " + VERBALIZERS[name])
    out.append("assets:")
    for _, names, _ in splits:
        for file in names:
            out += ["  - name: " + file,
                    "    sha256: " + hashlib.sha256(files[file]).hexdigest(),
                    "    bytes: %d" % len(files[file]), "    sources:",
                    "      - path: datasets/miniature/" + file]
    out += ["reader:", reader.rstrip("\n"), "splits:"]
    for split, names, n in splits:
        listed = names[0] if len(names) == 1 else "[" + ", ".join(names) + "]"
        out.append("  - {name: %s, files: %s, rows: %d}" % (split, listed, n))
    out += ["sound:", sound.rstrip("\n"), "survey_rows:", survey.rstrip("\n"),
            "  note: what the survey did to its set of that kind"]
    return ("\n".join(out) + "\n").encode()


def bert_words(text):
    """Lower-case words and signs without accents, as an uncased BERT tokenizer cuts them."""
    text = unicodedata.normalize("NFD", text)
    text = "".join(c for c in text if unicodedata.category(c) != "Mn").lower()
    return re.findall(r"[^\W_]+|[^\w\s]|_", text)


def vocabulary(files):
    """Special tokens, signs and letters alone and continuing, then words and endings by frequency."""
    words = Counter()
    for name, data in files.items():
        if "labels" not in name:
            words.update(bert_words(data.decode("latin-1" if "phrasebank" in name else "utf-8")))
    chars = sorted({c for word in words for c in word} | {chr(c) for c in range(33, 127)
                                                          if not chr(c).isupper()})
    endings = Counter()
    for word, n in words.items():
        for cut in range(2, len(word) - 1):
            endings["##" + word[cut:]] += n
    by_frequency = sorted((w for w in words if len(w) > 1), key=lambda w: (-words[w], w))
    ends = sorted(endings, key=lambda w: (-endings[w], w))[:200]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + chars + ["##" + c for c in chars]
    pieces += by_frequency[:N_WORD_PIECES] + ends
    return joined(dict.fromkeys(pieces))


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    files, splits = data_files()
    out = {"datasets/miniature/" + name: data for name, data in files.items()}
    for name in ABOUT:
        out["datasets/" + name + ".yaml"] = descriptor(name, files, splits[name])
    out["models/zoo/mini/vocab.txt"] = vocabulary(files)
    out["models/zoo/mini/tokenizer_config.json"] = b'{"do_lower_case": true}\n'
    for name, data in out.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
