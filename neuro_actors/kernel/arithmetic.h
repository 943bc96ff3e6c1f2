/* The sums of neuron/sums.py in plain C: no Python, no numpy.
 *
 * They add in the order that neuron/sums.py defines, whatever the width of a vector: the numbers of one vector
 * belong to different sums, or are the two lanes of one. Each product is rounded before it is added. So the
 * compiler must neither fuse a product with a sum (-ffp-contract=off) nor reorder sums (-ffast-math).
 *
 * `rows` are n rows of m columns, one after the other.
 */

#ifndef NEURO_ACTORS_ARITHMETIC_H
#define NEURO_ACTORS_ARITHMETIC_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#ifndef __GNUC__
#error "needs the vectors of GCC or Clang"
#endif
#if FLT_EVAL_METHOD != 0
#error "needs float64 arithmetic: this processor adds in a longer format"
#endif
#ifdef __FAST_MATH__
#error "needs IEEE arithmetic: compile without -ffast-math"
#endif

/* Each function is compiled twice, and chosen when the module is loaded: with AVX2 or without. The bits are the
 * same. Sanitizers do not bear such a choice. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && !defined(NEURO_ACTORS_PLAIN)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif

typedef double Four __attribute__((vector_size(32), aligned(8), may_alias));
typedef double Two __attribute__((vector_size(16), aligned(8), may_alias));
#define FOUR(place) (*(const Four *)(place))
#define TWO(place) (*(const Two *)(place))

/* out[j] = sum of weights[i] * rows[i][j] in the order of i; of rows[i][j], if weights is NULL: 1 * x is x. At one
 * column it begins with the first term, otherwise with +0. The totals of 32 columns stay in registers. */
static inline __attribute__((always_inline)) void add_rows(const double *weights, const double *rows, ptrdiff_t n,
                                                           ptrdiff_t m, double *out)
{
#define WEIGHT (weights == NULL ? 1.0 : weights[i])
    if (m == 1) {
        ptrdiff_t i = 0;
        double total = WEIGHT * rows[0];
        for (i = 1; i < n; i++)
            total += WEIGHT * rows[i];
        out[0] = total;
        return;
    }
    ptrdiff_t j = 0;
    for (; j + 32 <= m; j += 32) {
        Four a = {0}, b = {0}, c = {0}, d = {0}, e = {0}, f = {0}, g = {0}, h = {0};
        const double *row = rows + j;
        for (ptrdiff_t i = 0; i < n; i++, row += m) {
            const double w = WEIGHT;
            a += w * FOUR(row), b += w * FOUR(row + 4), c += w * FOUR(row + 8), d += w * FOUR(row + 12);
            e += w * FOUR(row + 16), f += w * FOUR(row + 20), g += w * FOUR(row + 24), h += w * FOUR(row + 28);
        }
        Four *into = (Four *)(out + j);
        into[0] = a, into[1] = b, into[2] = c, into[3] = d, into[4] = e, into[5] = f, into[6] = g, into[7] = h;
    }
    for (; j + 4 <= m; j += 4) {
        Four total = {0};
        const double *row = rows + j;
        for (ptrdiff_t i = 0; i < n; i++, row += m)
            total += WEIGHT * FOUR(row);
        *(Four *)(out + j) = total;
    }
    for (; j < m; j++) {
        double total = 0.0;
        for (ptrdiff_t i = 0; i < n; i++)
            total += WEIGHT * rows[i * m + j];
        out[j] = total;
    }
#undef WEIGHT
}

CLONES static void weighted_sum(const double *weights, const double *rows, ptrdiff_t n, ptrdiff_t m, double *out)
{
    add_rows(weights, rows, n, m, out);
}

CLONES static void sum_of_rows(const double *rows, ptrdiff_t n, ptrdiff_t m, double *out)
{
    add_rows(NULL, rows, n, m, out);
}

