/*
 * analyser.h: what clang's analyser cannot see across files, said to it alone.
 *
 * That these always return -1; without it, every caller of a function that fails
 * through one of them looks as if it went on with values never set. LINT_ERR and
 * LINT_YAML mark the files that define them.
 */
#ifndef FT_TESTS_LINT_ANALYSER_H
#define FT_TESTS_LINT_ANALYSER_H

#ifndef LINT_ERR
#include "harness/base/err.h"
#define err_set(...)   ((void)err_set(__VA_ARGS__), -1)
#define err_usage(...) ((void)err_usage(__VA_ARGS__), -1)
#define err_errno(...) ((void)err_errno(__VA_ARGS__), -1)
#define err_wrap(...)  ((void)err_wrap(__VA_ARGS__), -1)
#ifndef LINT_YAML
#include "harness/base/yaml.h"
#define yaml_error(...) ((void)yaml_error(__VA_ARGS__), -1)
#endif
#endif

#endif
