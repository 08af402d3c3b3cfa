/*
 * load: finds out what kind of tokenizer a path holds and opens it. A file's name says what
 * it is: *.json and *.model are tokenizer.json and spiece.model; any other is a WordPiece
 * vocabulary, one piece a line, whose settings stand beside it.
 */
#include "harness/base/file.h"
#include "models/tokenize/load_json.h"
#include "models/tokenize/load_spiece.h"
#include "models/tokenize/wordpiece.h"

#include <limits.h>
#include <string.h>

/* tokenizer_config.json in the vocabulary's folder, where there is one. */
static int read_config(struct normalizer *n, const char *vocab_path, struct err *e)
{
    const char *slash = strrchr(vocab_path, '/');
    struct str dir = {0}, path = {0};
    str_add_bytes(&dir, vocab_path, slash ? (size_t)(slash - vocab_path) : 0);
    file_join(&path, slash ? (slash == vocab_path ? "/" : str_text(&dir)) : ".",
              "tokenizer_config.json");
    *n = (struct normalizer){.clean_text = true, .handle_chinese_chars = true, .lowercase = true};
    int status = 0;
    if (file_exists(str_text(&path))) {
        json_t *root = json_read(str_text(&path), e);
        if (!root ||
            tokenizer_json_flag(&n->lowercase, root, "do_lower_case", str_text(&path), e) < 0 ||
            tokenizer_json_flag(&n->handle_chinese_chars, root, "tokenize_chinese_chars",
                                str_text(&path), e) < 0)
            status = -1;
        n->strip_accents = n->lowercase;
        if (status == 0)
            status =
                tokenizer_json_flag(&n->strip_accents, root, "strip_accents", str_text(&path), e);
        json_decref(root);
    } else {
        n->strip_accents = n->lowercase;
    }
    str_release(&dir);
    str_release(&path);
    return status;
}

static int check_text(const struct str *text, const char *path, struct err *e)
{
    if (text->len == 0)
        return err_set(e, "%s: is empty; expected one piece a line", path);
    if (text->len > INT_MAX / 4)
        return err_set(e, "%s: is too large for a vocabulary (%zu bytes)", path, text->len);
    long bad = str_utf8_error(text->buf, text->len);
    if (bad >= 0)
        return err_set(e, "%s: is not UTF-8 at byte offset %ld", path, bad);
    if (memchr(text->buf, '\0', text->len))
        return err_set(e, "%s: holds a NUL byte: not a vocabulary", path);
    return 0;
}

/* One piece a line; the line's number less one is its id. */
static int read_lines(struct vocabulary *v, const struct str *text, const char *path, struct err *e)
{
    int n = 0;
    for (size_t i = 0; i < text->len; i++)
        n += text->buf[i] == '\n' || i + 1 == text->len;
    vocabulary_init(v, n);
    const char *line = text->buf, *end = text->buf + text->len;
    for (int id = 0; id < n; id++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((stop ? stop : end) - line);
        if (length > 0 && line[length - 1] == '\r')
            length--;
        if (length == 0)
            return err_set(e, "%s:%d: empty line; expected one piece a line", path, id + 1);
        int other = vocabulary_add(v, id, line, length);
        if (other >= 0)
            return err_set(e, "%s:%d: piece \"%.*s\" stands in line %d already", path, id + 1,
                           (int)(length < 100 ? length : 100), line, other + 1);
        line = stop ? stop + 1 : end;
    }
    return 0;
}

static int load_vocab_txt(struct tokenizer *t, const char *path, struct err *e)
{
    struct wordpiece *w = xmalloc(sizeof *w);
    *w = (struct wordpiece){.max_word_chars = 100, .continuing = "##"};
    t->kind = &wordpiece_kind;
    t->state = w;
    struct str text = {0};
    int status = -1;
    if (file_read(&text, path, e) == 0 && check_text(&text, path, e) == 0 &&
        read_lines(&t->vocabulary, &text, path, e) == 0)
        status = read_config(&w->normalizer, path, e);
    str_release(&text);
    return status;
}

static int check_continuing(const struct tokenizer *t, const char *path, struct err *e)
{
    const struct wordpiece *w = t->state;
    for (int i = 0; i < t->vocabulary.n; i++) {
        if (str_starts(t->vocabulary.pieces[i].text, w->continuing))
            return 0;
    }
    return err_set(e, "%s: no piece starts with %s: not a WordPiece vocabulary", path,
                   w->continuing);
}

/* The five ids; for vocab.txt they are also what text may spell out. */
static int find_special(struct tokenizer *t, const char *path, struct err *e)
{
    const struct {
        const char *piece;
        int *id;
    } wanted[] = {
        {"[PAD]", &t->special.pad}, {"[UNK]", &t->special.unk},   {"[CLS]", &t->special.cls},
        {"[SEP]", &t->special.sep}, {"[MASK]", &t->special.mask},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        *wanted[i].id = vocabulary_id(&t->vocabulary, wanted[i].piece);
        if (*wanted[i].id < 0)
            return err_set(e, "%s: has no %s token", path, wanted[i].piece);
    }
    return 0;
}

static void add_special(struct tokenizer *t)
{
    t->added = xmalloc(5 * sizeof *t->added);
    /* Ascending, so that tokenizer.json of the same model hashes the same. */
    for (int id = 0; id < t->vocabulary.n; id++) {
        const struct tokenizer_special *s = &t->special;
        if (id == s->pad || id == s->unk || id == s->cls || id == s->sep || id == s->mask)
            t->added[t->n_added++] = (struct added_token){.id = id};
    }
}

/* The file to open of a folder: the first that is there. spiece.model and vocab.txt are of two
 * kinds of tokenizer: side by side they do not say whose folder it is. */
static int find_file(struct str *path, const char *dir_or_file, struct err *e)
{
    static const char *const names[] = {"tokenizer.json", "spiece.model", "vocab.txt"};
    if (!file_is_dir(dir_or_file)) {
        str_add(path, dir_or_file);
        return file_exists(dir_or_file) ? 0 : err_set(e, "%s: no such file", dir_or_file);
    }
    if (!file_exists(file_join(path, dir_or_file, names[0])) &&
        file_exists(file_join(path, dir_or_file, names[1])) &&
        file_exists(file_join(path, dir_or_file, names[2])))
        return err_set(e,
                       "%s: holds both spiece.model and vocab.txt; remove the one that is not "
                       "this model's",
                       dir_or_file);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (file_exists(file_join(path, dir_or_file, names[i])))
            return 0;
    }
    return err_set(e, "%s: holds neither tokenizer.json nor spiece.model nor vocab.txt",
                   dir_or_file);
}

static int load_file(struct tokenizer *t, const char *path, struct err *e)
{
    t->special = (struct tokenizer_special){-1, -1, -1, -1, -1, -1};
    if (str_ends(path, ".model"))
        return tokenizer_load_spiece(t, path, e);
    bool json = str_ends(path, ".json");
    if ((json ? tokenizer_load_json(t, path, e) : load_vocab_txt(t, path, e)) < 0)
        return -1;
    if (t->kind != &wordpiece_kind)
        return 0;
    if (find_special(t, path, e) < 0 || check_continuing(t, path, e) < 0)
        return -1;
    if (!json)
        add_special(t);
    return 0;
}

int tokenizer_load(struct tokenizer *t, const char *dir_or_file, struct err *e)
{
    struct str path = {0};
    int status = find_file(&path, dir_or_file, e);
    if (status == 0)
        status = load_file(t, str_text(&path), e);
    str_release(&path);
    return status;
}
