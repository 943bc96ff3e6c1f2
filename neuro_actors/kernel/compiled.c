/* The kernel: what neuron/sums.py and neuron/local_rule.py say, in C.
 *
 * The Python code is the law, and each function here has one there with the same bits. The kernel takes the usual
 * case alone: float64 arrays that are C-contiguous, ordered sums, finite numbers, the functions of functions.h, the
 * package's own optimizers. Everything else goes, whole, to the Python code: other arrays and functions, tangent steps,
 * and each step that ends in an error. A phase changes the neuron only at its end, so the Python code begins where the
 * kernel began. Code of a user's own is not called before that, but for schedules of learning rates.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/ufuncobject.h>

#include "arithmetic.h"
#include "functions.h"

/* --- what the Python side hands over once, by `connect` ----------------------------------------------------------- */

static struct {
    PyObject *weighted_sum, *sum_of_rows, *mean_products, *spread, *all_finite; /* of sums.py, neuron_state.py */
    PyObject *fire, *respond, *conclude;                                        /* of LocalRule and TangentRule */
    PyObject *ordered, *nothing, *NeuronState, *SGD, *Adam, *rate_of;
} python;

static PyObject *own_conclude; /* Cell.conclude */

/* names of attributes */
static PyObject *s_loss, *s_tangent, *s_optimizer, *s_wrt_inputs, *s_conclude;
static PyObject *s_learning_rate, *s_momentum, *s_weight_decay, *s_beta1, *s_beta2, *s_epsilon;

/* --- arrays --------------------------------------------------------------------------------------------------------- */

#define NUMBERS(array) ((double *)PyArray_DATA((PyArrayObject *)(array)))

/* A float64 array that C can read as it lies. A subclass of ndarray is left to Python. */
static int is_plain(PyObject *object, int ndim)
{
    PyArrayObject *array = (PyArrayObject *)object;
    return PyArray_CheckExact(object) && PyArray_NDIM(array) == ndim && PyArray_TYPE(array) == NPY_DOUBLE &&
           PyArray_ISCARRAY_RO(array);
}

static int is_plain_vector(PyObject *object, npy_intp n)
{
    return is_plain(object, 1) && PyArray_DIM((PyArrayObject *)object, 0) == n;
}

static int can_be_written(PyObject *object) { return PyArray_ISWRITEABLE((PyArrayObject *)object); }

/* Rows that may lie apart, but whose own numbers follow each other. */
static int are_rows_to_write(PyObject *object, npy_intp n, npy_intp m)
{
    PyArrayObject *array = (PyArrayObject *)object;
    return PyArray_CheckExact(object) && PyArray_NDIM(array) == 2 && PyArray_TYPE(array) == NPY_DOUBLE &&
           PyArray_ISBEHAVED(array) && PyArray_DIM(array, 0) == n && PyArray_DIM(array, 1) == m &&
           (m == 1 || PyArray_STRIDE(array, 1) == sizeof(double));
}

static PyObject *new_vector(npy_intp n) { return PyArray_SimpleNew(1, &n, NPY_DOUBLE); }

static void freeze(PyObject *array) { PyArray_CLEARFLAGS((PyArrayObject *)array, NPY_ARRAY_WRITEABLE); }

/* Write weights[i] * values into the i-th row; `order` names the weights, if it is not NULL. */
static void spread_rows(const double *weights, const npy_intp *order, const double *values, PyObject *rows)
{
    PyArrayObject *array = (PyArrayObject *)rows;
    const npy_intp n = PyArray_DIM(array, 0), m = PyArray_DIM(array, 1), stride = PyArray_STRIDE(array, 0);
    char *place = PyArray_BYTES(array);
    for (npy_intp i = 0; i < n; i++, place += stride)
        if (m == 1)
            *(double *)place = weights[order == NULL ? i : order[i]] * values[0];
        else
            scale(weights[order == NULL ? i : order[i]], values, m, (double *)place);
}

static PyObject *hold(PyObject *object)
{
    Py_INCREF(object);
    return object;
}

/* Replace what a field holds. */
static void set(PyObject **field, PyObject *value)
{
    PyObject *before = *field;
    Py_INCREF(value);
    *field = value;
    Py_XDECREF(before);
}

static PyObject *call(PyObject *function, PyObject *const *arguments, Py_ssize_t n)
{
    if (function == NULL)
        return PyErr_Format(PyExc_RuntimeError, "the kernel is used before neuron/kernel_rule.py has connected it");
    PyObject *all = PyTuple_New(n);
    if (all == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        Py_INCREF(arguments[i]);
        PyTuple_SetItem(all, i, arguments[i]);
    }
    PyObject *result = PyObject_Call(function, all, NULL);
    Py_DECREF(all);
    return result;
}

