#include "harness/base/environment.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(environment, facts_are_there_and_none_is_empty)
{
    struct arena a = {0};
    struct environment env;
    environment_read(&env, &a);
    cr_assert_geq(env.n_cores, 1);
    cr_assert_geq(env.memory_bytes, 1 << 20);
    cr_assert(strncmp(env.system, "Linux ", 6) == 0);
    cr_assert_not_null(strstr(env.flags, "-ffp-contract=off"));
    struct environment_fact facts[ENVIRONMENT_FACTS];
    environment_facts(facts, &env, &a);
    for (int i = 0; i < ENVIRONMENT_FACTS; i++) {
        cr_assert(facts[i].key && facts[i].value);
        for (int k = 0; k < i; k++)
            cr_assert_str_neq(facts[i].key, facts[k].key);
        if (strcmp(facts[i].key, "cpu_flags") != 0) /* an old machine may have none */
            cr_assert_str_not_empty(facts[i].value, "%s", facts[i].key);
    }
    arena_release(&a);
}

static void run(const char *command)
{
    cr_assert_eq(system(command), 0, "%s", command);
}

/* A made-up home with a .git as git lays it out. */
Test(environment, commit)
{
    static const char id[] = "0123456789abcdef0123456789abcdef01234567";
    char home[] = "/tmp/ftbench-env-XXXXXX", command[512];
    cr_assert_not_null(mkdtemp(home));
    setenv("FTBENCH_HOME", home, 1);
    snprintf(command, sizeof command, "cd %s && mkdir -p models/zoo datasets", home);
    run(command);
    static const struct {
        const char *make, *want;
    } cases[] = {
        {"true", "unknown"},
        {"mkdir -p .git/refs/heads && echo 'ref: refs/heads/main' > .git/HEAD", "unknown"},
        {"printf '# pack-refs\\n%s refs/heads/main2\\n%s refs/heads/main\\n' "
         "ffffffffffffffffffffffffffffffffffffffff $ID > .git/packed-refs",
         id},
        {"rm .git/packed-refs; echo $ID > .git/refs/heads/main", id},
        {"rm -r .git/refs; echo $ID > .git/HEAD", id},
        {"rm -r .git; mkdir -p wt common/refs/heads; echo \"gitdir: $PWD/wt\" > .git;"
         "echo ../common > wt/commondir; echo 'ref: refs/heads/x' > wt/HEAD;"
         "echo $ID > common/refs/heads/x",
         id},
    };
    setenv("ID", id, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(command, sizeof command, "cd %s && { %s; }", home, cases[i].make);
        run(command);
        struct arena a = {0};
        struct environment env;
        environment_read(&env, &a);
        cr_assert_str_eq(env.commit, cases[i].want, "case %zu: %s", i, env.commit);
        arena_release(&a);
    }
    snprintf(command, sizeof command, "rm -r %s", home);
    run(command);
}

Test(environment, usage_grows_with_use)
{
    struct process_usage before = process_usage();
    cr_assert_geq(before.peak_rss_bytes, 1 << 20);
    enum { BYTES = 64 << 20 };
    char *block = malloc(BYTES);
    int n_same = 0;
    for (int round = 0; round < 3; round++) {
        memset(block, round + 1, BYTES);
        for (int i = 1; i < BYTES; i++)
            n_same += block[i] == block[i - 1];
    }
    cr_assert_eq(n_same, 3 * (BYTES - 1));
    free(block);
    struct process_usage after = process_usage();
    cr_assert_geq(after.peak_rss_bytes - before.peak_rss_bytes, BYTES / 2);
    cr_assert_gt(after.cpu_seconds, before.cpu_seconds);
    cr_assert_lt(after.cpu_seconds, 600);
}
