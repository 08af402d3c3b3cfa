/*
 * digest: the ids of many texts as one SHA-256, to compare tokenizers on corpora
 * too large to store.
 *
 *     digest TOKENIZER MAX_LENGTH [ids] < texts
 *
 * Texts end in NUL. The canonical text of a corpus is a line of ids a text, with a
 * space between. Prints count, tokens and digest; with a third word the lines.
 */
#include "harness/base/arena.h"
#include "harness/base/clock.h"
#include "harness/base/str.h"
#include "models/tokenize/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>

static void add_ids(struct str *line, const int *ids, int n)
{
    str_clear(line);
    for (int i = 0; i < n; i++)
        str_printf(line, i ? " %d" : "%d", ids[i]);
    str_add_char(line, '\n');
}

static int run(const struct tokenizer *t, int max_length, int print, struct err *e)
{
    int *ids = xmalloc((size_t)max_length * sizeof *ids);
    struct hash *digest = hash_new();
    struct str line = {0};
    char *text = NULL;
    size_t room = 0;
    long n_texts = 0, n_ids = 0;
    int64_t encode_ns = 0;
    while (getdelim(&text, &room, '\0', stdin) > 0) {
        int64_t start_ns = clock_ns();
        int n = tokenizer_encode(t, text, max_length, ids, e);
        encode_ns += clock_ns() - start_ns;
        if (n < 0)
            return err_wrap(e, "text %ld", n_texts);
        add_ids(&line, ids, n);
        hash_update(digest, line.buf, line.len);
        if (print)
            fputs(line.buf, stdout);
        n_texts++;
        n_ids += n;
    }
    char hex[HASH_HEX_SIZE];
    hash_final(digest, hex);
    if (!print)
        printf("%ld\t%ld\t%s\n", n_texts, n_ids, hex);
    fprintf(stderr, "%.2f million tokens/s\n", 1e3 * (double)n_ids / (double)(encode_ns + 1));
    hash_free(digest);
    str_release(&line);
    free(text);
    free(ids);
    return 0;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    long max_length;
    if (argc < 3 || str_to_long(&max_length, argv[2]) < 0 || max_length < 2) {
        fprintf(stderr, "usage: digest TOKENIZER MAX_LENGTH [ids] < texts ending in NUL\n");
        return 2;
    }
    struct tokenizer *t = tokenizer_open(argv[1], &e);
    int status = t ? run(t, (int)max_length, argc > 3, &e) : -1;
    if (status < 0)
        fprintf(stderr, "digest: %s\n", e.text);
    tokenizer_free(t);
    return status < 0 ? 3 : 0;
}
