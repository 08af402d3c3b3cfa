#include "results/schema.h"

#include <stddef.h>

/* The big tables point at cell.id, a small integer, so that an example row
 * does not repeat 64 digits; people and programs use cell.cell_id. */
static const char *const version_1[] = {
    "CREATE TABLE environment ("
    " environment_id TEXT NOT NULL," /* sha256 of the sorted key=value lines */
    " key TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " PRIMARY KEY (environment_id, key)) WITHOUT ROWID",

    "CREATE TABLE dataset ("
    " name TEXT NOT NULL,"
    " data_hash TEXT NOT NULL,"
    " stand_in TEXT," /* NULL, or what stands in for the real data */
    " n_examples INTEGER NOT NULL,"
    " classes TEXT NOT NULL," /* one name a line, in label order */
    " audit TEXT NOT NULL,"   /* one JSON object, or empty */
    " PRIMARY KEY (name, data_hash)) WITHOUT ROWID",

    "CREATE TABLE cell ("
    " id INTEGER PRIMARY KEY,"
    " cell_id TEXT NOT NULL UNIQUE," /* hash of canonical */
    " canonical TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " method TEXT NOT NULL,"
    " method_options TEXT NOT NULL," /* name=value, one a line */
    " dataset TEXT NOT NULL,"
    " data_hash TEXT NOT NULL,"
    " protocol TEXT NOT NULL,"
    " protocol_options TEXT NOT NULL," /* name=value, one a line */
    " seed INTEGER NOT NULL,"
    " precision TEXT NOT NULL,"
    " trainable_params INTEGER NOT NULL,"
    " total_params INTEGER NOT NULL,"
    " spec_path TEXT NOT NULL,"
    " spec_hash TEXT NOT NULL,"
    " FOREIGN KEY (dataset, data_hash) REFERENCES dataset (name, data_hash))",

    "CREATE TABLE run ("
    " cell INTEGER PRIMARY KEY REFERENCES cell (id) ON DELETE CASCADE,"
    " status TEXT NOT NULL CHECK (status IN ('done', 'failed', 'skipped')),"
    " message TEXT NOT NULL,"     /* of a failure or a skip; else empty */
    " attempts INTEGER NOT NULL," /* times this cell was stored, this one included */
    " resumed INTEGER NOT NULL,"  /* times the run went on from a snapshot */
    " started TEXT NOT NULL,"     /* UTC */
    " seconds REAL,"
    " train_seconds REAL,"
    " peak_rss_bytes INTEGER,"
    " train_tokens INTEGER,"
    " train_examples INTEGER,"
    " tokens_per_second REAL,"   /* in training */
    " examples_per_second REAL," /* in training */
    " best_epoch INTEGER,"       /* from 1; 0: none was chosen */
    " n_train INTEGER,"
    " n_validation INTEGER,"
    " n_test INTEGER,"
    " environment_id TEXT NOT NULL,"
    " numerics_version INTEGER NOT NULL,"
    " blas_core TEXT NOT NULL,"
    " determinism TEXT NOT NULL,"
    " \"commit\" TEXT NOT NULL)",

    "CREATE TABLE epoch ("
    " cell INTEGER NOT NULL REFERENCES cell (id) ON DELETE CASCADE,"
    " epoch INTEGER NOT NULL," /* from 1 */
    " train_loss REAL,"
    " validation_loss REAL,"
    " validation_accuracy REAL,"
    " validation_f1_macro REAL,"
    " seconds REAL,"
    " PRIMARY KEY (cell, epoch)) WITHOUT ROWID",

    "CREATE TABLE step ("
    " cell INTEGER NOT NULL REFERENCES cell (id) ON DELETE CASCADE,"
    " step INTEGER NOT NULL," /* from 1 */
    " epoch INTEGER NOT NULL,"
    " loss REAL,"
    " learning_rate REAL,"
    " grad_norm REAL," /* before clipping */
    " tokens INTEGER NOT NULL,"
    " PRIMARY KEY (cell, step)) WITHOUT ROWID",

    "CREATE TABLE example ("
    " cell INTEGER NOT NULL REFERENCES cell (id) ON DELETE CASCADE,"
    " split TEXT NOT NULL,"
    " position INTEGER NOT NULL," /* in the split, from 0: a row may stand twice */
    " row_hash TEXT NOT NULL,"    /* 16 hexadecimal digits */
    " label INTEGER NOT NULL,"
    " predicted INTEGER NOT NULL,"
    " logits BLOB NOT NULL," /* n_classes float32, little endian */
    " PRIMARY KEY (cell, split, position)) WITHOUT ROWID",

    "CREATE TABLE metric ("
    " cell INTEGER NOT NULL REFERENCES cell (id) ON DELETE CASCADE,"
    " split TEXT NOT NULL,"
    " name TEXT NOT NULL," /* see results/metrics.h */
    " value REAL,"
    " PRIMARY KEY (cell, split, name)) WITHOUT ROWID",

    /* What two databases must share to have "the same bits": everything a run
     * computed, nothing it measured. quote() writes each real so that it reads
     * back as the same bits. */
    "CREATE VIEW result_lines AS SELECT line FROM ("
    " SELECT cell_id, 0 AS part, '' AS name, 0 AS place,"
    "  cell_id || ' run ' || status || ' best_epoch=' || ifnull(best_epoch, 0) AS line"
    "  FROM run JOIN cell ON cell.id = cell"
    " UNION ALL SELECT cell_id, 1, '', epoch, cell_id || ' epoch ' || epoch || ' '"
    "  || quote(train_loss) || ' ' || quote(validation_loss) || ' '"
    "  || quote(validation_accuracy) || ' ' || quote(validation_f1_macro)"
    "  FROM epoch JOIN cell ON cell.id = cell"
    " UNION ALL SELECT cell_id, 2, '', step, cell_id || ' step ' || step || ' ' || epoch || ' '"
    "  || quote(loss) || ' ' || quote(learning_rate) || ' ' || quote(grad_norm) || ' ' || tokens"
    "  FROM step JOIN cell ON cell.id = cell"
    " UNION ALL SELECT cell_id, 3, split, position, cell_id || ' example ' || split || ' '"
    "  || position || ' ' || row_hash || ' ' || label || ' ' || predicted || ' ' || hex(logits)"
    "  FROM example JOIN cell ON cell.id = cell"
    " UNION ALL SELECT cell_id, 4, split || ' ' || name, 0, cell_id || ' metric ' || split"
    "  || ' ' || name || ' ' || quote(value)"
    "  FROM metric JOIN cell ON cell.id = cell"
    ") ORDER BY cell_id, part, name, place",
    NULL};

