#include "models/tensor/optimizer.h"
#include "models/tensor/vmath.h"

#include <assert.h>

const char *const schedule_names[] = {
    [SCHEDULE_LINEAR] = "linear",
    [SCHEDULE_CONSTANT] = "constant",
    [SCHEDULE_COSINE] = "cosine",
    [SCHEDULE_COUNT] = NULL,
};

double schedule_factor(enum schedule s, long step, long n_warmup, long n_steps)
{
    if (step < n_warmup)
        return (double)step / (double)n_warmup;
    if (s == SCHEDULE_CONSTANT)
        return 1;
    long left = n_steps - n_warmup;
    double done = (double)(step - n_warmup) / (double)(left > 1 ? left : 1);
    if (done >= 1)
        return 0;
    assert(s == SCHEDULE_LINEAR || s == SCHEDULE_COSINE);
    return s == SCHEDULE_LINEAR ? 1 - done : 0.5 * (1 + scalar_cos_pi(done));
}
