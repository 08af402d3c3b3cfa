/* A mutated INDEX.tsv: the file is found intact, is not found, or there is a message. */
#include "assets/cache.h"
#include "tests/fuzz/mutate.h"

enum { ROUNDS = 3000 };

Test(fuzz_mirror, mutations_find_the_file_or_nothing)
{
    static const char content[] = "what the mirror holds\n";
    int n_found = 0, n_absent = 0, n_error = 0;
    struct str original = {0}, file = {0}, data = {0};
    char folder[64], path[80], hex[HASH_HEX_SIZE];
    fuzz_folder(folder);
    setenv("FTBENCH_MIRROR", folder, 1);
    hash_bytes(hex, content, strlen(content));
    str_add(&data, content);
    snprintf(path, sizeof path, "%s/held.txt", folder);
    fuzz_write(path, &data);
    str_printf(&original, "sha256\tbytes\tpath\tkind\torigin\n");
    for (int i = 0; i < 3; i++)
        str_printf(&original, "%064d\t7\tother/%d.txt\tfetched\thttp://x\n", i, i);
    str_printf(&original, "%s\t%zu\theld.txt\tfetched\thttp://y\n", hex, strlen(content));
    snprintf(path, sizeof path, "%s/INDEX.tsv", folder);
    const struct expected want = {.sha256 = hex, .bytes = (long)strlen(content), .from = "test"};
    for (int round = 0; round < ROUNDS; round++) {
        struct chance c = chance_of(round);
        struct err e = {0};
        struct str found = {0};
        fuzz_mutate(&file, &original, &c);
        fuzz_write(path, &file);
        int rc = mirror_find(&found, &want, &e);
        if (rc > 0) {
            char got[HASH_HEX_SIZE];
            cr_assert(hash_file(got, str_text(&found), &e) == 0 && strcmp(got, hex) == 0);
        }
        cr_assert(rc >= 0 || (e.kind != ERR_NONE && e.text[0]), "round %d", round);
        *(rc > 0 ? &n_found : rc == 0 ? &n_absent : &n_error) += 1;
        str_release(&found);
    }
    cr_expect(n_found > 0 && n_absent > 0 && n_error > 0, "%d found, %d absent, %d errors", n_found,
              n_absent, n_error);
    str_release(&original);
    str_release(&file);
    str_release(&data);
    fuzz_folder_gone(folder);
}
