/* Activation functions, as network/activations.py writes them down, by numpy's own loops.
 *
 * What numpy computes by its library (exp, tanh, sin, …) is taken from the loop of its universal function, which is
 * the one that the Python code runs. The rest are single operations of IEEE arithmetic, in the same order.
 * Neurons with a function that is not here follow the rule in Python.
 */

#ifndef NEURO_ACTORS_FUNCTIONS_H
#define NEURO_ACTORS_FUNCTIONS_H

/* included by compiled.c, behind the headers of Python and numpy */

typedef struct {
    PyUFuncGenericFunction run;
    void *data;
} Loop;

static Loop exp_loop, tanh_loop, sin_loop, cos_loop, maximum_loop;

static const double FAR_SIGMOID = 8.5, FLAT_TANH = 0x1p-11;

/* Find the loop over float64 of a function of numpy. Returns 0, or -1 with an exception. */
static int find_loop(PyObject *numpy, const char *name, Loop *loop)
{
    PyObject *object = PyObject_GetAttrString(numpy, name);
    if (object == NULL)
        return -1;
    PyUFuncObject *function = (PyUFuncObject *)object;
    if (PyObject_TypeCheck(object, &PyUFunc_Type)) {
        const int n = function->nargs;
        for (int k = 0; k < function->ntypes && loop->run == NULL; k++) {
            int all = 1;
            for (int i = 0; i < n; i++)
                all &= function->types[k * n + i] == NPY_DOUBLE;
            if (all && function->functions[k] != NULL) {
                loop->run = function->functions[k];
                loop->data = function->data == NULL ? NULL : (void *)function->data[k];
            }
        }
    }
    Py_DECREF(object); /* numpy has another reference as long as it lives */
    if (loop->run == NULL) {
        PyErr_Format(PyExc_ImportError, "numpy.%s has no loop over float64", name);
        return -1;
    }
    return 0;
}

static void run_loop(const Loop *loop, const double *in, npy_intp n, double *out)
{
    char *places[2] = {(char *)in, (char *)out};
    npy_intp steps[2] = {sizeof(double), sizeof(double)};
    loop->run(places, &n, steps, loop->data);
}

/* e[j] = exp(-|z[j]|) */
static void run_decay(const double *z, npy_intp n, double *e)
{
    for (npy_intp j = 0; j < n; j++)
        e[j] = -fabs(z[j]);
    run_loop(&exp_loop, e, n, e);
}

static void identity_value(const double *z, npy_intp n, double *a)
{
    for (npy_intp j = 0; j < n; j++)
        a[j] = z[j] + 0.0; /* makes +0 of -0 */
}

static void identity_slope(const double *z, const double *a, npy_intp n, double *slope, double *spare)
{
    for (npy_intp j = 0; j < n; j++)
        slope[j] = 1.0;
}

static void sigmoid_value(const double *z, npy_intp n, double *a)
{
    run_decay(z, n, a);
    for (npy_intp j = 0; j < n; j++)
        a[j] = (z[j] >= 0.0 ? 1.0 : a[j]) / (1.0 + a[j]);
}

static void sigmoid_slope(const double *z, const double *a, npy_intp n, double *slope, double *spare)
{
    int far = 0;
    for (npy_intp j = 0; j < n; j++) {
        far |= z[j] > FAR_SIGMOID;
        slope[j] = a[j] * (1.0 - a[j]);
    }
    if (!far)
        return;
    run_decay(z, n, spare);
    for (npy_intp j = 0; j < n; j++)
        if (z[j] > FAR_SIGMOID) /* sigmoid(-z) */
            slope[j] = a[j] * ((-z[j] >= 0.0 ? 1.0 : spare[j]) / (1.0 + spare[j]));
}

static void tanh_value(const double *z, npy_intp n, double *a) { run_loop(&tanh_loop, z, n, a); }

static void tanh_slope(const double *z, const double *a, npy_intp n, double *slope, double *spare)
{
    int flat = 0;
    for (npy_intp j = 0; j < n; j++) {
        slope[j] = 1.0 - a[j] * a[j];
        flat |= slope[j] < FLAT_TANH;
    }
    if (!flat)
        return;
    run_decay(z, n, spare);
    for (npy_intp j = 0; j < n; j++)
        if (slope[j] < FLAT_TANH) {
            const double square = spare[j] * spare[j];
            slope[j] = 4.0 * square / ((1.0 + square) * (1.0 + square));
        }
}

static void relu_value(const double *z, npy_intp n, double *a)
{
    double zero = 0.0;
    char *places[3] = {(char *)z, (char *)&zero, (char *)a};
    npy_intp steps[3] = {sizeof(double), 0, sizeof(double)};
    maximum_loop.run(places, &n, steps, maximum_loop.data);
}

static void relu_slope(const double *z, const double *a, npy_intp n, double *slope, double *spare)
{
    for (npy_intp j = 0; j < n; j++)
        slope[j] = z[j] > 0.0 ? 1.0 : 0.0;
}

static void leaky_relu_value(const double *z, npy_intp n, double *a)
{
    for (npy_intp j = 0; j < n; j++)
        a[j] = z[j] > 0.0 ? z[j] : 0.01 * z[j];
}

static void leaky_relu_slope(const double *z, const double *a, npy_intp n, double *slope, double *spare)
{
    for (npy_intp j = 0; j < n; j++)
        slope[j] = z[j] > 0.0 ? 1.0 : 0.01;
}

static void sin_value(const double *z, npy_intp n, double *a) { run_loop(&sin_loop, z, n, a); }

static void sin_slope(const double *z, const double *a, npy_intp n, double *slope, double *spare)
{
    run_loop(&cos_loop, z, n, slope);
}

/* A slope is handed room for n numbers to spare. */
typedef struct {
    const char *name;
    void (*value)(const double *z, npy_intp n, double *a);
    void (*slope)(const double *z, const double *a, npy_intp n, double *slope, double *spare);
    PyObject *object; /* the Activation of this name, as the package makes it */
} Function;

static Function FUNCTIONS[] = {
    {"tanh", tanh_value, tanh_slope, NULL},          {"identity", identity_value, identity_slope, NULL},
    {"sigmoid", sigmoid_value, sigmoid_slope, NULL}, {"relu", relu_value, relu_slope, NULL},
    {"leaky_relu", leaky_relu_value, leaky_relu_slope, NULL}, {"sin", sin_value, sin_slope, NULL},
};
enum { N_FUNCTIONS = sizeof FUNCTIONS / sizeof *FUNCTIONS };

static int find_loops(PyObject *numpy)
{
    return find_loop(numpy, "exp", &exp_loop) || find_loop(numpy, "tanh", &tanh_loop) ||
                   find_loop(numpy, "sin", &sin_loop) || find_loop(numpy, "cos", &cos_loop) ||
                   find_loop(numpy, "maximum", &maximum_loop)
               ? -1
               : 0;
}

#endif
