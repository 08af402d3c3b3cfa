/*
 * text_file: a text file line by line, plain or gzip, its text checked and hashed on the way.
 *
 * A line ends at a line feed, or where the file ends; a carriage return is text like any other.
 * Lines may be of any length. libarchive unpacks, which finds a cut file but does not compare
 * gzip's check sum: who must be sure of the text compares its hash.
 */
#ifndef FT_HARNESS_BASE_TEXT_FILE_H
#define FT_HARNESS_BASE_TEXT_FILE_H

#include "harness/base/hash.h"
#include "harness/base/str.h"

struct archive;

struct text_file {
    const char *path;        /* borrowed */
    long number;             /* of the line read last, from 1 */
    struct str text;         /* that line, without its line feed */
    struct archive *archive; /* owned, as hash */
    struct hash *hash;
    const char *block; /* what is unpacked and not yet read, [n_block] */
    size_t n_block;
    bool at_end; /* nothing is left to unpack */
};

/* Opens the file at path, which must outlive f. text_file_close also after an error. */
int text_file_open(struct text_file *f, const char *path, struct err *e) MUST_CHECK;

/* The next line to f->text: 1, or 0 at the end, or -1 naming file and line: damaged or cut, not
 * UTF-8, a NUL within the text, no text at all in the file. */
int text_file_next(struct text_file *f, struct err *e) MUST_CHECK;

/* SHA-256 of the whole text, unpacked. Once, after text_file_next gave 0. */
void text_file_hash(struct text_file *f, char hex[HASH_HEX_SIZE]);

/* Safe on a zeroed struct and twice. */
void text_file_close(struct text_file *f);

#endif