static PyObject *call_method(PyObject *function, PyObject *self, PyObject *const *arguments, Py_ssize_t n)
{
    PyObject *all[5] = {self};
    for (Py_ssize_t i = 0; i < n && i < 4; i++)
        all[i + 1] = arguments[i];
    return call(function, all, n + 1);
}

/* A call with names of arguments is left to Python. */
static PyObject *call_with_names(PyObject *function, PyObject *self, PyObject *const *arguments, Py_ssize_t n,
                                 PyObject *names)
{
    PyObject *all = PyTuple_New(n + 1), *named = PyDict_New(), *result = NULL;
    if (all != NULL && named != NULL) {
        Py_INCREF(self);
        PyTuple_SetItem(all, 0, self);
        for (Py_ssize_t i = 0; i < n; i++) {
            Py_INCREF(arguments[i]);
            PyTuple_SetItem(all, i + 1, arguments[i]);
        }
        int failed = 0;
        for (Py_ssize_t i = 0; i < PyTuple_Size(names); i++)
            failed |= PyDict_SetItem(named, PyTuple_GetItem(names, i), arguments[n + i]) < 0;
        if (!failed)
            result = PyObject_Call(function, all, named);
    }
    Py_XDECREF(all);
    Py_XDECREF(named);
    return result;
}

static int expects(const char *name, Py_ssize_t n, Py_ssize_t least, Py_ssize_t most)
{
    if (least <= n && n <= most)
        return 1;
    PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, got %zd", name, least, n);
    return 0;
}

/* Whether an attribute is true: 1 or 0, -1 with an exception. */
static int is_true(PyObject *object, PyObject *name)
{
    PyObject *value = PyObject_GetAttr(object, name);
    if (value == NULL)
        return -1;
    const int found = PyObject_IsTrue(value);
    Py_DECREF(value);
    return found;
}

/* --- the sums ------------------------------------------------------------------------------------------------------- */

static PyObject *module_weighted_sum(PyObject *module, PyObject *const *arguments, Py_ssize_t n)
{
    if (!expects("weighted_sum", n, 2, 2))
        return NULL;
    PyObject *weights = arguments[0], *rows = arguments[1];
    if (!is_plain(rows, 2) || !is_plain(weights, 1))
        return call(python.weighted_sum, arguments, n);
    const npy_intp terms = PyArray_DIM((PyArrayObject *)rows, 0), columns = PyArray_DIM((PyArrayObject *)rows, 1);
    if (terms == 0 || columns == 0 || PyArray_DIM((PyArrayObject *)weights, 0) != terms)
        return call(python.weighted_sum, arguments, n);
    PyObject *total = new_vector(columns);
    if (total != NULL)
        weighted_sum(NUMBERS(weights), NUMBERS(rows), terms, columns, NUMBERS(total));
    return total;
}

static PyObject *module_sum_of_rows(PyObject *module, PyObject *rows)
{
    if (!is_plain(rows, 2) || PyArray_SIZE((PyArrayObject *)rows) == 0)
        return call(python.sum_of_rows, &rows, 1);
    const npy_intp terms = PyArray_DIM((PyArrayObject *)rows, 0), columns = PyArray_DIM((PyArrayObject *)rows, 1);
    PyObject *total = new_vector(columns);
    if (total != NULL)
        sum_of_rows(NUMBERS(rows), terms, columns, NUMBERS(total));
    return total;
}

static PyObject *module_mean_products(PyObject *module, PyObject *const *arguments, Py_ssize_t n)
{
    if (!expects("mean_products", n, 3, 4))
        return NULL;
    PyObject *rows = arguments[0], *values = arguments[1], *out = arguments[2];
    if (!is_plain(rows, 2) || !is_plain(values, 1) || !is_plain(out, 1) || !can_be_written(out))
        return call(python.mean_products, arguments, n);
    const npy_intp terms = PyArray_DIM((PyArrayObject *)rows, 0), columns = PyArray_DIM((PyArrayObject *)rows, 1);
    Py_ssize_t positions = 1;
    if (n == 4 && (positions = PyLong_AsSsize_t(arguments[3])) == -1 && PyErr_Occurred())
        return NULL;
    if (terms == 0 || positions < 1 || columns < positions || PyArray_DIM((PyArrayObject *)values, 0) != columns ||
        PyArray_DIM((PyArrayObject *)out, 0) != terms)
        return call(python.mean_products, arguments, n);
    mean_products(NUMBERS(rows), NUMBERS(values), terms, columns, (double)(columns / positions), NUMBERS(out));
    Py_RETURN_NONE;
}

