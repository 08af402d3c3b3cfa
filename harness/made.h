/*
 * made: whether a folder still holds what was made in it, so that it need not be made again.
 *
 * FOLDER/made.sha256 has the hash of all that the files were made from, then each file's own.
 * What is compared is content: no time of a file says anything here.
 */
#ifndef FT_HARNESS_MADE_H
#define FT_HARNESS_MADE_H

#include "harness/base/err.h"
#include "harness/base/hash.h"

#include <stdbool.h>

/* Takes in the program itself and a NULL-ended list of files and folders (of those the regular
 * files, not what lies deeper); what is not there counts as such. */
int made_from(struct hash *h, const char *const *paths, struct err *e) MUST_CHECK;

/* Whether the files of dir and of its folder figures are those noted, made from this. */
bool made_is_current(const char *dir, const char from[HASH_HEX_SIZE]);

/* Notes that they were. */
int made_note(const char *dir, const char from[HASH_HEX_SIZE], struct err *e) MUST_CHECK;

#endif
