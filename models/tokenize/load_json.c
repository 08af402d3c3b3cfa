#include "models/tokenize/load_json.h"

#include "harness/base/json.h"
#include "models/tokenize/wordpiece.h"

#include <stdlib.h>
#include <string.h>

int tokenizer_json_flag(bool *out, const json_t *object, const char *key, const char *path,
                        struct err *e)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_boolean(value))
        return err_set(e, "%s: %s is neither true nor false", path, key);
    *out = json_is_true(value);
    return 0;
}

/* A part of the pipeline that must be of one type. */
static const json_t *part(const json_t *root, const char *name, const char *type, const char *path,
                          struct err *e)
{
    const json_t *node = json_object_get(root, name);
    const char *found = json_string_value(json_object_get(node, "type"));
    if (!json_is_object(node)) {
        err_set(e, "%s: has no %s; expected one of type %s", path, name, type);
        return NULL;
    }
    /* Early files leave the model's type out. */
    bool early = !found && strcmp(name, "model") == 0 &&
                 json_object_get(node, "max_input_chars_per_word") != NULL;
    if (!early && !str_equal(found, type)) {
        err_set(e, "%s: %s is of type %s; only %s is understood", path, name,
                found ? found : "(none)", type);
        return NULL;
    }
    return node;
}

static int read_normalizer(struct normalizer *n, const json_t *root, const char *path,
                           struct err *e)
{
    const json_t *node = part(root, "normalizer", "BertNormalizer", path, e);
    if (!node)
        return -1;
    *n = (struct normalizer){.clean_text = true, .handle_chinese_chars = true, .lowercase = true};
    if (tokenizer_json_flag(&n->clean_text, node, "clean_text", path, e) < 0 ||
        tokenizer_json_flag(&n->handle_chinese_chars, node, "handle_chinese_chars", path, e) < 0 ||
        tokenizer_json_flag(&n->lowercase, node, "lowercase", path, e) < 0)
        return -1;
    n->strip_accents = n->lowercase;
    return tokenizer_json_flag(&n->strip_accents, node, "strip_accents", path, e);
}

static int read_model(struct wordpiece *w, const json_t *model, const char *path, struct err *e)
{
    const json_t *chars = json_object_get(model, "max_input_chars_per_word");
    const json_t *prefix = json_object_get(model, "continuing_subword_prefix");
    const char *unknown = json_string_value(json_object_get(model, "unk_token"));
    if (!json_is_integer(chars) || json_integer_value(chars) < 1)
        return err_set(e, "%s: max_input_chars_per_word is not a positive number", path);
    if (!json_is_string(prefix) || json_string_length(prefix) == 0 ||
        json_string_length(prefix) >= sizeof w->continuing)
        return err_set(e, "%s: continuing_subword_prefix is not a short string", path);
    if (!str_equal(unknown, "[UNK]"))
        return err_set(e, "%s: unk_token is %s; only [UNK] is understood", path,
                       unknown ? unknown : "absent");
    w->max_word_chars = (long)json_integer_value(chars);
    memcpy(w->continuing, json_string_value(prefix), json_string_length(prefix) + 1);
    return 0;
}

int tokenizer_json_add_piece(struct tokenizer *t, const char *text, const json_t *id,
                             const char *path, struct err *e)
{
    json_int_t n = json_is_integer(id) ? json_integer_value(id) : -1;
    if (n < 0 || n >= t->vocabulary.n)
        return err_set(e, "%s: piece \"%s\" has an id outside 0 to %d", path, text,
                       t->vocabulary.n - 1);
    if (!*text)
        return err_set(e, "%s: piece %d is empty", path, (int)n);
    if (t->vocabulary.pieces[n].text)
        return err_set(e, "%s: pieces \"%s\" and \"%s\" share id %d", path,
                       t->vocabulary.pieces[n].text, text, (int)n);
    int other = vocabulary_add(&t->vocabulary, (int)n, text, strlen(text));
    if (other >= 0)
        return err_set(e, "%s: piece \"%s\" has two ids, %d and %d", path, text, other, (int)n);
    return 0;
}

int tokenizer_json_check_added(const json_t *token, const char *path, struct err *e)
{
    static const char *const unsupported[] = {"lstrip", "rstrip", "single_word", "normalized"};
    const char *text = json_string_value(json_object_get(token, "content"));
    if (!text || !*text || !json_is_integer(json_object_get(token, "id")))
        return err_set(e, "%s: added_tokens has an entry without content or id", path);
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++) {
        bool on = false;
        if (tokenizer_json_flag(&on, token, unsupported[i], path, e) < 0)
            return -1;
        if (on)
            return err_set(e, "%s: added token \"%s\" wants %s, which is not understood", path,
                           text, unsupported[i]);
    }
    return 0;
}

/* Added tokens that the model's vocabulary lacks: their ids follow its ids. */
static int count_new(const json_t *added, const json_t *vocabulary, const char *path, struct err *e)
{
    int n_new = 0;
    size_t i;
    const json_t *token;
    json_array_foreach(added, i, token)
    {
        if (tokenizer_json_check_added(token, path, e) < 0)
            return -1;
        const char *text = json_string_value(json_object_get(token, "content"));
        n_new += json_object_get(vocabulary, text) == NULL;
    }
    return n_new;
}