static PyObject *module_spread(PyObject *module, PyObject *const *arguments, Py_ssize_t n)
{
    if (!expects("spread", n, 3, 3))
        return NULL;
    PyObject *weights = arguments[0], *values = arguments[1], *out = arguments[2];
    if (!is_plain(weights, 1) || !is_plain(values, 1) ||
        !are_rows_to_write(out, PyArray_DIM((PyArrayObject *)weights, 0), PyArray_DIM((PyArrayObject *)values, 0)))
        return call(python.spread, arguments, n);
    spread_rows(NUMBERS(weights), NULL, NUMBERS(values), out);
    Py_RETURN_NONE;
}

static PyObject *module_all_finite(PyObject *module, PyObject *values)
{
    if (!PyArray_CheckExact(values) || PyArray_TYPE((PyArrayObject *)values) != NPY_DOUBLE ||
        !PyArray_ISCARRAY_RO((PyArrayObject *)values))
        return call(python.all_finite, &values, 1);
    return PyBool_FromLong(all_finite(NUMBERS(values), PyArray_SIZE((PyArrayObject *)values)));
}

/* --- a neuron ------------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    PyObject *activation, *activations_in, *fired, *frozen, *function, *id, *listening, *positions, *signal, *state;
    PyObject *sums;
} Cell;

static PyMemberDef cell_members[] = {
    {"activation", T_OBJECT_EX, offsetof(Cell, activation), 0, NULL},
    {"activations_in", T_OBJECT_EX, offsetof(Cell, activations_in), 0, NULL},
    {"fired", T_OBJECT_EX, offsetof(Cell, fired), 0, NULL},
    {"frozen", T_OBJECT_EX, offsetof(Cell, frozen), 0, NULL},
    {"function", T_OBJECT_EX, offsetof(Cell, function), 0, NULL},
    {"id", T_OBJECT_EX, offsetof(Cell, id), 0, NULL},
    {"listening", T_OBJECT_EX, offsetof(Cell, listening), 0, NULL},
    {"positions", T_OBJECT_EX, offsetof(Cell, positions), 0, NULL},
    {"signal", T_OBJECT_EX, offsetof(Cell, signal), 0, NULL},
    {"state", T_OBJECT_EX, offsetof(Cell, state), 0, NULL},
    {"sums", T_OBJECT_EX, offsetof(Cell, sums), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static int cell_traverse(PyObject *object, visitproc visit, void *arg)
{
    Cell *self = (Cell *)object;
    Py_VISIT(Py_TYPE(object));
    for (PyMemberDef *one = cell_members; one->name != NULL; one++)
        Py_VISIT(*(PyObject **)((char *)self + one->offset));
    return 0;
}

static int cell_clear(PyObject *object)
{
    Cell *self = (Cell *)object;
    for (PyMemberDef *one = cell_members; one->name != NULL; one++)
        Py_CLEAR(*(PyObject **)((char *)self + one->offset));
    return 0;
}

static void cell_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    cell_clear(object);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

/* Whether all fields are set; the package's own rules set them when they are made. */
static int is_complete(Cell *self)
{
    return self->function && self->state && self->sums && self->positions && self->listening && self->frozen &&
           self->fired && self->signal && self->activation && self->activations_in;
}

/* The parameters of a state: a float64 vector of `n` numbers, borrowed. NULL: Python looks after it. */
static PyObject *parameters_of(PyObject *state, npy_intp n)
{
    if ((PyObject *)Py_TYPE(state) != python.NeuronState || PyTuple_Size(state) != 4)
        return NULL;
    PyObject *parameters = PyTuple_GetItem(state, 0);
    return is_plain_vector(parameters, n) ? parameters : NULL;
}

static const Function *function_of(Cell *self)
{
    for (int k = 0; k < N_FUNCTIONS; k++)
        if (FUNCTIONS[k].object == self->function)
            return &FUNCTIONS[k];
    return NULL;
}

