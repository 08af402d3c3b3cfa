/* How long cells will take here, from what they take on the core that estimates are of. */
#include "harness/base/environment.h"
#include "harness/forecast.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

Test(forecast, jobs_share_the_work_but_not_a_cell)
{
    /* The scale is timed, and other programs live too: ratios say what is meant. */
    struct forecast even = forecast_make(100, 1, 1);
    cr_expect(even.core_seconds > 0 && even.wall_seconds == even.core_seconds);
    struct forecast one_long = forecast_make(100, 80, 2);
    double share = environment_cores() > 1 ? 0.8 : 1;
    cr_expect(fabs(one_long.wall_seconds / one_long.core_seconds - share) < 1e-12);
    struct forecast many = forecast_make(100, 1, 1 << 20); /* not more at a time than cores */
    double cores = (double)environment_cores();
    cr_expect(fabs(many.wall_seconds / many.core_seconds - fmax(1 / cores, 0.01)) < 1e-12);
}

/* From a tenth to a hundred times the speed of the core that estimates are of. */
Test(forecast, the_scale_is_that_of_a_machine)
{
    double scale = forecast_scale();
    cr_expect(scale > 0.1 && scale < 100, "%g", scale);
}
