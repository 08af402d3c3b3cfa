/*
 * schema: the tables of a result database, as SQL.
 *
 * Not here: any access (store.h, query.h). A change of the tables appends a step
 * to schema_steps; a step that was released is never edited.
 */
#ifndef FT_RESULTS_SCHEMA_H
#define FT_RESULTS_SCHEMA_H

/* PRAGMA application_id of a result database: "ftbe". */
#define SCHEMA_APPLICATION_ID 0x66746265

/* PRAGMA user_version that this program reads and writes: the number of steps. */
enum { SCHEMA_VERSION = 3 };

/* schema_steps[v]: NULL-terminated statements that lead from version v to v + 1. */
extern const char *const *const schema_steps[SCHEMA_VERSION];

#endif
