/* tokenizer.json with a model of type Unigram, as T5's are. */
#include "harness/base/arena.h"
#include "models/tokenize/load_json.h"
#include "models/tokenize/unigram.h"

#include <stdlib.h>
#include <string.h>

static const char *type_of(const json_t *node)
{
    const char *type = json_string_value(json_object_get(node, "type"));
    return type ? type : "(none)";
}

static int not_understood(const char *path, const char *part, const json_t *node, struct err *e)
{
    char *text = json_dumps(node, JSON_COMPACT | JSON_ENCODE_ANY);
    err_set(e, "%s: %s %.200s is not understood", path, part, text ? text : "(none)");
    free(text);
    return -1;
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static int base64(struct str *out, const char *text, const char *path, struct err *e)
{
    uint32_t bits = 0;
    int n_bits = 0;
    for (const char *at = text; *at && *at != '='; at++) {
        int digit = base64_digit(*at);
        if (digit < 0)
            return err_set(e, "%s: precompiled_charsmap is not base64 at character %ld", path,
                           (long)(at - text));
        bits = bits << 6 | (uint32_t)digit;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            str_add_char(out, (char)(bits >> n_bits & 0xff));
        }
    }
    return 0;
}

static int read_map(struct unigram *u, const json_t *node, const char *path, struct err *e)
{
    const char *text;
    struct str bytes = {0};
    if (u->charsmap.units)
        return err_set(e, "%s: normalizer has two character maps", path);
    int status = json_text(&text, node, "precompiled_charsmap", path, e);
    if (status == 0)
        status = base64(&bytes, text, path, e);
    if (status == 0)
        status = charsmap_init(&u->charsmap, str_text(&bytes), bytes.len, path, e);
    str_release(&bytes);
    return status;
}

/* Replace: two or more spaces by one, or by one mark. */
static int read_replace(struct unigram *u, const json_t *node, const char *path, struct err *e)
{
    const json_t *pattern = json_object_get(node, "pattern");
    const char *regex = json_string_value(json_object_get(pattern, "Regex"));
    const char *content = json_string_value(json_object_get(node, "content"));
    if (!str_equal(regex, " {2,}") ||
        (!str_equal(content, " ") && !str_equal(content, UNIGRAM_SPACE)))
        return not_understood(path, "normalizer", node, e);
    u->steps[u->n_steps++] = *content == ' ' ? UNIGRAM_COLLAPSE : UNIGRAM_COLLAPSE_TO_MARK;
    return 0;
}

/* One step; Strip may be two. */
static int read_step(struct unigram *u, const json_t *node, const char *path, struct err *e)
{
    const char *type = type_of(node);
    if (u->n_steps + 2 > (int)(sizeof u->steps / sizeof *u->steps))
        return err_set(e, "%s: normalizer has too many steps", path);
    if (str_equal(type, "Precompiled")) {
        u->steps[u->n_steps++] = UNIGRAM_MAP;
        return read_map(u, node, path, e);
    }
    if (str_equal(type, "Replace"))
        return read_replace(u, node, path, e);
    if (!str_equal(type, "Strip"))
        return not_understood(path, "normalizer", node, e);
    bool left = true, right = true;
    if (tokenizer_json_flag(&left, node, "strip_left", path, e) < 0 ||
        tokenizer_json_flag(&right, node, "strip_right", path, e) < 0)
        return -1;
    if (left)
        u->steps[u->n_steps++] = UNIGRAM_STRIP_LEFT;
    if (right)
        u->steps[u->n_steps++] = UNIGRAM_STRIP_RIGHT;
    return 0;
}

static int read_normalizer(struct unigram *u, const json_t *root, const char *path, struct err *e)
{
    const json_t *node = json_object_get(root, "normalizer");
    if (!node || json_is_null(node))
        return 0;
    if (!str_equal(type_of(node), "Sequence"))
        return read_step(u, node, path, e);
    size_t i;
    const json_t *step;
    const json_t *steps = json_object_get(node, "normalizers");
    if (!json_is_array(steps))
        return not_understood(path, "normalizer", node, e);
    json_array_foreach(steps, i, step)
    {
        if (read_step(u, step, path, e) < 0)
            return -1;
    }
    return 0;
}

/* Metaspace that always puts a "▁" in front and cuts there; early files say so by
 * add_prefix_space. */
static int check_metaspace(const json_t *node, const char *part, const char *path, struct err *e)
{
    const char *scheme = json_string_value(json_object_get(node, "prepend_scheme"));
    const char *mark = json_string_value(json_object_get(node, "str_rep"));
    bool early = !scheme && json_is_true(json_object_get(node, "add_prefix_space"));
    bool split = true;
    if (tokenizer_json_flag(&split, node, "split", path, e) < 0)
        return -1;
    if (!str_equal(type_of(node), "Metaspace") || !split ||
        (mark && !str_equal(mark, UNIGRAM_SPACE)) ||
        !str_equal(json_string_value(json_object_get(node, "replacement")), UNIGRAM_SPACE) ||
        (!early && !str_equal(scheme, "always")))
        return not_understood(path, part, node, e);
    return 0;
}

static int read_pre_tokenizer(struct unigram *u, const json_t *root, const char *path,
                              struct err *e)
{
    const json_t *node = json_object_get(root, "pre_tokenizer");
    if (str_equal(type_of(node), "Sequence")) {
        const json_t *steps = json_object_get(node, "pretokenizers");
        if (json_array_size(steps) != 2 ||
            !str_equal(type_of(json_array_get(steps, 0)), "WhitespaceSplit"))
            return not_understood(path, "pre_tokenizer", node, e);
        u->split_whitespace = true;
        node = json_array_get(steps, 1);
    }
    return check_metaspace(node, "pre_tokenizer", path, e);
}

