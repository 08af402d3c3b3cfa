"""Derives the polynomial coefficients of models/tensor/vmath.c (needs: mpmath).

Each polynomial interpolates its function at Chebyshev nodes, weighted by the
relative error that counts; that is within a small factor of the best possible.
Prints C initialisers, lowest power first, as exact hexadecimal floats.
"""
import struct

from mpmath import mp, mpf, matrix, lu_solve, exp, log, tanh, sqrt, pi, cos, erfc, expm1

mp.prec = 200


def chebyshev(n, a, b):
    return [(a + b) / 2 + (b - a) / 2 * cos(pi * (2 * i + 1) / (2 * n)) for i in range(n)]


def fit(f, degree, a, b):
    """Coefficients c of sum c[k] z^k that equals f at the nodes of [a, b]."""
    nodes = chebyshev(degree + 1, mpf(a), mpf(b))
    rows = matrix(degree + 1, degree + 1)
    for i, z in enumerate(nodes):
        for k in range(degree + 1):
            rows[i, k] = z ** k
    return list(lu_solve(rows, matrix([f(z) for z in nodes])))


def to_float(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def hexfloat(x):
    return float(to_float(x)).hex() + "f"


def show(name, coefficients):
    print(f"static const float {name}[] = {{" + ", ".join(hexfloat(c) for c in coefficients) + "};")


def worst(error, a, b, n=4000):
    return max(abs(error(mpf(a) + (mpf(b) - a) * i / n)) for i in range(1, n + 1))


def value(c, z):
    r = mpf(0)
    for k in reversed(c):
        r = r * z + k
    return r


half_ln2 = log(2) / 2 * mpf("1.0001")


def exp_tail(r):  # exp(r) = 1 + r + r^2 q(r)
    return (expm1(r) - r) / r ** 2 if abs(r) > mpf(10) ** -25 else mpf(1) / 2


q = fit(exp_tail, 5, -half_ln2, half_ln2)
show("exp_q", q)
print("// exp relative error", mp.nstr(worst(lambda r: (1 + r + r * r * value(q, r)) / exp(r) - 1, -half_ln2, half_ln2), 3))
ln2_hi = to_float(log(2)) 
ln2_hi = struct.unpack("f", struct.pack("I", struct.unpack("I", struct.pack("f", ln2_hi))[0] & 0xFFFF8000))[0]
print("ln2_hi", float(ln2_hi).hex(), "ln2_lo", hexfloat(log(2) - mpf(ln2_hi)), "log2e", hexfloat(1 / log(2)))

SPLIT = mpf("0.625")


def tanh_tail(z):  # tanh(x) = x + x^3 q(x^2)
    x = sqrt(z)
    return (tanh(x) - x) / x ** 3 if z > mpf(10) ** -20 else -mpf(1) / 3


q = fit(tanh_tail, 5, 0, SPLIT ** 2)
show("tanh_q", q)
print("// tanh relative error", mp.nstr(worst(lambda x: (x + x ** 3 * value(q, x * x)) / tanh(x) - 1, 0, SPLIT), 3))

# Phi(-t) = exp(-t^2/2) p(u), u = 1 / (1 + C t), t in [0, 14]: Mills' ratio is
# smooth in u.
C = mpf("0.375")  # exact in binary


def mills(u):
    t = (1 / u - 1) / C
    return exp(t * t / 2) * erfc(t / sqrt(2)) / 2


q = fit(mills, 10, 1 / (1 + 14 * C), 1)
show("mills_p", q)
print("// Mills relative error", mp.nstr(worst(lambda u: value(q, u) / mills(u) - 1, 1 / (1 + 14 * C), 1, 400), 3))
