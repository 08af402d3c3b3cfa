/*
 * spiece: the field numbers of sentencepiece_model.proto, for who reads and who writes it.
 * Private to models/tokenize.
 */
#ifndef FT_MODELS_TOKENIZE_SPIECE_H
#define FT_MODELS_TOKENIZE_SPIECE_H

/* T5Tokenizer adds so many ids behind the pieces of the file. */
enum { N_EXTRA_IDS = 100 };

enum { MODEL_PIECES = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3, MODEL_DENORMALIZER = 5 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TRAINER_TYPE = 3, TRAINER_SIZE = 4, TRAINER_SUFFIX = 24, TRAINER_BYTES = 35 };
enum { TRAINER_UNK = 40, TRAINER_BOS = 41, TRAINER_EOS = 42, TRAINER_PAD = 43 };
enum {
    NORMALIZER_NAME = 1,
    NORMALIZER_MAP = 2,
    NORMALIZER_PREFIX = 3,
    NORMALIZER_EXTRA = 4,
    NORMALIZER_ESCAPE = 5
};

enum { TRAINER_UNIGRAM = 1 }; /* of TRAINER_TYPE */

enum piece_type {
    TYPE_NORMAL = 1,
    TYPE_UNKNOWN = 2,
    TYPE_CONTROL = 3,
    TYPE_USER_DEFINED = 4,
    TYPE_UNUSED = 5,
    TYPE_BYTE = 6
};

#endif
