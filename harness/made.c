#include "harness/made.h"

#include "harness/base/file.h"

#include <stdlib.h>
#include <string.h>

static const char note_name[] = "made.sha256";

static int add_file(struct hash *h, const char *path, struct err *e)
{
    char hex[HASH_HEX_SIZE] = "absent";
    if (file_exists(path) && hash_file(hex, path, e) != 0)
        return -1;
    hash_update(h, hex, strlen(hex) + 1);
    return 0;
}

static int add_folder(struct hash *h, const char *dir, struct err *e)
{
    struct str path = {0};
    char **names;
    int n = file_list(&names, dir, "", e), rc = n < 0 ? -1 : 0;
    for (int i = 0; i < n && rc == 0; i++) {
        hash_update(h, names[i], strlen(names[i]) + 1);
        rc = add_file(h, file_join(&path, dir, names[i]), e);
    }
    free(names);
    str_release(&path);
    return rc;
}

int made_from(struct hash *h, const char *const *paths, struct err *e)
{
    int rc = add_file(h, "/proc/self/exe", e);
    for (int i = 0; paths[i] && rc == 0; i++) {
        hash_update(h, paths[i], strlen(paths[i]) + 1);
        rc = file_is_dir(paths[i]) ? add_folder(h, paths[i], e) : add_file(h, paths[i], e);
    }
    return rc;
}

/* "HASH  NAME" of each file in dir/sub, as sha256sum writes it. */
static int list_made(struct str *text, const char *dir, const char *sub, struct err *e)
{
    struct str folder = {0}, path = {0};
    char hex[HASH_HEX_SIZE], **names;
    int n = file_list(&names, file_join(&folder, dir, sub), "", e), rc = n < 0 ? -1 : 0;
    for (int i = 0; i < n && rc == 0; i++) {
        if (strcmp(names[i], note_name) == 0)
            continue;
        rc = hash_file(hex, file_join(&path, str_text(&folder), names[i]), e);
        str_printf(text, "%s  %s%s\n", hex, sub, names[i]);
    }
    free(names);
    str_release(&folder);
    str_release(&path);
    return rc;
}

static int describe(struct str *text, const char *dir, const char from[HASH_HEX_SIZE],
                    struct err *e)
{
    str_printf(text, "%s  (what it was made from)\n", from);
    return list_made(text, dir, "", e) || list_made(text, dir, "figures/", e) ? -1 : 0;
}

bool made_is_current(const char *dir, const char from[HASH_HEX_SIZE])
{
    struct str path = {0}, noted = {0}, now = {0};
    struct err ignored = {0};
    bool same = file_exists(file_join(&path, dir, note_name)) &&
                file_read(&noted, str_text(&path), &ignored) == 0 &&
                describe(&now, dir, from, &ignored) == 0 &&
                strcmp(str_text(&noted), str_text(&now)) == 0;
    str_release(&path);
    str_release(&noted);
    str_release(&now);
    return same;
}

int made_note(const char *dir, const char from[HASH_HEX_SIZE], struct err *e)
{
    struct str path = {0}, text = {0};
    int rc = describe(&text, dir, from, e);
    if (rc == 0)
        rc = file_write(file_join(&path, dir, note_name), str_text(&text), text.len, e);
    str_release(&path);
    str_release(&text);
    return rc;
}
