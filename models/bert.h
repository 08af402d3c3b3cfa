/*
 * bert: BertForSequenceClassification, and without labels BertForMaskedLM.
 *
 * Devlin et al., "BERT", arXiv 1810.04805, computed as transformers computes it.
 * Only the last layer's first rows reach the classifier, and only its masked rows
 * the head that tells hidden tokens, so the rest of that layer's rows are left out
 * of its queries and of all that follows them; the logits and every gradient stay
 * the same.
 */
#ifndef FT_MODELS_BERT_H
#define FT_MODELS_BERT_H

#include "models/model.h"

extern const struct family bert_family;

/* BertModel's last_hidden_state: [f->n_tok, hidden_size], f fresh. */
struct tensor *bert_hidden(struct forward *f);

/* BertModel's pooler_output: [n_seq, hidden_size], f fresh. */
struct tensor *bert_pooled(struct forward *f);

#endif