/* Every metric by epoch, what tells protocols apart, and what a model said that answers in
 * text, token by token, so that any metric can be computed again. */
static const char *const version_2[] = {
    "DROP VIEW result_lines",

    "ALTER TABLE run ADD COLUMN n_updates INTEGER",     /* optimiser steps */
    "ALTER TABLE run ADD COLUMN leak_rate REAL",        /* of the judged rows */
    "ALTER TABLE run ADD COLUMN n_cut_targets INTEGER", /* classes whose words were cut */
    "UPDATE run SET n_updates = (SELECT count(*) FROM step WHERE step.cell = run.cell)"
    " WHERE status = 'done'",

    "CREATE TABLE epoch_metric ("
    " cell INTEGER NOT NULL REFERENCES cell (id) ON DELETE CASCADE,"
    " epoch INTEGER NOT NULL,"
    " name TEXT NOT NULL," /* as in metric, of the validation rows */
    " value REAL NOT NULL,"
    " PRIMARY KEY (cell, epoch, name)) WITHOUT ROWID",
    "INSERT INTO epoch_metric"
    " SELECT cell, epoch, 'loss', validation_loss FROM epoch WHERE validation_loss IS NOT NULL"
    " UNION ALL SELECT cell, epoch, 'accuracy', validation_accuracy FROM epoch"
    "  WHERE validation_accuracy IS NOT NULL"
    " UNION ALL SELECT cell, epoch, 'f1_macro', validation_f1_macro FROM epoch"
    "  WHERE validation_f1_macro IS NOT NULL",
    "ALTER TABLE epoch DROP COLUMN validation_loss",
    "ALTER TABLE epoch DROP COLUMN validation_accuracy",
    "ALTER TABLE epoch DROP COLUMN validation_f1_macro",

    "CREATE TABLE target (" /* the classes' words */
    " cell INTEGER NOT NULL REFERENCES cell (id) ON DELETE CASCADE,"
    " label INTEGER NOT NULL,"
    " answer TEXT NOT NULL,"
    " n_tok INTEGER NOT NULL,"
    " PRIMARY KEY (cell, label)) WITHOUT ROWID",

    "CREATE TABLE said ("
    " cell INTEGER NOT NULL REFERENCES cell (id) ON DELETE CASCADE,"
    " split TEXT NOT NULL,"
    " position INTEGER NOT NULL,"   /* as in example */
    " text TEXT,"                   /* greedy decoding's words; NULL: not decoded */
    " target_ids BLOB NOT NULL,"    /* int32, little endian, as all below: the row's own */
    " predicted_ids BLOB NOT NULL," /* most likely under teacher forcing */
    " nll BLOB NOT NULL,"           /* float32: -log p of each target token, nats */
    " PRIMARY KEY (cell, split, position)) WITHOUT ROWID",

    "CREATE VIEW result_lines AS SELECT line FROM ("
    " SELECT cell_id, 0 AS part, '' AS name, 0 AS place,"
    "  cell_id || ' run ' || status || ' best_epoch=' || ifnull(best_epoch, 0)"
    "  || ' n_updates=' || ifnull(n_updates, '') || ' leak_rate=' || quote(leak_rate)"
    "  || ' n_cut_targets=' || ifnull(n_cut_targets, '') AS line"
    "  FROM run JOIN cell ON cell.id = cell"
    " UNION ALL SELECT cell_id, 1, '', epoch, cell_id || ' epoch ' || epoch || ' '"
    "  || quote(train_loss) FROM epoch JOIN cell ON cell.id = cell"
    " UNION ALL SELECT cell_id, 2, name, epoch, cell_id || ' epoch_metric ' || epoch || ' '"
    "  || name || ' ' || quote(value) FROM epoch_metric JOIN cell ON cell.id = cell"
    " UNION ALL SELECT cell_id, 3, '', step, cell_id || ' step ' || step || ' ' || epoch || ' '"
    "  || quote(loss) || ' ' || quote(learning_rate) || ' ' || quote(grad_norm) || ' ' || tokens"
    "  FROM step JOIN cell ON cell.id = cell"
    " UNION ALL SELECT cell_id, 4, split, position, cell_id || ' example ' || split || ' '"
    "  || position || ' ' || row_hash || ' ' || label || ' ' || predicted || ' ' || hex(logits)"
    "  FROM example JOIN cell ON cell.id = cell"
    " UNION ALL SELECT cell_id, 5, split || ' ' || name, 0, cell_id || ' metric ' || split"
    "  || ' ' || name || ' ' || quote(value)"
    "  FROM metric JOIN cell ON cell.id = cell"
    " UNION ALL SELECT cell_id, 6, '', label, cell_id || ' target ' || label || ' ' || n_tok"
    "  || ' ' || quote(answer) FROM target JOIN cell ON cell.id = cell"
    " UNION ALL SELECT cell_id, 7, split, position, cell_id || ' said ' || split || ' '"
    "  || position || ' ' || hex(ifnull(text, '')) || ' ' || hex(target_ids) || ' '"
    "  || hex(predicted_ids) || ' ' || hex(nll) FROM said JOIN cell ON cell.id = cell"
    ") ORDER BY cell_id, part, name, place",
    NULL};