/* fire(step, activations_in, activation_out) */
static PyObject *cell_fire(PyObject *object, PyObject *const *arguments, Py_ssize_t n, PyObject *names)
{
    if (names != NULL)
        return call_with_names(python.fire, object, arguments, n, names);
    if (!expects("fire", n, 3, 3))
        return NULL;
    Cell *self = (Cell *)object;
    PyObject *step = arguments[0], *rows = arguments[1], *out = arguments[2];
    PyObject *signal = NULL, *activation = NULL;
    const int is_tangent = is_true(step, s_tangent);
    if (is_tangent < 0)
        return NULL;
    const Function *function = function_of(self);
    if (is_tangent || function == NULL || !is_complete(self) || self->sums != python.ordered || !is_plain(rows, 2))
        goto in_python;
    const npy_intp terms = PyArray_DIM((PyArrayObject *)rows, 0), columns = PyArray_DIM((PyArrayObject *)rows, 1);
    PyObject *parameters = parameters_of(self->state, terms);
    if (parameters == NULL || terms == 0 || columns == 0 || !is_plain_vector(out, columns) || !can_be_written(out))
        goto in_python;
    signal = new_vector(columns);
    activation = new_vector(columns);
    if (signal == NULL || activation == NULL)
        goto failed;
    weighted_sum(NUMBERS(parameters), NUMBERS(rows), terms, columns, NUMBERS(signal));
    freeze(signal);
    function->value(NUMBERS(signal), columns, NUMBERS(activation));
    if (!all_finite(NUMBERS(activation), columns))
        goto in_python;
    PyObject *loss = PyObject_GetAttr(step, s_loss);
    if (loss == NULL)
        goto failed;
    if (loss != Py_None) {
        set(&self->fired, step);
        set(&self->activations_in, rows);
        set(&self->signal, signal);
        set(&self->activation, activation);
    }
    Py_DECREF(loss);
    memmove(NUMBERS(out), NUMBERS(activation), (size_t)columns * sizeof(double));
    Py_DECREF(signal);
    Py_DECREF(activation);
    Py_RETURN_NONE;
in_python:
    Py_XDECREF(signal);
    Py_XDECREF(activation);
    return call_method(python.fire, object, arguments, n);
failed:
    Py_XDECREF(signal);
    Py_XDECREF(activation);
    return NULL;
}

/* A float among an optimizer's fields. Returns 0, or -1 with an exception. */
static int get_number(PyObject *object, PyObject *name, double *number)
{
    PyObject *value = PyObject_GetAttr(object, name);
    if (value == NULL)
        return -1;
    *number = PyFloat_AsDouble(value);
    Py_DECREF(value);
    return *number == -1.0 && PyErr_Occurred() ? -1 : 0;
}

/* The learning rate of an update. Returns 0, or -1 with an exception. */
static int get_rate(PyObject *optimizer, PyObject *count, double *rate)
{
    PyObject *value = PyObject_GetAttr(optimizer, s_learning_rate);
    if (value == NULL)
        return -1;
    if (!PyFloat_CheckExact(value)) { /* a schedule */
        PyObject *both[2] = {value, count};
        PyObject *found = call(python.rate_of, both, 2);
        Py_DECREF(value);
        if (found == NULL)
            return -1;
        value = found;
    }
    *rate = PyFloat_AsDouble(value);
    Py_DECREF(value);
    return *rate == -1.0 && PyErr_Occurred() ? -1 : 0;
}

/* 1 - beta ** count, by Python's own power. Returns 0, or -1 with an exception. */
static int get_correction(double beta, PyObject *count, double *correction)
{
    PyObject *base = PyFloat_FromDouble(beta);
    if (base == NULL)
        return -1;
    PyObject *power = PyNumber_Power(base, count, Py_None);
    Py_DECREF(base);
    if (power == NULL)
        return -1;
    *correction = 1.0 - PyFloat_AsDouble(power);
    Py_DECREF(power);
    return PyErr_Occurred() ? -1 : 0;
}

/* What optimizers.SGD.update makes. Returns the optimizer's new state, a tuple, or NULL: with an exception, or without
 * one where Python is to do it. `urgencies` is changed. */
static PyObject *update_by_sgd(PyObject *optimizer, const double *parameters, double *urgencies, npy_intp n,
                               PyObject *before, PyObject *count, double *updated)
{
    double rate, momentum, decay;
    if (get_number(optimizer, s_momentum, &momentum) || get_number(optimizer, s_weight_decay, &decay) ||
        get_rate(optimizer, count, &rate))
        return NULL;
    if (decay != 0.0)
        for (npy_intp i = 0; i < n; i++)
            urgencies[i] = urgencies[i] - decay * parameters[i];
    PyObject *velocity = NULL;
    if (momentum != 0.0) {
        if (PyTuple_Size(before) != 1 || !is_plain_vector(PyTuple_GetItem(before, 0), n))
            return NULL;
        velocity = new_vector(n);
        if (velocity == NULL)
            return NULL;
        const double *old = NUMBERS(PyTuple_GetItem(before, 0));
        double *moved = NUMBERS(velocity);
        for (npy_intp i = 0; i < n; i++)
            moved[i] = momentum * old[i] + urgencies[i];
        urgencies = moved;
    }
    for (npy_intp i = 0; i < n; i++)
        updated[i] = parameters[i] + rate * urgencies[i];
    if (velocity == NULL) {
        Py_INCREF(before);
        return before;
    }
    PyObject *state = PyTuple_New(1);
    if (state == NULL) {
        Py_DECREF(velocity);
        return NULL;
    }
    PyTuple_SetItem(state, 0, velocity);
    return state;
}

