/*
 * command: the command line, from argv to a function.
 *
 * One table of flags (name, value, help) is shared by all commands and one table of
 * commands says which flags each takes; parsing, `--help` and the messages for typing errors
 * all come from these two. Commands print to out and return an exit status; what goes wrong
 * is returned in a struct err (its kind gives the status), never printed here.
 *
 * Exit status: 0 done; 1 the thing asked about is bad (a cell that failed); 2 usage or spec
 * error; 3 the world (network, disk, missing file).
 */
#ifndef FT_HARNESS_COMMAND_H
#define FT_HARNESS_COMMAND_H

#include "assets/asset.h"
#include "harness/base/arena.h"
#include "harness/base/str.h"
#include "harness/plan.h"

#include <stdbool.h>
#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_BAD = 1, EXIT_USAGE = 2, EXIT_WORLD = 3 };

/* What was typed, parsed. Flags a command does not take keep their defaults. */
struct command_line {
    const struct command *command;
    const char *const *args; /* [n_args] what is not a flag */
    int n_args;
    const char *db;     /* results/ftbench.db, relative to the working folder */
    const char *spec;   /* NULL when not given */
    const char *out;    /* NULL when not given */
    const char *corpus; /* likewise */
    const char *format; /* "table", "csv" or "json"; --json sets it */
    long jobs;          /* processes at a time; number of cores by default */
    long threads;       /* of a cell; 0: chosen when it starts */
    long memory_mib;    /* that running cells may need together; 0: what there is */
    long limit;         /* cells; 0: all */
    long timeout;       /* seconds a cell may take; 0: no limit */
    struct only *only;  /* [n_only] */
    int n_only;
    long snapshot_seconds; /* between snapshots of a running cell */
    const char *kind;      /* of a vocabulary; NULL when not given, as coverage */
    const char *coverage;
    long vocab_size;
    bool offline, json, dry_run, retry_failed, keep_adapters, memorise, published, profile, cased,
        help;
    struct arena *arena; /* borrowed; lives until the command has returned */
};

/* A command: returns an exit status, or -1 with e filled. */
typedef int command_function(const struct command_line *cl, FILE *out, struct err *e);

struct command {
    const char *name;
    const char *args;    /* "SPEC", "[NAME...]", "": for help */
    const char *summary; /* one line */
    const char *detail;  /* paragraph for --help, or NULL */
    unsigned flags;      /* of enum flag_bit (command.c) */
    int min_args, max_args;
    command_function *run;
};

extern const struct command commands[]; /* commands.c; ends with a NULL name */

enum flag_bit {
    FLAG_HELP = 1 << 0,
    FLAG_DB = 1 << 1,
    FLAG_SPEC = 1 << 2,
    FLAG_OUT = 1 << 3,
    FLAG_FORMAT = 1 << 4,
    FLAG_JSON = 1 << 5,
    FLAG_JOBS = 1 << 6,
    FLAG_LIMIT = 1 << 7,
    FLAG_TIMEOUT = 1 << 8,
    FLAG_ONLY = 1 << 9,
    FLAG_OFFLINE = 1 << 10,
    FLAG_DRY_RUN = 1 << 11,
    FLAG_RETRY_FAILED = 1 << 12,
    FLAG_KEEP_ADAPTERS = 1 << 13,
    FLAG_SNAPSHOT_SECONDS = 1 << 14,
    FLAG_MEMORISE = 1 << 15,
    FLAG_PUBLISHED = 1 << 16,
    FLAG_PROFILE = 1 << 17,
    FLAG_THREADS = 1 << 18,
    FLAG_MEMORY = 1 << 19,
    FLAG_CORPUS = 1 << 20,
    FLAG_KIND = 1 << 24,
    FLAG_VOCAB_SIZE = 1 << 25,
    FLAG_CASED = 1 << 26,
    FLAG_COVERAGE = 1 << 27,
};

/* Parses argv (argv[0] is the program) into cl, all in arena a. ERR_USAGE names the unknown
 * command or flag and the nearest good one. */
int command_parse(struct command_line *cl, int argc, char *const *argv, struct arena *a,
                  struct err *e) MUST_CHECK;

/* Runs what cl says, its --help included. Returns an exit status; when that is 2 or 3 because
 * of an error, e says why. */
int command_run(const struct command_line *cl, FILE *out, struct err *e);

/* The list of commands, and the help page of one. */
void command_list(struct str *s);
void command_help(struct str *s, const struct command *c);

/* Flags for assets as typed: offline. */
struct asset_flags command_asset_flags(const struct command_line *cl);

/* The commands. */
command_function cmd_plan, cmd_run, cmd_status, cmd_explain, cmd_report, cmd_audit, cmd_fetch,
    cmd_models, cmd_methods, cmd_datasets, cmd_protocols, cmd_doctor, cmd_predict, cmd_help,
    cmd_version;
command_function cmd_claims;
command_function cmd_pretrain;
command_function cmd_tokenizer;
command_function cmd_memorise;   /* audit --memorise */
command_function cmd_audit_spec; /* audit SPEC.yaml */

#endif
