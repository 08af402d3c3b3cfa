#include "models/tensor/vmath.h"

#include "models/tensor/lanes.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* Coefficients, lowest power first, from tests/golden/vmath/fit.py. */
/* exp(r) = 1 + r + r^2 q(r), |r| <= ln 2 / 2 */
static const float exp_q[] = {0x1.0p-1f,      0x1.555556p-3f,  0x1.5554eap-5f,
                              0x1.1110e0p-7f, 0x1.6d4324p-10f, 0x1.a124f2p-13f};
/* tanh(x) = x + x^3 q(x^2), |x| <= 5/8 */
static const float tanh_q[] = {-0x1.555556p-2f, 0x1.1110eap-3f,  -0x1.ba08c4p-5f,
                               0x1.64a976p-6f,  -0x1.116a16p-7f, 0x1.2c83c0p-9f};
/* Phi(-t) = exp(-t^2/2) p(u), u = 1 / (1 + 3/8 t): Mills' ratio */
static const float mills_p[] = {0x1.ee1cbap-20f, 0x1.3243f0p-3f,  0x1.342088p-3f, 0x1.f209f4p-4f,
                                0x1.f8362cp-4f,  -0x1.89389cp-4f, 0x1.24ce3ap-2f, -0x1.02f836p-1f,
                                0x1.9e916cp-2f,  -0x1.45fffep-3f, 0x1.a1c2d4p-6f};

/* Horner's rule; c lowest power first. */
LANES_INLINE lanes polynomial(const float *c, int degree, lanes x)
{
    lanes y = lanes_of(c[degree]);
    for (int i = degree - 1; i >= 0; i--)
        y = lanes_fma(y, x, lanes_of(c[i]));
    return y;
}

/* exp(x + rest), |rest| far below 1. x = n ln 2 + r, ln 2 in two parts of which
 * the first has few enough bits that n times it is exact. */
LANES_INLINE lanes exp_plus(lanes x, lanes rest)
{
    const lanes round = lanes_of(0x1.8p23f); /* adding it leaves the nearest whole number */
    x = lanes_smaller(lanes_of(89), x);
    x = lanes_larger(lanes_of(-104), x);
    lanes shifted = lanes_fma(x, lanes_of(0x1.715476p+0f), round);
    lanes n = shifted - round;
    lanes r = lanes_fma(n, lanes_of(-0x1.62p-1f), x);
    r = lanes_fma(n, lanes_of(-0x1.c85fe0p-10f), r) + rest;
    lanes p = lanes_fma(r * r, polynomial(exp_q, 5, r), r) + 1.0f;
    return lanes_scale(p, n);
}

LANES_INLINE lanes exp_of(lanes x)
{
    return exp_plus(x, lanes_of(0));
}

LANES_INLINE lanes tanh_of(lanes x)
{
    lanes t = lanes_abs(x), z = x * x;
    lanes small = lanes_fma(t * z, polynomial(tanh_q, 5, z), t);
    lanes far = 1.0f - 2.0f / (exp_of(2.0f * t) + 1.0f);
    int_lanes sign = (int_lanes)x & ~0x7FFFFFFF;
    return (lanes)((int_lanes)lanes_pick(t < 0.625f, small, far) | sign);
}

LANES_INLINE lanes gelu_of(lanes x, lanes *slope)
{
    lanes t = lanes_abs(x), square = t * t;
    lanes lost = lanes_fma(t, t, -square);
    lost = lanes_pick(square < 1e4f, lost, lanes_of(0)); /* not inf - inf */
    lanes e = exp_plus(-0.5f * square, -0.5f * lost);
    lanes u = 1.0f / lanes_fma(t, lanes_of(0.375f), lanes_of(1));
    lanes lower = e * polynomial(mills_p, 10, u); /* Phi(-|x|) */
    lanes phi = lanes_pick(x > 0.0f, 1.0f - lower, lower);
    *slope = lanes_fma(x * 0.39894228f, e, phi); /* density: e / sqrt(2 pi) */
    return x * phi;
}

