/*
 * tokenizer: text to the ids a model was trained on.
 *
 * One face for every kind of tokenizer; which kind it is follows from the file.
 * Ids are those of Hugging Face tokenizers, added tokens in the text ("[MASK]")
 * included, or opening fails: a setting that is not understood is refused, never
 * ignored. An open tokenizer never changes, so threads may share it.
 * It knows nothing of batches' order, labels or padding.
 */
#ifndef FT_MODELS_TOKENIZE_TOKENIZER_H
#define FT_MODELS_TOKENIZE_TOKENIZER_H

#include "harness/base/err.h"
#include "harness/base/hash.h"
#include "harness/base/str.h"

struct tokenizer;

/* Ids of the tokens that stand for something other than text. */
struct tokenizer_special {
    int pad, unk, cls, sep, mask, eos; /* -1: the vocabulary has none */
};

/* Opens a Hugging Face folder (tokenizer.json, else spiece.model, else vocab.txt), or one
 * of these files. Beside vocab.txt, tokenizer_config.json may say do_lower_case (default
 * true), tokenize_chinese_chars (true), strip_accents (as do_lower_case). spiece.model is
 * read as transformers' T5Tokenizer does: a hundred <extra_id_N> behind its pieces. A
 * tokenizer.json is followed to the letter. One that T5Tokenizer wrote has the ids and the
 * hash of its spiece.model; T5's own have scores of 16 digits, which settles ties another way
 * (12 of 193,075 texts), and FLAN-T5's makes a piece of the spaces at a text's end.
 * NULL with the file, what is wrong in it and where. Free with tokenizer_free. */
struct tokenizer *tokenizer_open(const char *dir_or_file, struct err *e) MUST_CHECK;

/* Safe on NULL. */
void tokenizer_free(struct tokenizer *t);

/* Ids of text (UTF-8): [CLS] pieces [SEP], or pieces </s>, the pieces cut to what leaves
 * room for those. ids has room for max_length >= 2. Returns the number of ids;
 * -1 when text is not UTF-8, naming the byte. */
int tokenizer_encode(const struct tokenizer *t, const char *text, int max_length, int *ids,
                     struct err *e) MUST_CHECK;

/* The pieces of text alone, no special tokens around them, cut to room. Returns their number;
 * -1 when text is not UTF-8. */
int tokenizer_encode_pieces(const struct tokenizer *t, const char *text, int room, int *ids,
                            struct err *e) MUST_CHECK;

/* The text that ids stand for, special tokens left out, appended to s; as transformers'
 * decode(skip_special_tokens=True) has it, without its clean-up of spaces for spiece.model
 * and tokenizer.json of that kind. ids must be in range. */
void tokenizer_decode(struct str *s, const struct tokenizer *t, const int *ids, int n);

/* Many texts, packed end to end: those of text i are
 * ids[offsets[i]] ... ids[offsets[i + 1] - 1]. */
struct token_lists {
    int *ids;        /* owned, [offsets[n]] */
    int *offsets;    /* owned, [n + 1] */
    int n;           /* texts */
    int n_truncated; /* texts that lost pieces to max_length */
};

/* tokenizer_encode of each of texts[0..n). Fills out (release with
 * token_lists_release, also after an error); an error names the text's index. */
int tokenizer_encode_all(const struct tokenizer *t, const char *const *texts, int n, int max_length,
                         struct token_lists *out, struct err *e) MUST_CHECK;
void token_lists_release(struct token_lists *lists);

int tokenizer_n_vocab(const struct tokenizer *t);
const struct tokenizer_special *tokenizer_special(const struct tokenizer *t);

/* The piece as the vocabulary spells it ("##ing"), owned by t; id must be in range. */
const char *tokenizer_piece(const struct tokenizer *t, int id);

/* The id of a piece, or -1. */
int tokenizer_id(const struct tokenizer *t, const char *piece);

/* SHA-256 over kind, settings and pieces in id order: one vocabulary has one
 * hash, whichever kind of file it came from. */
const char *tokenizer_hash(const struct tokenizer *t);

#endif
