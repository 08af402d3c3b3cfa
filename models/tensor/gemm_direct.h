/*
 * gemm_direct: products of our own, for shapes at which a general library spends its time
 * on copying: A is read where it lies, B is small. Behind gemm.h's door; AVX-512 only.
 *
 * An element is summed along k, 256 terms at a time, by fused multiply-adds in order, whatever
 * the shape: the bits do not depend on how a product is cut.
 */
#ifndef FT_MODELS_TENSOR_GEMM_DIRECT_H
#define FT_MODELS_TENSOR_GEMM_DIRECT_H

#include "models/tensor/gemm.h"

/* Whether this shape is faster here, by measurement. The processor is not asked. */
bool gemm_direct_suits(const struct gemm *g);

/* The product alone: half and pool are not looked at. Needs AVX-512F. */
void gemm_direct(const struct gemm *g);

#endif