/* The sum of row[j] * values[j] in two lanes, of the even columns and of the odd ones. Of eight columns each lane
 * adds its last one first. The columns that remain are added in their order; then the lanes are added. */
static inline double product_sum(const double *row, const double *values, ptrdiff_t m)
{
    Two lanes = {0};
    ptrdiff_t j = 0;
    for (; j + 8 <= m; j += 8)
        for (int pair = 6; pair >= 0; pair -= 2)
            lanes += TWO(row + j + pair) * TWO(values + j + pair);
    for (; j + 2 <= m; j += 2)
        lanes += TWO(row + j) * TWO(values + j);
    if (j < m)
        lanes[0] += row[j] * values[j];
    return lanes[0] + lanes[1];
}

/* out[i] = product_sum of rows[i] and values, divided by `examples`; of one column the product alone. Eight rows go
 * side by side, so that no sum waits for itself. */
CLONES static void mean_products(const double *rows, const double *values, ptrdiff_t n, ptrdiff_t m, double examples,
                                 double *out)
{
    if (m == 1) {
        const double value = values[0];
        for (ptrdiff_t i = 0; i < n; i++)
            out[i] = rows[i] * value;
        return;
    }
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        Two s[8] = {{0}};
        const double *row = rows + i * m;
        ptrdiff_t j = 0;
        for (; j + 8 <= m; j += 8)
            for (int pair = 6; pair >= 0; pair -= 2) {
                const Two v = TWO(values + j + pair);
                const double *at = row + j + pair;
                s[0] += TWO(at) * v, s[1] += TWO(at + m) * v, s[2] += TWO(at + 2 * m) * v;
                s[3] += TWO(at + 3 * m) * v, s[4] += TWO(at + 4 * m) * v, s[5] += TWO(at + 5 * m) * v;
                s[6] += TWO(at + 6 * m) * v, s[7] += TWO(at + 7 * m) * v;
            }
        for (; j + 2 <= m; j += 2)
            for (int k = 0; k < 8; k++)
                s[k] += TWO(row + k * m + j) * TWO(values + j);
        if (j < m)
            for (int k = 0; k < 8; k++)
                s[k][0] += row[k * m + j] * values[j];
        for (int k = 0; k < 8; k++)
            out[i + k] = s[k][0] + s[k][1];
    }
    for (; i < n; i++)
        out[i] = product_sum(rows + i * m, values, m);
    for (i = 0; i < n; i++)
        out[i] /= examples;
}

/* out[j] = weight * values[j] */
CLONES static void scale(double weight, const double *values, ptrdiff_t m, double *out)
{
    ptrdiff_t j = 0;
    for (; j + 4 <= m; j += 4)
        *(Four *)(out + j) = weight * FOUR(values + j);
    for (; j < m; j++)
        out[j] = weight * values[j];
}

/* out[j] *= factors[j] */
CLONES static void multiply(const double *factors, ptrdiff_t m, double *out)
{
    ptrdiff_t j = 0;
    for (; j + 4 <= m; j += 4)
        *(Four *)(out + j) = FOUR(out + j) * FOUR(factors + j);
    for (; j < m; j++)
        out[j] *= factors[j];
}

/* Whether all numbers are finite: x - x is 0 if x is, otherwise NaN, and NaN remains. */
CLONES static int all_finite(const double *values, ptrdiff_t m)
{
    Four zeros = {0};
    double zero = 0.0;
    ptrdiff_t j = 0;
    for (; j + 4 <= m; j += 4)
        zeros += FOUR(values + j) - FOUR(values + j);
    for (; j < m; j++)
        zero += values[j] - values[j];
    return zero + zeros[0] + zeros[1] + zeros[2] + zeros[3] == 0.0;
}

/* The greatest size of numbers, none of which is NaN. */
static double greatest(const double *values, ptrdiff_t m)
{
    double most = 0.0;
    for (ptrdiff_t j = 0; j < m; j++) {
        const double size = fabs(values[j]);
        most = size > most ? size : most;
    }
    return most;
}

#endif