/* What optimizers.Adam.update makes; see update_by_sgd. */
static PyObject *update_by_adam(PyObject *optimizer, const double *parameters, double *urgencies, npy_intp n,
                                PyObject *before, PyObject *count, double *updated)
{
    double rate, beta1, beta2, epsilon, decay, correction1, correction2;
    if (get_number(optimizer, s_beta1, &beta1) || get_number(optimizer, s_beta2, &beta2) ||
        get_number(optimizer, s_epsilon, &epsilon) || get_number(optimizer, s_weight_decay, &decay) ||
        get_rate(optimizer, count, &rate) || get_correction(beta1, count, &correction1) ||
        get_correction(beta2, count, &correction2))
        return NULL;
    if (PyTuple_Size(before) != 2 || !is_plain_vector(PyTuple_GetItem(before, 0), n) ||
        !is_plain_vector(PyTuple_GetItem(before, 1), n))
        return NULL;
    PyObject *state = PyTuple_New(2), *mean = new_vector(n), *square = new_vector(n);
    if (state == NULL || mean == NULL || square == NULL) {
        Py_XDECREF(state);
        Py_XDECREF(mean);
        Py_XDECREF(square);
        return NULL;
    }
    const double *mean_before = NUMBERS(PyTuple_GetItem(before, 0)), *square_before = NUMBERS(PyTuple_GetItem(before, 1));
    double *means = NUMBERS(mean), *squares = NUMBERS(square);
    const double rest1 = 1.0 - beta1, rest2 = 1.0 - beta2, root = sqrt(correction2), step = rate / correction1;
    for (npy_intp i = 0; i < n; i++) {
        const double urgency = decay != 0.0 ? urgencies[i] - decay * parameters[i] : urgencies[i];
        means[i] = beta1 * mean_before[i] + rest1 * urgency;
        squares[i] = beta2 * square_before[i] + rest2 * urgency * urgency;
        updated[i] = parameters[i] + step * (means[i] / (sqrt(squares[i]) / root + epsilon));
    }
    PyTuple_SetItem(state, 0, mean);
    PyTuple_SetItem(state, 1, square);
    return state;
}

/* LocalRule.learn from the state `now`, where `mask` says what is frozen, with an optimizer of the package. Returns a new
 * NeuronState, or NULL: with an exception, or without one where Python is to do it. `wanted` is changed. */
static PyObject *learned_state(PyObject *now, PyObject *mask, PyObject *optimizer, double *wanted, npy_intp n)
{
    PyObject *type = (PyObject *)Py_TYPE(optimizer), *parameters = parameters_of(now, n);
    if ((type != python.SGD && type != python.Adam) || parameters == NULL)
        return NULL;
    PyObject *last = PyTuple_GetItem(now, 1), *before = PyTuple_GetItem(now, 2);
    if (last != optimizer) {
        const int is_same = last == Py_None ? 0 : PyObject_RichCompareBool(last, optimizer, Py_EQ);
        if (is_same <= 0)
            return NULL;
    }
    if (!PyTuple_CheckExact(before))
        return NULL;
    const npy_bool *frozen = NULL;
    if (mask != Py_None) {
        PyArrayObject *array = (PyArrayObject *)mask;
        if (!PyArray_CheckExact(mask) || PyArray_NDIM(array) != 1 || PyArray_TYPE(array) != NPY_BOOL ||
            !PyArray_ISCARRAY_RO(array) || PyArray_DIM(array, 0) != n)
            return NULL;
        frozen = (const npy_bool *)PyArray_DATA(array);
    }
    PyObject *state = NULL, *memory = NULL, *updated = new_vector(n), *one = PyLong_FromLong(1);
    PyObject *count = one == NULL ? NULL : PyNumber_Add(PyTuple_GetItem(now, 3), one);
    Py_XDECREF(one);
    if (updated == NULL || count == NULL)
        goto done;
    double *numbers = NUMBERS(updated);
    const double *old = NUMBERS(parameters);
    memory = (type == python.SGD ? update_by_sgd : update_by_adam)(optimizer, old, wanted, n, before, count, numbers);
    if (memory == NULL)
        goto done;
    if (frozen != NULL)
        for (npy_intp i = 0; i < n; i++)
            if (frozen[i])
                numbers[i] = old[i];
    const Py_ssize_t parts = PyTuple_Size(memory);
    if (!all_finite(numbers, n) || (parts && !all_finite(NUMBERS(PyTuple_GetItem(memory, parts - 1)), n)))
        goto done;
    freeze(updated);
    PyObject *fields[4] = {updated, optimizer, memory, count};
    state = call(python.NeuronState, fields, 4);
done:
    Py_XDECREF(updated);
    Py_XDECREF(count);
    Py_XDECREF(memory);
    return state;
}

