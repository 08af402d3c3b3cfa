/*
 * spec: a YAML file that names the axes of a matrix and what is set along them.
 *
 *   matrix: {models: [...], methods: [NAME or {NAME: {option: value}}], datasets: [...],
 *            seeds: [...]}
 *   protocol: NAME            (or a list)
 *   set: {training option or METHOD.OPTION: value}
 *   overrides: [{when: {model, family, method, dataset, init, protocol, seed: word or list},
 *                set: {...}}]
 *   exclude: [{model, family, method, dataset, init, protocol, seed: word or list}]
 *   sweep: {training option: [value, ...]}   one more axis an option; wins over all else
 *   name, title, notes: text
 *
 * Everything is looked up and checked while reading; errors say file:line:column, the bad
 * word and the nearest good one. No data and no weights are needed.
 */
#ifndef FT_HARNESS_SPEC_H
#define FT_HARNESS_SPEC_H

#include "datasets/dataset.h"
#include "harness/protocol.h"
#include "harness/rule.h"
#include "models/zoo.h"

/* An entry of the methods' axis. */
struct spec_method {
    const struct method *method;
    struct options options;
    const char *label; /* see method_label */
};

/* A training option with the values it takes in turn. */
struct spec_sweep {
    const struct yaml *key, *values; /* values: a list of scalars, none twice */
};

struct spec {
    const char *path;
    char hash[HASH_HEX_SIZE];  /* of the file's bytes */
    const char *name;          /* default: the file's name without folder and ending */
    const char *title, *notes; /* "" when not given */

    struct zoo_entry *models;
    int n_models;
    struct spec_method *methods;
    int n_methods;
    const struct dataset_info **datasets;
    int n_datasets;
    struct protocol *protocols;
    int n_protocols;
    uint64_t *seeds;
    int n_seeds;

    const struct yaml *set; /* or NULL */
    bool *set_used;         /* [set->n] */
    struct rule *overrides;
    int n_overrides;
    struct rule *excludes;
    int n_excludes;
    struct spec_sweep *sweeps;
    int n_sweeps;
    int n_sweep_points; /* product of their values; 1 when nothing is swept */
};

/* Reads and checks the file; everything owned by a. */
int spec_read(struct spec *s, const char *path, struct arena *a, struct err *e) MUST_CHECK;

/* The method's name and every option that differs from its default: "lora r=64". */
const char *method_label(const struct method *m, const struct options *o, struct arena *a);

/* ERR_USAGE: there is no such method; the nearest one is named. Returns -1. */
int method_unknown(const char *name, struct err *e);

#endif