/* x/2 (1 + tanh v) = x / (1 + exp(-2v)). */
LANES_INLINE lanes gelu_tanh_of(lanes x, lanes *slope)
{
    const float two_k = 1.5957691f, c = 0.044715f; /* 2 sqrt(2 / pi) */
    lanes square = x * x, one = lanes_of(1);
    lanes two_v = two_k * x * lanes_fma(square, lanes_of(c), one);
    lanes s = 1.0f / (1.0f + exp_of(-two_v));
    lanes dtwo_v = two_k * lanes_fma(square, lanes_of(3 * c), one);
    *slope = lanes_fma(x * s * (1.0f - s), dtwo_v, s);
    return x * s;
}

/* (Function pointers would do, but make gcc talk about lanes as arguments.) */
#define MAP(f, out, x, n)                                                                          \
    do {                                                                                           \
        size_t i = 0;                                                                              \
        for (; i + N_LANES <= (n); i += N_LANES)                                                   \
            lanes_store((out) + i, f(lanes_load((x) + i)));                                        \
        if (i < (n))                                                                               \
            lanes_store_part((out) + i, (n)-i, f(lanes_load_part((x) + i, (n)-i, 0)));             \
    } while (0)

void vec_exp(float *out, const float *x, size_t n)
{
    MAP(exp_of, out, x, n);
}

void vec_tanh(float *out, const float *x, size_t n)
{
    MAP(tanh_of, out, x, n);
}

#define MAP_SLOPE(f, out, slope, x, n)                                                             \
    do {                                                                                           \
        lanes dy;                                                                                  \
        size_t i = 0;                                                                              \
        for (; i + N_LANES <= (n); i += N_LANES) {                                                 \
            lanes_store((out) + i, f(lanes_load((x) + i), &dy));                                   \
            if ((slope) != NULL)                                                                   \
                lanes_store((slope) + i, dy);                                                      \
        }                                                                                          \
        if (i < (n)) {                                                                             \
            lanes_store_part((out) + i, (n)-i, f(lanes_load_part((x) + i, (n)-i, 0), &dy));        \
            if ((slope) != NULL)                                                                   \
                lanes_store_part((slope) + i, (n)-i, dy);                                          \
        }                                                                                          \
    } while (0)

void vec_gelu(float *out, float *slope, const float *x, size_t n)
{
    MAP_SLOPE(gelu_of, out, slope, x, n);
}

void vec_gelu_tanh(float *out, float *slope, const float *x, size_t n)
{
    MAP_SLOPE(gelu_tanh_of, out, slope, x, n);
}

/* A NaN need not show in the maximum: it does in the sum, and so everywhere. */
void vec_softmax(float *x, size_t n)
{
    size_t whole = n / N_LANES * N_LANES, part = n - whole;
    lanes max = lanes_of(-INFINITY), sum = lanes_of(0), last = max;
    for (size_t i = 0; i < whole; i += N_LANES)
        max = lanes_larger(lanes_load(x + i), max);
    if (part > 0) {
        last = lanes_load_part(x + whole, part, -INFINITY);
        max = lanes_larger(last, max);
    }
    max = lanes_of(lanes_largest(max));
    for (size_t i = 0; i < whole; i += N_LANES) {
        lanes e = exp_of(lanes_load(x + i) - max);
        lanes_store(x + i, e);
        sum += e;
    }
    if (part > 0) {
        last = exp_of(last - max); /* 0 beyond n */
        lanes_store(x + whole, last);
        sum += last;
    }
    lanes scale = lanes_of(1.0f / lanes_total(sum));
    for (size_t i = 0; i < n; i += N_LANES)
        lanes_store(x + i, lanes_load(x + i) * scale);
}