static void forget_step(Cell *self, PyObject *state)
{
    if (state != NULL)
        set(&self->state, state);
    set(&self->fired, Py_None);
    set(&self->activations_in, python.nothing);
    set(&self->signal, python.nothing);
    set(&self->activation, python.nothing);
}

/* End the step, as LocalRule.conclude: 1, or 0 where Python is to do it, or -1 with an exception. In a step with an
 * optimizer `wanted` is changed. */
static int conclude(Cell *self, PyObject *optimizer, double *wanted, npy_intp n, double *commit)
{
    if (!all_finite(wanted, n))
        return 0;
    PyObject *state = NULL;
    if (optimizer != Py_None) {
        PyObject *now = hold(self->state), *mask = hold(self->frozen); /* a schedule in Python may replace them */
        state = learned_state(now, mask, optimizer, wanted, n);
        Py_DECREF(now);
        Py_DECREF(mask);
        if (state == NULL)
            return PyErr_Occurred() ? -1 : 0;
        memmove(commit, NUMBERS(PyTuple_GetItem(state, 0)), (size_t)n * sizeof(double));
    }
    forget_step(self, state);
    Py_XDECREF(state);
    return 1;
}

/* conclude(step, wanted, commit_out) */
static PyObject *cell_conclude(PyObject *object, PyObject *const *arguments, Py_ssize_t n, PyObject *names)
{
    if (names != NULL)
        return call_with_names(python.conclude, object, arguments, n, names);
    if (!expects("conclude", n, 3, 3))
        return NULL;
    Cell *self = (Cell *)object;
    PyObject *wanted = arguments[1], *commit = arguments[2];
    int done = 0;
    if (is_complete(self) && is_plain(wanted, 1) && is_plain(commit, 1) && can_be_written(commit) &&
        PyArray_DIM((PyArrayObject *)wanted, 0) == PyArray_DIM((PyArrayObject *)commit, 0)) {
        const npy_intp size = PyArray_DIM((PyArrayObject *)wanted, 0);
        PyObject *optimizer = PyObject_GetAttr(arguments[0], s_optimizer);
        double *copy = optimizer == NULL ? NULL : PyMem_Malloc((size_t)(size ? size : 1) * sizeof(double));
        if (copy == NULL) {
            Py_XDECREF(optimizer);
            return PyErr_Occurred() ? NULL : PyErr_NoMemory();
        }
        memcpy(copy, NUMBERS(wanted), (size_t)size * sizeof(double));
        done = conclude(self, optimizer, copy, size, NUMBERS(commit));
        PyMem_Free(copy);
        Py_DECREF(optimizer);
    }
    if (done < 0)
        return NULL;
    if (done)
        Py_RETURN_NONE;
    return call_method(python.conclude, object, arguments, n);
}

