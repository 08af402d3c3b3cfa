#include "harness/forecast.h"

#include "harness/base/environment.h"
#include "harness/estimate.h"
#include "models/tensor/gemm.h"

double forecast_scale(void)
{
    enum { SIZE = 512, REPEATS = 5 };
    double gflops = gemm_measure_gflops(SIZE, SIZE, SIZE, REPEATS);
    return gflops > 0 ? ESTIMATE_GFLOPS / gflops : 1;
}

struct forecast forecast_make(double est_seconds, double longest, long n_jobs)
{
    double scale = forecast_scale();
    long n = environment_cores() < n_jobs ? environment_cores() : n_jobs;
    double even = est_seconds / (double)n;
    return (struct forecast){.core_seconds = scale * est_seconds,
                             .wall_seconds = scale * (even > longest ? even : longest)};
}
