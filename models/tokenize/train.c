#include "models/tokenize/train.h"

#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/text_file.h"
#include "models/tokenize/normalize.h"
#include "models/tokenize/train_kinds.h"
#include "models/tokenize/unicode.h"
#include "models/tokenize/unigram.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Longer words are unknown to a WordPiece tokenizer (max_input_chars_per_word). */
enum { WORD_CHARS = 100, NOTE_LINES = 10000, MARK = 0x2581 };

void train_note(const struct tokenizer_recipe *r, const char *fmt, ...)
{
    char text[200];
    va_list args;
    if (!r->note)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    r->note(r->note_to, text);
}

/* As wordpiece.c divides. */
static void add_line_wordpiece(struct words *words, struct code_points *chars, struct str *word,
                               const struct normalizer *how, const struct str *line)
{
    normalize(chars, how, str_text(line), line->len);
    for (size_t start = 0, end; (end = normalize_word(chars, &start)) > start; start = end) {
        if (end - start > WORD_CHARS)
            continue;
        char bytes[4];
        str_clear(word);
        for (size_t i = start; i < end; i++)
            str_add_bytes(word, bytes, (size_t)unicode_encode(bytes, chars->at[i]));
        words_add(words, str_text(word), word->len, 1);
    }
}

/* As unigram.c divides a text without a character map: at white space, and before a U+2581 in the
 * text, which is to the tokenizer what a space is. */
static void add_line_unigram(struct words *words, struct str *word, const struct str *line)
{
    const char *text = str_text(line);
    str_clear(word);
    for (size_t i = 0; i <= line->len;) {
        int length = 1;
        int32_t c = i < line->len ? unicode_decode(text + i, &length) : ' ';
        if (c != MARK && !unicode_is_space(c)) {
            if (word->len == 0)
                str_add(word, UNIGRAM_SPACE);
            str_add_bytes(word, text + i, (size_t)length);
        } else if (word->len > 0) {
            words_add(words, str_text(word), word->len, 1);
            str_clear(word);
        }
        i += (size_t)length;
    }
}

static int count_words(struct words *words, const struct tokenizer_recipe *r, const char *path,
                       struct err *e)
{
    const struct normalizer how = {.clean_text = true,
                                   .handle_chinese_chars = true,
                                   .strip_accents = r->lower_case,
                                   .lowercase = r->lower_case};
    struct text_file file;
    struct code_points chars = {0};
    struct str word = {0};
    int more = text_file_open(&file, path, e) < 0 ? -1 : 1;
    while (more > 0 && (more = text_file_next(&file, e)) > 0) {
        if (r->kind == TRAIN_WORDPIECE)
            add_line_wordpiece(words, &chars, &word, &how, &file.text);
        else
            add_line_unigram(words, &word, &file.text);
        if (file.number % NOTE_LINES == 0)
            train_note(r, "%ld lines read, %zu distinct words", file.number, words->n);
    }
    text_file_close(&file);
    code_points_release(&chars);
    str_release(&word);
    if (more == 0 && words->n == 0)
        more = err_set(e, "%s: the file holds no words", path);
    words_sort(words);
    return more;
}

static int choose_characters(bool *kept, const struct words *words, double coverage)
{
    int64_t *counts = xmalloc(N_CODE_POINTS * sizeof *counts);
    for (int32_t c = 0; c < N_CODE_POINTS; c++)
        counts[c] = 0;
    for (size_t i = 0; i < words->n; i++) {
        const struct word_count *w = &words->at[i];
        int length;
        for (size_t at = 0; at < w->n_bytes; at += (size_t)length)
            counts[unicode_decode(w->text + at, &length)] += w->count;
    }
    counts[MARK] = 0; /* of unigram: never in doubt */
    int n = characters_choose(kept, counts, coverage);
    free(counts);
    return n;
}

/* What transformers reads beside the vocabulary. */
static int write_config(const struct tokenizer_recipe *r, const char *dir, struct err *e)
{
    struct str path = {0};
    json_t *root = json_object();
    if (r->kind == TRAIN_WORDPIECE) {
        json_object_set_new(root, "tokenizer_class", json_string("BertTokenizer"));
        json_object_set_new(root, "do_lower_case", json_boolean(r->lower_case));
    } else {
        json_object_set_new(root, "tokenizer_class", json_string("T5Tokenizer"));
        json_object_set_new(root, "extra_ids", json_integer(100));
    }
    int status = json_write(file_join(&path, dir, "tokenizer_config.json"), root, e);
    json_decref(root);
    str_release(&path);
    return status;
}

static int write_all(const struct tokenizer_recipe *r, const char *dir, const struct str *text,
                     struct err *e)
{
    const char *name = r->kind == TRAIN_WORDPIECE ? "vocab.txt" : "spiece.model";
    struct str path = {0};
    int status = file_write(file_join(&path, dir, name), str_text(text), text->len, e);
    str_release(&path);
    return status < 0 ? -1 : write_config(r, dir, e);
}

int tokenizer_train(const struct tokenizer_recipe *r, const char *text_path, const char *dir,
                    struct err *e)
{
    assert(r->min_frequency > 0 && r->character_coverage > 0 && r->character_coverage <= 1);
    struct words words = {0};
    struct str out = {0};
    bool *kept = xmalloc(N_CODE_POINTS * sizeof *kept);
    int status = count_words(&words, r, text_path, e);
    if (status == 0) {
        int n_kept = choose_characters(kept, &words, r->character_coverage);
        train_note(r, "%zu distinct words, %d characters", words.n, n_kept);
        status = r->kind == TRAIN_WORDPIECE ? train_wordpiece(&out, r, &words, kept, e)
                                            : train_unigram(&out, r, &words, kept, e);
    }
    if (status == 0)
        status = write_all(r, dir, &out, e);
    free(kept);
    str_release(&out);
    words_release(&words);
    return status;
}