/* respond(step, urgencies_in, urgencies_out, commit_out) */
static PyObject *cell_respond(PyObject *object, PyObject *const *arguments, Py_ssize_t n, PyObject *names)
{
    if (names != NULL)
        return call_with_names(python.respond, object, arguments, n, names);
    if (!expects("respond", n, 4, 4))
        return NULL;
    Cell *self = (Cell *)object;
    PyObject *step = arguments[0], *rows_in = arguments[1], *rows_out = arguments[2], *commit = arguments[3];
    PyObject *optimizer = NULL, *concluder = NULL, *wanted_array = NULL;
    double *scratch = NULL;
    int done = 0;
    const int is_tangent = is_true(step, s_tangent);
    if (is_tangent < 0)
        return NULL;
    const Function *function = function_of(self);
    if (is_tangent || function == NULL || !is_complete(self) || self->fired != step || self->sums != python.ordered ||
        !is_plain(self->activations_in, 2) || !is_plain(rows_in, 2) || !is_plain(commit, 1) || !can_be_written(commit))
        goto end;
    PyObject *received = self->activations_in, *listening = self->listening;
    PyArrayObject *followers = (PyArrayObject *)rows_in;
    const npy_intp terms = PyArray_DIM((PyArrayObject *)received, 0);
    const npy_intp columns = PyArray_DIM((PyArrayObject *)received, 1);
    PyObject *parameters = parameters_of(self->state, terms);
    const Py_ssize_t positions = PyLong_AsSsize_t(self->positions);
    if (positions == -1)
        PyErr_Clear(); /* no whole number: Python's own error follows */
    if (parameters == NULL || terms == 0 || columns == 0 || positions < 1 || columns < positions ||
        PyArray_DIM(followers, 0) == 0 || PyArray_DIM(followers, 1) != columns || !is_plain_vector(commit, terms) ||
        !is_plain_vector(self->signal, columns) || !is_plain_vector(self->activation, columns))
        goto end;

    /* which sources listen */
    const npy_intp *order = NULL;
    npy_intp listeners = terms - 1;
    if (listening != Py_None) {
        const int to_all = is_true(step, s_wrt_inputs);
        if (to_all < 0) {
            done = -1;
            goto end;
        }
        if (!to_all) {
            PyArrayObject *array = (PyArrayObject *)listening;
            if (!PyArray_CheckExact(listening) || PyArray_NDIM(array) != 1 || PyArray_TYPE(array) != NPY_INTP ||
                !PyArray_ISCARRAY_RO(array))
                goto end;
            order = (const npy_intp *)PyArray_DATA(array);
            listeners = PyArray_DIM(array, 0);
        }
    }
    const int sends = PyArray_CheckExact(rows_out) && PyArray_SIZE((PyArrayObject *)rows_out) > 0;
    if (!PyArray_CheckExact(rows_out) || (sends && !are_rows_to_write(rows_out, listeners, columns)))
        goto end;

    optimizer = PyObject_GetAttr(step, s_optimizer);
    concluder = PyObject_GetAttr((PyObject *)Py_TYPE(object), s_conclude);
    scratch = PyMem_Malloc((size_t)(3 * columns + terms) * sizeof(double));
    if (optimizer == NULL || concluder == NULL || scratch == NULL) {
        if (!PyErr_Occurred())
            PyErr_NoMemory();
        done = -1;
        goto end;
    }
    double *urgency = scratch, *slope = scratch + columns, *spare = slope + columns;
    sum_of_rows(NUMBERS(rows_in), PyArray_DIM(followers, 0), columns, urgency);
    function->slope(NUMBERS(self->signal), NUMBERS(self->activation), columns, slope, spare);
    multiply(slope, columns, urgency);
    if (!all_finite(urgency, columns))
        goto end;
    if (sends) {
        const double *weights = NUMBERS(parameters);
        double most = 0.0;
        if (order == NULL)
            most = greatest(weights, listeners);
        else
            for (npy_intp i = 0; i < listeners; i++) {
                if (order[i] < 0 || order[i] >= terms - 1)
                    goto end;
                const double size = fabs(weights[order[i]]);
                most = size > most ? size : most;
            }
        if (!all_finite(weights, terms) || !isfinite(most * greatest(urgency, columns)))
            goto end; /* then one of the products is not finite */
        spread_rows(weights, order, urgency, rows_out);
    }
    const int ends_here = concluder == own_conclude;
    double *wanted = spare + columns;
    if (!ends_here) {
        wanted_array = new_vector(terms);
        if (wanted_array == NULL) {
            done = -1;
            goto end;
        }
    }
    if (optimizer == Py_None)
        wanted = NUMBERS(commit);
    else if (!ends_here)
        wanted = NUMBERS(wanted_array);
    mean_products(NUMBERS(received), urgency, terms, columns, (double)(columns / positions), wanted);
    if (ends_here)
        done = conclude(self, optimizer, wanted, terms, NUMBERS(commit));
    else { /* a class of the package with an end of its own, such as TimeNeuron */
        PyObject *all[4] = {object, step, optimizer == Py_None ? commit : wanted_array, commit};
        PyObject *result = call(concluder, all, 4);
        done = result == NULL ? -1 : 1;
        Py_XDECREF(result);
    }
end:
    Py_XDECREF(optimizer);
    Py_XDECREF(concluder);
    Py_XDECREF(wanted_array);
    PyMem_Free(scratch);
    if (done < 0)
        return NULL;
    if (done)
        Py_RETURN_NONE;
    return call_method(python.respond, object, arguments, n);
}

