#!/usr/bin/env python3
"""Writes the miniature data sets, their descriptors and a small vocabulary of their words.

    python3 tools/miniature.py [ROOT]

Six small sets of the project's own text stand beside the six of the survey: as many classes, a like
balance, length and file format, and a difficulty that leaves room above and below. Part of the rows
can be told by single words, part by how words stand together (what a sentence is about, negation,
contrast, a turn at the end), many words of the test rows never or hardly ever stand in a training
row, and some labels are wrong. They exist so that the whole program can run where nothing can be
downloaded; results on them say nothing about language. Seeded: the same bytes every time.
Standard library only. datasets/miniature/README.md sets them beside the real ones.
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

from miniature_film import FILM
from miniature_news import PATTERNS, TOPICS
from miniature_tweets import STANCE, TWEET
from miniature_words import COMMON, FINANCE, Lexicon

SLOT = re.compile(r"\{(\w+)\}")
N_WORD_PIECES = 1500

# Rows of each file, and the share of rows whose label is not what the text says. Labels in dispute
# are wrong more often than those on which all agreed.
ROWS = {
    "mini_ag_news": {"train": 900, "test": 400},
    "mini_financial_phrasebank": {"train": 900, "test": 400},
    "mini_auditor_sentiment": {"train": 900, "test": 400},
    "mini_imdb_truncated": {"train": 600, "validation": 400},
    "mini_irony": {"train": 800, "validation": 100, "test": 400},
    "mini_stance": {"train": 580, "validation": 60, "test": 280},
}
NOISE = {"mini_ag_news": 0.05, "mini_financial_phrasebank": 0.03, "mini_auditor_sentiment": 0.1,
         "mini_imdb_truncated": 0.05, "mini_irony": 0.12, "mini_stance": 0.1}
FEELINGS = ["negative", "neutral", "positive"]
SHARED = 46  # per cent of mini_auditor_sentiment's rows are mini_financial_phrasebank's


class Writer:
    """Draws from the grammars; one stream a data set, so that sets do not shift each other."""

    def __init__(self, name, *grammars):
        seed = hashlib.sha256(name.encode()).digest()[:8]
        self.random = random.Random(int.from_bytes(seed, "big"))
        self.rules = {k: v for g in (COMMON, *grammars) for k, v in g.items()}
        self.seen = set()
        self.learning = True

    def chance(self, p):
        return self.random.random() < p

    def below(self, n):
        return int(self.random.random() * n)

    def pick(self, list_):
        if isinstance(list_, Lexicon):
            # The first share p of the list takes p (1 - ln p) of the draws; which of two neighbours
            # is drawn again, and how often, is another matter where a model learns than where it
            # is judged.
            avoided, again = (1, 0.95) if self.learning else (0, 0.4)
            i = int(len(list_) * self.random.random() * self.random.random())
            while i % 2 == avoided and self.chance(again):
                i = int(len(list_) * self.random.random() * self.random.random())
            return list_[i]
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


def news_item(w, label, topic):
    """An item of one desk; half of them lean on another's words, as the takeover of a club does."""
    other = w.pick(TOPICS)[1] if w.chance(0.5) else topic
    w.rules.update(topic, aactor=other["actor"], athing=other["thing"])
    title = w.expand("{title}" if w.chance(0.5) else "{vague_title}")
    vague = w.chance(0.25)
    body = w.expand("{agency}") + w.sentence("{vague_lead}{said}" if vague else "{lead}{said}")
    for _ in range(1 + w.below(3) + w.chance(0.4)):
        body += " " + w.sentence("{extra}")
    return title[:1].upper() + title[1:] + "\t" + body, label