/* "text eos": the id goes to t->special.eos. */
static int read_post_processor(struct tokenizer *t, const json_t *root, const char *path,
                               struct err *e)
{
    const json_t *node = json_object_get(root, "post_processor");
    const json_t *single = json_object_get(node, "single");
    const json_t *text = json_object_get(json_array_get(single, 0), "Sequence");
    const json_t *last = json_object_get(json_array_get(single, 1), "SpecialToken");
    const char *name = json_string_value(json_object_get(last, "id"));
    const json_t *token =
        name ? json_object_get(json_object_get(node, "special_tokens"), name) : NULL;
    const json_t *ids = json_object_get(token, "ids");
    if (!str_equal(type_of(node), "TemplateProcessing") || json_array_size(single) != 2 || !text ||
        json_array_size(ids) != 1 || !json_is_integer(json_array_get(ids, 0)))
        return err_set(e, "%s: post_processor (%s) does not put one token behind the text", path,
                       type_of(node));
    json_int_t id = json_integer_value(json_array_get(ids, 0));
    if (id < 0 || id >= t->vocabulary.n || !str_equal(name, t->vocabulary.pieces[id].text))
        return err_set(e, "%s: post_processor's %s has an id that is not its own", path, name);
    t->special.eos = (int)id;
    return 0;
}

static int count_new(const json_t *added, size_t n_pieces, const char *path, struct err *e)
{
    int n_new = 0;
    size_t i;
    const json_t *token;
    json_array_foreach(added, i, token)
    {
        if (tokenizer_json_check_added(token, path, e) < 0)
            return -1;
        n_new += json_integer_value(json_object_get(token, "id")) >= (json_int_t)n_pieces;
    }
    return n_new;
}

static int read_pieces(struct tokenizer *t, const json_t *root, const json_t *model,
                       const char *path, struct err *e)
{
    struct unigram *u = t->state;
    const json_t *pieces = json_object_get(model, "vocab"), *entry;
    const json_t *added = json_object_get(root, "added_tokens");
    size_t n = json_array_size(pieces), i;
    if (n == 0 || n > INT32_MAX / 16)
        return err_set(e, "%s: model.vocab is no list of pieces", path);
    int n_new = count_new(added, n, path, e);
    if (n_new < 0)
        return -1;
    vocabulary_init(&t->vocabulary, (int)n + n_new);
    u->scores = xmalloc(n * sizeof *u->scores);
    u->n_scores = (int)n;
    json_array_foreach(pieces, i, entry)
    {
        const json_t *text = json_array_get(entry, 0), *score = json_array_get(entry, 1);
        if (!json_is_string(text) || json_string_length(text) == 0 || !json_is_number(score))
            return err_set(e, "%s: piece %zu is not [text, score]", path, i);
        int other = vocabulary_add(&t->vocabulary, (int)i, json_string_value(text),
                                   json_string_length(text));
        if (other >= 0)
            return err_set(e, "%s: pieces %d and %zu are the same", path, other, i);
        u->scores[i] = json_number_value(score);
    }
    return tokenizer_json_read_added(t, added, path, e);
}

static int read_model(struct tokenizer *t, const json_t *root, const char *path, struct err *e)
{
    static const char *const known[] = {"type", "vocab", "unk_id", "byte_fallback", NULL};
    json_t *model = json_object_get(root, "model"), *value;
    const char *key;
    bool bytes = false;
    json_object_foreach(model, key, value)
    {
        if (str_index(known, key) < 0 && !json_is_null(value))
            return not_understood(path, key, value, e);
    }
    if (tokenizer_json_flag(&bytes, model, "byte_fallback", path, e) < 0)
        return -1;
    if (bytes)
        return err_set(e, "%s: model wants byte_fallback, which is not understood", path);
    if (read_pieces(t, root, model, path, e) < 0)
        return -1;
    const struct unigram *u = t->state;
    const json_t *unk = json_object_get(model, "unk_id");
    if (!json_is_integer(unk) || json_integer_value(unk) < 0 ||
        json_integer_value(unk) >= u->n_scores)
        return err_set(e, "%s: unk_id is not one of the %d pieces", path, u->n_scores);
    t->special.unk = (int)json_integer_value(unk);
    t->special.pad = vocabulary_id(&t->vocabulary, "<pad>");
    if (t->special.pad < 0)
        return err_set(e, "%s: has no <pad> token", path);
    return 0;
}

int tokenizer_load_unigram(struct tokenizer *t, const json_t *root, const char *path, struct err *e)
{
    struct unigram *u = xmalloc(sizeof *u);
    *u = (struct unigram){0};
    t->kind = &unigram_kind;
    t->state = u;
    if (read_model(t, root, path, e) < 0 || read_normalizer(u, root, path, e) < 0 ||
        read_pre_tokenizer(u, root, path, e) < 0 || read_post_processor(t, root, path, e) < 0)
        return -1;
    const json_t *decoder = json_object_get(root, "decoder");
    if (!decoder || json_is_null(decoder))
        return err_set(e, "%s: has no decoder; expected one of type Metaspace", path);
    if (check_metaspace(decoder, "decoder", path, e) < 0)
        return -1;
    unigram_prepare(t);
    return 0;
}