/* Models pre-trained here, and how their losses fell. */
static const char *const version_3[] = {
    "CREATE TABLE pretraining ("
    " id INTEGER PRIMARY KEY,"
    " pretraining_id TEXT NOT NULL UNIQUE," /* hash of canonical */
    " canonical TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " recipe TEXT NOT NULL,"
    " options TEXT NOT NULL," /* name=value, one a line */
    " corpus_hash TEXT NOT NULL,"
    " tokenizer_hash TEXT NOT NULL,"
    " weights_hash TEXT NOT NULL," /* of the file that was written */
    " seed INTEGER NOT NULL,"
    " precision TEXT NOT NULL,"
    " total_params INTEGER NOT NULL,"
    " n_documents INTEGER NOT NULL," /* held-out ones among them */
    " n_held_out INTEGER NOT NULL,"
    " n_words INTEGER NOT NULL,"
    " n_updates INTEGER NOT NULL,"
    " train_tokens INTEGER NOT NULL,"
    " unigram_loss REAL,"        /* nats a held-out token, by frequencies alone */
    " started TEXT NOT NULL,"    /* UTC */
    " train_seconds REAL,"       /* all sessions of it */
    " resumed INTEGER NOT NULL," /* times it went on from a snapshot */
    " environment_id TEXT NOT NULL,"
    " numerics_version INTEGER NOT NULL,"
    " blas_core TEXT NOT NULL,"
    " \"commit\" TEXT NOT NULL)",

    "CREATE TABLE pretraining_point ("
    " pretraining INTEGER NOT NULL REFERENCES pretraining (id) ON DELETE CASCADE,"
    " step INTEGER NOT NULL," /* updates before it */
    " tokens INTEGER NOT NULL,"
    " train_loss REAL,"    /* nats a token, since the point before; NULL at step 0 */
    " held_out_loss REAL," /* likewise */
    " learning_rate REAL,"
    " seconds REAL,"
    " PRIMARY KEY (pretraining, step)) WITHOUT ROWID",
    NULL};

const char *const *const schema_steps[SCHEMA_VERSION] = {version_1, version_2, version_3};
