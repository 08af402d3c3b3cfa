#include "models/tensor/profile.h"

#include "harness/base/clock.h"

#include <stddef.h>
#include <string.h>

const char *const phase_names[] = {"gemm", "attention",  "pointwise", "loss", "optimizer",
                                   "data", "evaluation", "other",     NULL};

void profile_start(struct profile *p)
{
    memset(p, 0, sizeof *p);
    p->at = PHASE_OTHER;
    p->since_ns = clock_ns();
}

void profile_stop(struct profile *p)
{
    int64_t now = clock_ns();
    p->ns[p->at] += now - p->since_ns;
    p->since_ns = now;
}

enum phase profile_switch(struct profile *p, enum phase phase)
{
    enum phase before = p->at;
    if (phase != before && !p->whole) {
        profile_stop(p);
        p->at = phase;
    }
    return before;
}

enum phase profile_enter_whole(struct profile *p, enum phase phase)
{
    enum phase before = profile_enter(p, phase);
    if (p)
        p->whole = true;
    return before;
}

void profile_leave_whole(struct profile *p, enum phase before)
{
    if (p)
        p->whole = false;
    profile_enter(p, before);
}

int64_t profile_total_ns(const struct profile *p)
{
    int64_t sum = 0;
    for (int i = 0; i < PHASE_COUNT; i++)
        sum += p->ns[i];
    return sum;
}
