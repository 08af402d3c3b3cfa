/* Mutated snapshots, half of them with a checksum made to fit: taken up or refused. */
#include "harness/base/hash.h"
#include "harness/snapshot.h"
#include "tests/fuzz/mutate.h"
#include "tests/harness/rig.h"

enum { ROUNDS = 3000, HEADER_BYTES = 400 };

static const struct cell a_cell = {.id = "0123456789abcdef"};

static bool at_four(void *context)
{
    return ((struct trainer *)context)->state.step == 4;
}

/* Bits of the header change, where sizes stand, or the file as a whole does. */
static void change(struct str *out, const struct str *from, struct chance *c, bool sign)
{
    if (below(c, 2)) {
        fuzz_mutate(out, from, c);
    } else {
        str_release(out);
        *out = (struct str){0};
        str_add_bytes(out, from->buf, from->len);
        for (uint32_t n = 1 + below(c, 4); n > 0; n--)
            out->buf[below(c, HEADER_BYTES)] ^= (char)(1 << below(c, 8));
    }
    if (sign && out->len > HASH_HEX_SIZE) {
        char hex[HASH_HEX_SIZE];
        hash_bytes(hex, out->buf, out->len - sizeof hex);
        memcpy(out->buf + out->len - sizeof hex, hex, sizeof hex);
    }
}

Test(fuzz_snapshot, mutations_are_taken_up_or_refused)
{
    struct fuzz_count count = {0};
    struct trainer from, to;
    struct err e = {0};
    struct str original = {0}, file = {0};
    char folder[64], path[80];
    trainer_open(&from, &rig_small);
    trainer_open(&to, &rig_small);
    const struct train_state fresh = to.state;
    fuzz_folder(folder);
    snprintf(path, sizeof path, "%s/s", folder);
    from.hooks = (struct train_hooks){.context = &from, .stop = at_four};
    cr_assert(train_run(&from.t, &from.state, &e) == TRAIN_STOPPED, "%s", e.text);
    cr_assert(snapshot_write(path, &a_cell, &from.state, &from.rig.model.params, &e) == 0);
    fuzz_read(&original, path);
    for (int round = 0; round < ROUNDS; round++) {
        struct chance c = chance_of(round);
        bool sign = round % 2 == 0;
        change(&file, &original, &c, sign);
        fuzz_write(path, &file);
        to.state = fresh;
        err_clear(&e);
        int rc = snapshot_read(path, &a_cell, &to.steps, &to.state, &to.rig.model.params, &e);
        bool same = file.len == original.len && memcmp(file.buf, original.buf, file.len) == 0;
        cr_assert(rc == (same ? 1 : -1) || (sign && rc == 1), "round %d: %d", round, rc);
        fuzz_count(&count, rc < 0 ? -1 : 0, &e, round);
        cr_assert(to.state.step >= 0 && to.state.step <= to.steps.n_steps, "round %d", round);
        cr_assert(to.state.n_epochs >= 0 && to.state.n_epochs <= to.steps.n_epochs);
    }
    fuzz_both(&count);
    str_release(&original);
    str_release(&file);
    fuzz_folder_gone(folder);
    trainer_close(&from);
    trainer_close(&to);
}