def ag_news():
    name = "mini_ag_news"
    w = Writer(name, PATTERNS)
    labels = [label for label, _ in TOPICS]
    parts = []
    for split, n in ROWS[name].items():
        w.learning = split == "train"
        n_copies = 8 if w.learning else 0
        rows = []
        while len(rows) < n - n_copies:
            for label, topic in TOPICS:
                rows.append(w.fresh(lambda: news_item(w, label, topic)))
        rows = noisy_rows(w, rows, labels, name)
        add_copies(w, rows, n_copies - n_copies // 4, n_copies // 4, labels)
        w.shuffle(rows)
        parts.append([(label, *text.split("\t")) for text, label in rows])
    return parts


def money_sentence(w, good):
    """A figure that moved, or moved less than was thought, or that only the numbers tell."""
    gain = w.chance(0.6)
    short = w.chance(0.12)  # less of a move than expected: the other way about
    up = (gain == good) != short
    low = 1 + w.below(400)
    high = low + 1 + w.below(low)
    old, new = (low, high) if up else (high, low)
    old, new = "EUR %d.%d mn" % (old, w.below(10)), "EUR %d.%d mn" % (new, w.below(10))
    text = "{gain}" if gain else "{pain}"
    if not short and w.chance(0.07):
        return text + " of {firm} came to " + new + " {period} , compared with " + old + " before"
    text += " of {firm}" if w.chance(0.7) else " in {country}"
    text += " {up}" if up else " {down}"
    if short:
        return text + " {short_of} {period}"
    if w.chance(0.5):
        text += " to " + new
        if w.chance(0.6):
            text += " from " + old
    return text + " {period}"


def finance_row(w, shares, p_mixed):
    """shares: of negative and of neutral rows; p_mixed: of the others, how many speak both ways."""
    roll = w.random.random()
    label = "negative" if roll < shares[0] else "neutral" if roll < sum(shares) else "positive"
    good = label == "positive"
    if label == "neutral":
        text = "{undecided}" if w.chance(0.35) else "{neutral}"
    else:
        text = "{firm} {boost}" if good else "{firm} {harm}"
        if w.chance(0.65):
            text = money_sentence(w, good)
        if w.chance(p_mixed):
            aside = "{despite_harm}" if good else "{despite_boost}"
            text = text + " , " + aside if w.chance(0.5) else aside + " , " + text
    if w.chance(0.65):
        text += " {aside}"
    return w.sentence("{plain_open}" + text, " ."), label


def noisy_rows(w, rows, labels, name):
    return [(text, w.noisy(label, labels, NOISE[name])) for text, label in rows]


def financial_phrasebank():
    name = "mini_financial_phrasebank"
    w = Writer(name, FINANCE)
    parts = []
    for split, n in ROWS[name].items():
        w.learning = split != "test"
        n_copies = 5 if split == "train" else 0
        rows = [w.fresh(lambda: finance_row(w, (0.125, 0.627), 0.15)) for _ in range(n - n_copies)]
        rows = noisy_rows(w, rows, FEELINGS, name)
        add_copies(w, rows, n_copies, 0, [])
        parts.append(rows)
    return parts


def auditor_sentiment(shared):
    """Half agreement only: mixed sentences, more wrong labels, and rows of the set above."""
    name = "mini_auditor_sentiment"
    w = Writer(name, FINANCE)
    parts = []
    for split, n in ROWS[name].items():
        w.learning = split == "train"
        n_copies = 8 if w.learning else 0
        n_shared = n * SHARED // 100
        rows = [w.fresh(lambda: finance_row(w, (0.085, 0.645), 0.35))
                for _ in range(n - n_copies - n_shared)]
        rows = noisy_rows(w, rows, FEELINGS, name)
        add_copies(w, rows, n_copies - n_copies // 4, n_copies // 4, FEELINGS)
        rows += shared[split][:n_shared]
        w.shuffle(rows)
        parts.append([{"sentence": text, "label": FEELINGS.index(label)} for text, label in rows])
    return parts


def film_sentence(w, kind):
    pattern = w.pick(FILM[kind])
    sentence, link = w.sentence(pattern), w.pick(FILM["link"])
    if link.endswith(", ") and not pattern.startswith(("I ", "{last}")):
        sentence = sentence[0].lower() + sentence[1:]
    return link + sentence


def film_review(w, label):
    """What happens and what it is like; some reviews turn against themselves in the last words."""
    good = label == 1
    own, others = ("praise", "blame") if good else ("blame", "praise")
    denial, hope = ("not_bad", "fear") if good else ("not_good", "hope")
    verdict = w.expand("{for}" if good else "{against}")
    out = [film_sentence(w, "plot") for _ in range(1 + w.below(3))]
    if w.chance(0.22):  # a turn: what was hoped or feared, and then the film
        out += [film_sentence(w, hope) for _ in range(1 + w.below(3))]
        out += [film_sentence(w, "plot")] if w.chance(0.5) else []
        last = w.expand("{turn}") + " "
        if w.chance(0.6):
            sentence = film_sentence(w, own if w.chance(0.6) else denial).split("/>")[-1]
            out.append(last + sentence[0].lower() + sentence[1:])
            last = ""
        if not last or w.chance(0.6):
            out.append(last + (verdict if last else verdict[:1].upper() + verdict[1:]) + ".")
        else:
            out.append(last + w.expand("{last} is {%s}." % ("good" if good else "bad")))
    else:
        for _ in range(2 + w.below(4)):
            kind = denial if w.chance(0.2) else own if w.chance(0.8) else others
            out.insert(w.below(len(out) + 1), film_sentence(w, kind))
        out.append(film_sentence(w, own if w.chance(0.7) else denial))
        if w.chance(0.25):
            out.append(verdict[:1].upper() + verdict[1:] + "!")
    for _ in range(w.below(2) * w.below(4)):
        out.insert(0, film_sentence(w, "plot"))
    return " ".join(out), label


def imdb_truncated():
    name = "mini_imdb_truncated"
    w = Writer(name, FILM)
    parts = []
    for split, n in ROWS[name].items():
        w.learning = split == "train"
        rows = [w.fresh(lambda: film_review(w, i % 2)) for i in range(n)]
        rows = noisy_rows(w, rows, [0, 1], name)
        w.shuffle(rows)
        parts.append(rows)
    return parts


def tweet(w):
    """Irony is a feeling that does not fit what happened; neither word shows it alone."""
    ironic = w.chance(0.5)
    roll = w.random.random()
    if roll < (0.3 if ironic else 0.25):
        text = "{mock}" if ironic else "{calm}"
    else:
        glad = w.chance(0.88 if ironic else 0.5)
        lucky = glad != ironic
        feeling, event = ("{glad}" if glad else "{sad}"), ("{luck}" if lucky else "{woe}")
        text = w.pick([feeling + ", " + event, event + ", " + feeling, feeling + " " + event])
    for _ in range(w.below(3)):
        text += ", {then}"
    text = w.expand("{who}" + text + "{end}")
    for _ in range(w.below(4)):
        text += " " + w.expand("{tag}")
    return text, int(ironic)


def irony():
    name = "mini_irony"
    w = Writer(name, TWEET)
    parts = []
    for split, n in ROWS[name].items():
        w.learning = split != "test"
        n_copies = 6 if split == "train" else 0
        rows = [w.fresh(lambda: tweet(w)) for _ in range(n - n_copies)]
        rows = noisy_rows(w, rows, [0, 1], name)
        add_copies(w, rows, n_copies - n_copies // 3, n_copies // 3, [0, 1])
        parts.append(rows)
    return parts


def stance_row(w, shares):
    """shares: of rows without a stance and against. A turn names the other side's reasons."""
    roll = w.random.random()
    label = "none" if roll < shares[0] else "against" if roll < sum(shares) else "favor"
    kind = label + "_turn" if label != "none" and w.chance(0.35) else label
    close = "" if label == "none" else "{close}"
    return w.expand("{who}{open}{%s}%s{end}{tag}" % (kind, close)), label


def stance():
    name = "mini_stance"
    w = Writer(name, STANCE)
    parts = []
    for split, n in ROWS[name].items():
        w.learning = split != "test"
        n_copies = 2 if split == "train" else 0
        # As in the set it stands beside, more rows of the test split are against.
        shares = (0.14, 0.70) if split == "test" else (0.26, 0.58)
        rows = [w.fresh(lambda: stance_row(w, shares)) for _ in range(n - n_copies)]
        rows = noisy_rows(w, rows, ["none", "against", "favor"], name)
        add_copies(w, rows, n_copies, 0, [])
        parts.append(rows)
    return parts


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

    for split, rows in zip(ROWS["mini_ag_news"], ag_news()):
        put("mini_ag_news", split, ["ag_news_%s.csv" % split], [csv_bytes(rows, csv.QUOTE_ALL)],
            len(rows))
    banks = financial_phrasebank()
    for split, rows in zip(ROWS["mini_financial_phrasebank"], banks):
        put("mini_financial_phrasebank", split, ["financial_phrasebank_%s.txt" % split],
            ["".join("%s@%s\n" % row for row in rows).encode("latin-1")], len(rows))
    shared = dict(zip(ROWS["mini_financial_phrasebank"], banks))
    for split, rows in zip(ROWS["mini_auditor_sentiment"], auditor_sentiment(shared)):
        put("mini_auditor_sentiment", split, ["auditor_sentiment_%s.jsonl" % split],
            [joined(json.dumps(r, ensure_ascii=False) for r in rows)], len(rows))
    for split, rows in zip(ROWS["mini_imdb_truncated"], imdb_truncated()):
        put("mini_imdb_truncated", split, ["imdb_truncated_%s.csv" % split],
            [csv_bytes([("text", "label"), *rows], csv.QUOTE_MINIMAL)], len(rows))
    for split, rows in zip(ROWS["mini_irony"], irony()):
        put("mini_irony", split, ["irony_%s_text.txt" % split, "irony_%s_labels.txt" % split],
            [joined(t for t, _ in rows), joined(str(l) for _, l in rows)], len(rows))
    for split, rows in zip(ROWS["mini_stance"], stance()):
        put("mini_stance", split, ["stance_%s.tsv" % split],
            [joined(["sentence\tlabel"] + ["%s\t%s" % row for row in rows])], len(rows))
    return files, splits


# What each descriptor says besides its files: title, task, classes, reader, sound, survey's rows.
ABOUT = {
    "mini_ag_news": ("topic of a made-up news item, from its title and description",
        "[World, Sports, Business, Sci/Tech]",
        "  format: csv\n  text: [2, 3]\n  label: 1\n  labels: [1, 2, 3, 4]\n",
        "  train: train\n  test: test\n",
        "  train: train\n  evaluation_share: 0.2\n  copies: 2\n  seed: 52\n"
        "  n_train: 1440\n  n_evaluation: 360\n"),
    "mini_financial_phrasebank": ("sentiment of a made-up financial news sentence",
        "[negative, neutral, positive]",
        "  format: text_at_label\n  encoding: iso-8859-1\n",
        "  train: train\n  test: test\n",
        "  train: train\n  evaluation_share: 0.1\n  copies: 2\n  seed: 55\n"
        "  n_train: 1620\n  n_evaluation: 180\n"),
    "mini_auditor_sentiment": (
        "sentiment of a made-up sentence from a financial report, labels in dispute",
        "[negative, neutral, positive]",
        "  format: jsonl\n  text: sentence\n  label: label\n  labels: [0, 1, 2]\n",
        "  train: train\n  test: test\n",
        "  train: train\n  evaluation: test\n  copies: 2\n  n_train: 1800\n  n_evaluation: 800\n"),
    "mini_imdb_truncated": ("sentiment of a made-up film review, some 60 words long",
        "[negative, positive]",
        "  format: csv\n  header: true\n  text: text\n  label: label\n  labels: [0, 1]\n",
        "  train: train\n  test: validation\n",
        "  train: train\n  evaluation: validation\n  copies: 2\n  n_train: 1200\n"
        "  n_evaluation: 800\n"),
    "mini_irony": ("whether a made-up tweet is ironic: its feeling does not fit what happened",
        "[non_irony, irony]",
        "  format: text_label_files\n  labels: [0, 1]\n",
        "  train: train\n  validation: validation\n  test: test\n",
        "  train: train\n  evaluation: validation\n  copies: 2\n  n_train: 1600\n"
        "  n_evaluation: 200\n"),
    "mini_stance": ("stance of a made-up tweet towards a car-free town centre",
        "[none, against, favor]",
        "  format: tsv\n  header: true\n  text: sentence\n  label: label\n",
        "  train: train\n  validation: validation\n  test: test\n",
        "  rows_of: mini_irony # as the survey's code served irony under the name of stance\n"
        "  train: train\n  evaluation: validation\n  copies: 1\n"
        "  n_train: 800\n  n_evaluation: 100\n"),
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
    """Special tokens, signs and letters alone and continuing, words and endings by frequency."""
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
