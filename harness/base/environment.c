#include "harness/base/environment.h"

#include "harness/base/file.h"
#include "harness/base/paths.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

/* As /proc/cpuinfo spells them: what decides which kernels run. */
static const char *const flags_of_interest[] = {
    "amx_bf16",    "amx_int8", "amx_tile", "avx",  "avx2", "avx512_bf16", "avx512_fp16",
    "avx512_vnni", "avx512bw", "avx512f",  "f16c", "fma",  "sse4_2",      NULL};

static const char unknown[] = "unknown";

/* Text after "key<blanks>sep<blanks>" in the line that starts with key, without
 * quotes around it; NULL when no line does. */
static const char *field(struct arena *a, const char *text, const char *key, char sep)
{
    size_t n_key = strlen(key);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n_key) != 0)
            continue;
        const char *at = line + n_key + strspn(line + n_key, " \t");
        if (*at != sep)
            continue;
        at++;
        at += strspn(at, " \t\"");
        size_t n = strcspn(at, "\"\n");
        return arena_strndup(a, at, n);
    }
    return NULL;
}

/* The file's text, "" when it cannot be read. */
static const char *slurp(struct arena *a, const char *path)
{
    struct str text = {0};
    struct err e = {0};
    int rc = file_read(&text, path, &e);
    char *copy = arena_strdup(a, rc == 0 ? str_text(&text) : "");
    str_release(&text);
    return copy;
}

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += n)
        if ((at == text || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

long environment_cores(void)
{
    cpu_set_t usable;
    return sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable)
                                                             : sysconf(_SC_NPROCESSORS_ONLN);
}

static void read_cpu(struct environment *env, struct arena *a)
{
    const char *info = slurp(a, "/proc/cpuinfo");
    const char *model = field(a, info, "model name", ':');
    const char *flags = field(a, info, "flags", ':');
    env->cpu_model = model ? model : unknown;
    struct str kept = {0};
    for (int i = 0; flags && flags_of_interest[i]; i++)
        if (has_word(flags, flags_of_interest[i]))
            str_printf(&kept, "%s%s", kept.len ? " " : "", flags_of_interest[i]);
    env->cpu_flags = arena_strdup(a, flags ? str_text(&kept) : unknown);
    str_release(&kept);
    env->n_cores = environment_cores();
}

static void read_system(struct environment *env, struct arena *a)
{
    env->memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    struct utsname names;
    env->system = uname(&names) == 0
                      ? arena_printf(a, "%s %s %s", names.sysname, names.release, names.machine)
                      : unknown;
    const char *os = field(a, slurp(a, "/etc/os-release"), "PRETTY_NAME", '=');
    env->os = os ? os : unknown;
}

/* text up to its first line end when that is a commit id, else NULL. */
static const char *commit_id(struct arena *a, const char *text)
{
    size_t n = strspn(text, "0123456789abcdef");
    return n >= 40 && (text[n] == '\n' || text[n] == '\0') ? arena_strndup(a, text, n) : NULL;
}

/* The id that name ("refs/heads/main") stands for in git's packed-refs, or NULL. */
static const char *packed_commit(struct arena *a, const char *packed, const char *name)
{
    for (const char *line = packed; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t n_id = strspn(line, "0123456789abcdef"), n_name = strlen(name);
        if (n_id >= 40 && line[n_id] == ' ' && strncmp(line + n_id + 1, name, n_name) == 0 &&
            (line[n_id + 1 + n_name] == '\n' || line[n_id + 1 + n_name] == '\0'))
            return arena_strndup(a, line, n_id);
    }
    return NULL;
}

/* Reads .git as git lays it out; running git itself would be one more thing
 * that has to be installed. */
static const char *read_commit(struct arena *a)
{
    struct str home = {0};
    struct err e = {0};
    if (paths_home(&home, &e) != 0) {
        str_release(&home);
        return unknown;
    }
    const char *git = arena_printf(a, "%s/.git", str_text(&home));
    str_release(&home);
    const char *linked = field(a, slurp(a, git), "gitdir", ':'); /* a work tree's .git is a file */
    if (linked)
        git = linked;
    const char *common = slurp(a, arena_printf(a, "%s/commondir", git));
    const char *head = slurp(a, arena_printf(a, "%s/HEAD", git));
    const char *name = field(a, head, "ref", ':');
    const char *id = commit_id(a, head);
    if (!name)
        return id ? id : unknown;
    if (*common)
        git = arena_printf(a, "%s/%.*s", git, (int)strcspn(common, "\n"), common);
    id = commit_id(a, slurp(a, arena_printf(a, "%s/%s", git, name)));
    if (!id)
        id = packed_commit(a, slurp(a, arena_printf(a, "%s/packed-refs", git)), name);
    return id ? id : unknown;
}

/* The number that text begins with; -1 when it is none ("max"). */
static int64_t leading_number(const char *text)
{
    char *end;
    long long n = text ? strtoll(text, &end, 10) : 0;
    return text && end != text ? n : -1;
}

/* What the group at folder still grants, pages of files that can be dropped not counted; -1
 * without a limit. */
static int64_t group_free_bytes(const char *folder, struct arena *a)
{
    int64_t limit = leading_number(slurp(a, arena_printf(a, "%s/memory.max", folder)));
    int64_t used = leading_number(slurp(a, arena_printf(a, "%s/memory.current", folder)));
    const char *stat = slurp(a, arena_printf(a, "%s/memory.stat", folder));
    const char *line = strstr(stat, "\nfile ");
    int64_t files = leading_number(line ? line + strlen("\nfile ") : NULL);
    if (limit < 0 || used < 0)
        return -1;
    used -= files > 0 && files < used ? files : 0;
    return used < limit ? limit - used : 0;
}

int64_t environment_free_bytes(void)
{
    struct arena a = {0};
    int64_t n = leading_number(field(&a, slurp(&a, "/proc/meminfo"), "MemAvailable", ':')) * 1024;
    const char *group = strstr(slurp(&a, "/proc/self/cgroup"), "0::/");
    if (n < 0)
        n = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    char *path = arena_printf(&a, "/sys/fs/cgroup/%.*s", group ? (int)strcspn(group + 4, "\n") : 0,
                              group ? group + 4 : "");
    for (size_t root = strlen("/sys/fs/cgroup"); strlen(path) >= root;) {
        int64_t granted = group_free_bytes(path, &a);
        if (granted >= 0 && granted < n)
            n = granted;
        *strrchr(path, '/') = '\0'; /* the group above */
    }
    arena_release(&a);
    return n;
}

void environment_read(struct environment *env, struct arena *a)
{
    *env = (struct environment){.build = FT_BUILD, .compiler = __VERSION__, .flags = FT_FLAGS};
    read_cpu(env, a);
    read_system(env, a);
    env->commit = read_commit(a);
}

void environment_facts(struct environment_fact out[ENVIRONMENT_FACTS],
                       const struct environment *env, struct arena *a)
{
    const struct environment_fact facts[] = {
        {"cpu_model", env->cpu_model},
        {"cpu_flags", env->cpu_flags},
        {"n_cores", arena_printf(a, "%ld", env->n_cores)},
        {"memory_bytes", arena_printf(a, "%lld", (long long)env->memory_bytes)},
        {"system", env->system},
        {"os", env->os},
        {"build", env->build},
        {"compiler", env->compiler},
        {"flags", env->flags},
        {"commit", env->commit},
    };
    static_assert(sizeof facts / sizeof *facts == ENVIRONMENT_FACTS, "one fact a member");
    memcpy(out, facts, sizeof facts);
}

struct process_usage process_usage(void)
{
    struct rusage use;
    int rc = getrusage(RUSAGE_SELF, &use);
    assert(rc == 0);
    return (struct process_usage){
        .peak_rss_bytes = (int64_t)use.ru_maxrss * 1024, /* Linux counts in KiB */
        .cpu_seconds = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                       1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec)};
}