static PyMethodDef cell_methods[] = {
    {"fire", (PyCFunction)(void (*)(void))cell_fire, METH_FASTCALL | METH_KEYWORDS, "See `LocalRule.fire`."},
    {"respond", (PyCFunction)(void (*)(void))cell_respond, METH_FASTCALL | METH_KEYWORDS, "See `LocalRule.respond`."},
    {"conclude", (PyCFunction)(void (*)(void))cell_conclude, METH_FASTCALL | METH_KEYWORDS, "See `LocalRule.conclude`."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot cell_slots[] = {
    {Py_tp_doc, "The attributes of a neuron's rule, as fields that C reads; see `LocalRule`."},
    {Py_tp_members, cell_members},
    {Py_tp_methods, cell_methods},
    {Py_tp_traverse, cell_traverse},
    {Py_tp_clear, cell_clear},
    {Py_tp_dealloc, cell_dealloc},
    {0, NULL},
};

static PyType_Spec cell_spec = {
    .name = "neuro_actors.kernel.compiled.Cell",
    .basicsize = sizeof(Cell),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = cell_slots,
};

/* --- the module ----------------------------------------------------------------------------------------------------- */

/* connect(name, object): hand over an object of the Python side. */
static PyObject *module_connect(PyObject *module, PyObject *arguments)
{
    const char *name;
    PyObject *object;
    if (!PyArg_ParseTuple(arguments, "sO", &name, &object))
        return NULL;
    const struct {
        const char *name;
        PyObject **place;
    } places[] = {
        {"weighted_sum", &python.weighted_sum}, {"sum_of_rows", &python.sum_of_rows},
        {"mean_products", &python.mean_products}, {"spread", &python.spread}, {"all_finite", &python.all_finite},
        {"fire", &python.fire}, {"respond", &python.respond}, {"conclude", &python.conclude},
        {"ordered", &python.ordered}, {"nothing", &python.nothing}, {"NeuronState", &python.NeuronState},
        {"SGD", &python.SGD}, {"Adam", &python.Adam}, {"rate_of", &python.rate_of},
    };
    for (size_t k = 0; k < sizeof places / sizeof *places; k++)
        if (strcmp(places[k].name, name) == 0) {
            set(places[k].place, object);
            Py_RETURN_NONE;
        }
    for (int k = 0; k < N_FUNCTIONS; k++)
        if (strcmp(FUNCTIONS[k].name, name) == 0) {
            set(&FUNCTIONS[k].object, object);
            Py_RETURN_NONE;
        }
    return PyErr_Format(PyExc_KeyError, "the kernel knows no %s", name);
}

static PyMethodDef module_methods[] = {
    {"weighted_sum", (PyCFunction)(void (*)(void))module_weighted_sum, METH_FASTCALL, "See `Sums.weighted_sum`."},
    {"sum_of_rows", module_sum_of_rows, METH_O, "See `Sums.sum_of_rows`."},
    {"mean_products", (PyCFunction)(void (*)(void))module_mean_products, METH_FASTCALL, "See `Sums.mean_products`."},
    {"spread", (PyCFunction)(void (*)(void))module_spread, METH_FASTCALL, "See `sums.spread`."},
    {"all_finite", module_all_finite, METH_O, "See `neuron_state.all_finite`."},
    {"connect", module_connect, METH_VARARGS, "Hand over an object of the Python side by its name."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT, "compiled", "The kernel in C; see `neuro_actors/kernel/__init__.py`.", -1, module_methods,
    NULL, NULL, NULL, NULL,
};

static int intern(PyObject **place, const char *text)
{
    *place = PyUnicode_InternFromString(text);
    return *place == NULL ? -1 : 0;
}

static int add_cell(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&cell_spec);
    if (type == NULL)
        return -1;
    Py_ssize_t count = 0;
    while (cell_members[count].name != NULL)
        count++;
    /* as a class in Python has it, for whatever lists a rule's attributes */
    PyObject *names = PyTuple_New(count);
    for (Py_ssize_t k = 0; names != NULL && k < count; k++)
        PyTuple_SetItem(names, k, PyUnicode_FromString(cell_members[k].name));
    own_conclude = PyObject_GetAttrString(type, "conclude");
    const int failed = names == NULL || own_conclude == NULL || PyObject_SetAttrString(type, "__slots__", names) < 0 ||
                       PyModule_AddObjectRef(module, "Cell", type) < 0;
    Py_XDECREF(names);
    Py_DECREF(type);
    return failed ? -1 : 0;
}

static int add_function_names(PyObject *module)
{
    PyObject *names = PyTuple_New(N_FUNCTIONS);
    for (Py_ssize_t k = 0; names != NULL && k < N_FUNCTIONS; k++)
        PyTuple_SetItem(names, k, PyUnicode_FromString(FUNCTIONS[k].name));
    const int failed = names == NULL || PyModule_AddObjectRef(module, "FUNCTIONS", names) < 0;
    Py_XDECREF(names);
    return failed ? -1 : 0;
}

PyMODINIT_FUNC PyInit_compiled(void)
{
    if (PyArray_ImportNumPyAPI() < 0)
        return NULL;
    import_umath();
    PyObject *numpy = PyImport_ImportModule("numpy"), *module = NULL;
    if (numpy != NULL && find_loops(numpy) == 0 && !intern(&s_loss, "loss") && !intern(&s_tangent, "tangent") &&
        !intern(&s_optimizer, "optimizer") && !intern(&s_wrt_inputs, "wrt_inputs") && !intern(&s_conclude, "conclude") &&
        !intern(&s_learning_rate, "learning_rate") && !intern(&s_momentum, "momentum") &&
        !intern(&s_weight_decay, "weight_decay") && !intern(&s_beta1, "beta1") && !intern(&s_beta2, "beta2") &&
        !intern(&s_epsilon, "epsilon"))
        module = PyModule_Create(&module_definition);
    Py_XDECREF(numpy);
    if (module != NULL && (add_cell(module) < 0 || add_function_names(module) < 0))
        Py_CLEAR(module);
    return module;
}