static int compare_ids(const void *a, const void *b)
{
    const struct added_token *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

int tokenizer_json_read_added(struct tokenizer *t, const json_t *added, const char *path,
                              struct err *e)
{
    t->added = xmalloc((json_array_size(added) + 1) * sizeof *t->added);
    size_t i;
    const json_t *token;
    json_array_foreach(added, i, token)
    {
        const char *text = json_string_value(json_object_get(token, "content"));
        const json_t *id = json_object_get(token, "id");
        int known = vocabulary_id(&t->vocabulary, text);
        if (known < 0) {
            if (tokenizer_json_add_piece(t, text, id, path, e) < 0)
                return -1;
            known = (int)json_integer_value(id);
        }
        if (known != json_integer_value(id))
            return err_set(e, "%s: added token \"%s\" has two ids", path, text);
        bool special = true;
        if (tokenizer_json_flag(&special, token, "special", path, e) < 0)
            return -1;
        t->added[t->n_added++] = (struct added_token){.id = known, .plain = !special};
    }
    qsort(t->added, (size_t)t->n_added, sizeof *t->added, compare_ids);
    return 0;
}

static int read_pieces(struct tokenizer *t, const json_t *root, const json_t *model,
                       const char *path, struct err *e)
{
    json_t *pieces = json_object_get(model, "vocab");
    const json_t *added = json_object_get(root, "added_tokens");
    if (!json_is_object(pieces) || json_object_size(pieces) == 0)
        return err_set(e, "%s: model.vocab is missing or empty", path);
    int n_new = count_new(added, pieces, path, e);
    if (n_new < 0)
        return -1;
    if (json_object_size(pieces) > INT32_MAX / 8 - (size_t)n_new)
        return err_set(e, "%s: too many pieces", path);
    vocabulary_init(&t->vocabulary, (int)json_object_size(pieces) + n_new);
    const char *text;
    json_t *id;
    json_object_foreach(pieces, text, id)
    {
        if (tokenizer_json_add_piece(t, text, id, path, e) < 0)
            return -1;
    }
    /* As many distinct ids in range as pieces: none is left empty. */
    return tokenizer_json_read_added(t, added, path, e);
}

/* Only "[CLS] text [SEP]" is what the face writes around a text. */
static int check_post_processor(const json_t *root, const char *path, struct err *e)
{
    const json_t *node = json_object_get(root, "post_processor");
    const char *type = json_string_value(json_object_get(node, "type"));
    const char *first = NULL, *last = NULL;
    if (str_equal(type, "TemplateProcessing")) {
        const json_t *single = json_object_get(node, "single");
        const json_t *head = json_object_get(json_array_get(single, 0), "SpecialToken");
        const json_t *text = json_object_get(json_array_get(single, 1), "Sequence");
        const json_t *tail = json_object_get(json_array_get(single, 2), "SpecialToken");
        if (text && json_array_size(single) == 3) {
            first = json_string_value(json_object_get(head, "id"));
            last = json_string_value(json_object_get(tail, "id"));
        }
    } else if (str_equal(type, "BertProcessing")) {
        first = json_string_value(json_array_get(json_object_get(node, "cls"), 0));
        last = json_string_value(json_array_get(json_object_get(node, "sep"), 0));
    }
    if (!str_equal(first, "[CLS]") || !str_equal(last, "[SEP]"))
        return err_set(e, "%s: post_processor (%s) does not make [CLS] text [SEP]", path,
                       type ? type : "none");
    return 0;
}

static int load_wordpiece(struct tokenizer *t, const json_t *root, const char *path, struct err *e)
{
    struct wordpiece *w = xmalloc(sizeof *w);
    *w = (struct wordpiece){0};
    t->kind = &wordpiece_kind;
    t->state = w;
    const json_t *model = part(root, "model", "WordPiece", path, e);
    int status = -1;
    if (model && read_normalizer(&w->normalizer, root, path, e) == 0 &&
        part(root, "pre_tokenizer", "BertPreTokenizer", path, e) &&
        check_post_processor(root, path, e) == 0 && read_model(w, model, path, e) == 0 &&
        read_pieces(t, root, model, path, e) == 0)
        status = 0;
    return status;
}

int tokenizer_load_json(struct tokenizer *t, const char *path, struct err *e)
{
    json_t *root = json_read(path, e);
    if (!root)
        return -1;
    const json_t *model = json_object_get(root, "model");
    const char *type = json_string_value(json_object_get(model, "type"));
    bool early = !type && json_is_array(json_object_get(model, "vocab"));
    int status;
    if (type && !str_equal(type, "Unigram") && !str_equal(type, "WordPiece"))
        status = err_set(e, "%s: model is of type %s; only WordPiece and Unigram are understood",
                         path, type);
    else if (str_equal(type, "Unigram") || early)
        status = tokenizer_load_unigram(t, root, path, e);
    else
        status = load_wordpiece(t, root, path, e);
    json_decref(root);
    return status;
}