float vec_sum(const float *x, size_t n)
{
    lanes sum = lanes_of(0);
    size_t i = 0;
    for (; i + N_LANES <= n; i += N_LANES)
        sum += lanes_load(x + i);
    if (i < n)
        sum += lanes_load_part(x + i, n - i, 0);
    return lanes_total(sum);
}

float vec_dot(const float *a, const float *b, size_t n)
{
    lanes sum = lanes_of(0);
    size_t i = 0;
    for (; i + N_LANES <= n; i += N_LANES)
        sum = lanes_fma(lanes_load(a + i), lanes_load(b + i), sum);
    if (i < n)
        sum = lanes_fma(lanes_load_part(a + i, n - i, 0), lanes_load_part(b + i, n - i, 0), sum);
    return lanes_total(sum);
}

float vec_max(const float *x, size_t n)
{
    lanes max = lanes_of(-INFINITY), nan = lanes_of(0);
    size_t i = 0;
    for (; i < n; i += N_LANES) {
        lanes next = n - i < N_LANES ? lanes_load_part(x + i, n - i, -INFINITY) : lanes_load(x + i);
        max = lanes_larger(next, max);
        nan += lanes_pick(next == next, lanes_of(0), next);
    }
    return lanes_largest(max) + lanes_total(nan);
}

/* Lanes added pairwise; sum is used up. */
static double fold(double sum[N_LANES])
{
    for (int half = N_LANES / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            sum[k] += sum[k + half];
    return sum[0];
}

double vec_sum_squares(const float *x, size_t n)
{
    double sum[N_LANES] = {0};
    size_t i = 0;
    for (; i + N_LANES <= n; i += N_LANES)
        for (int k = 0; k < N_LANES; k++)
            sum[k] += (double)x[i + (size_t)k] * x[i + (size_t)k];
    for (int k = 0; i < n; i++, k++)
        sum[k] += (double)x[i] * x[i];
    return fold(sum);
}

double scalar_exp(double x)
{
    if (x != x || x > 709 || x < -708)
        return x != x ? x : x > 0 ? INFINITY : 0;
    int n = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    double r = (x - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33; /* ln 2 in two parts */
    double sum = 1;
    for (int k = 14; k > 0; k--) /* Taylor: r^15 / 15! < 1e-19 */
        sum = 1 + sum * r / k;
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}

double scalar_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u;
    double m; /* in [1, 2), then [sqrt 1/2, sqrt 2] */
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m /= 2;
        exponent++;
    }
    double s = (m - 1) / (m + 1), sum = 0; /* log m = 2 artanh s, its series */
    for (int k = 21; k > 0; k -= 2)
        sum = sum * s * s + 1.0 / k;
    return exponent * 0.6931471805599453 + 2 * s * sum;
}

double scalar_cos_pi(double x)
{
    if (x > 0.5)
        return -scalar_cos_pi(1 - x);
    double square = x * x * 9.869604401089358, sum = 1; /* (pi x)^2, Taylor */
    for (int k = 22; k > 0; k -= 2)
        sum = 1 - sum * square / (k * (k - 1));
    return sum;
}

double vec_exps(float *out, float *total, const float *x, size_t n)
{
    float max = vec_max(x, n), one[N_LANES];
    double sum[N_LANES] = {0};
    lanes sums = lanes_of(0);
    for (size_t i = 0; i < n; i += N_LANES) {
        bool whole = n - i >= N_LANES;
        lanes e =
            exp_of((whole ? lanes_load(x + i) : lanes_load_part(x + i, n - i, -INFINITY)) - max);
        sums += e;
        lanes_store(one, e);
        for (int k = 0; k < N_LANES; k++)
            sum[k] += one[k];
        if (out != NULL && whole)
            lanes_store(out + i, e);
        else if (out != NULL)
            lanes_store_part(out + i, n - i, e);
    }
    *total = lanes_total(sums);
    return scalar_log(fold(sum)) + max;
}

double vec_log_sum_exp(const float *x, size_t n)
{
    float unused;
    return vec_exps(NULL, &unused, x, n);
}
