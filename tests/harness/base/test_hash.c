#include "harness/base/hash.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FIPS 180-4 example values. */
static const char of_abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char of_empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Test(hash, known_answers)
{
    char hex[HASH_HEX_SIZE];
    hash_bytes(hex, "abc", 3);
    cr_assert_str_eq(hex, of_abc);
    hash_bytes(hex, "", 0);
    cr_assert_str_eq(hex, of_empty);
    struct hash *h = hash_new();
    for (int i = 0; i < 1000000; i++)
        hash_update(h, "a", 1);
    hash_final(h, hex);
    hash_free(h);
    cr_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    hash_free(NULL);
}

Test(hash, files)
{
    char path[] = "/tmp/ftbench-hash-XXXXXX", hex[HASH_HEX_SIZE];
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    struct err e = {0};
    cr_assert_eq(hash_file(hex, path, &e), 0);
    cr_assert_str_eq(hex, of_empty);
    cr_assert_eq(write(fd, "abc", 3), 3);
    close(fd);
    cr_assert_eq(hash_file(hex, path, &e), 0);
    cr_assert_str_eq(hex, of_abc);
    unlink(path);
    cr_assert_eq(hash_file(hex, path, &e), -1);
    cr_assert_not_null(strstr(e.text, "No such file"));
    cr_assert_eq(hash_file(hex, "/tmp", &e), -1);
    cr_assert_not_null(strstr(e.text, "Is a directory"));
}

Test(hash, hexadecimal)
{
    char text[HASH_HEX_SIZE + 1];
    memcpy(text, of_abc, sizeof of_abc);
    cr_assert(hash_is_hex(text));
    text[3] = 'A';
    cr_assert(!hash_is_hex(text));
    cr_assert(!hash_is_hex("ba78"));
    snprintf(text, sizeof text, "%s0", of_abc);
    cr_assert(!hash_is_hex(text));
}
