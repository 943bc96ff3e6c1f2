"""Builders of layers: what they compute, by formulas in numpy; names; what they refuse."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import neuro_actors as na
from neuro_actors.layers.layer import Layer

L = na.layers
RNG = np.random.default_rng(0)


def weights_of(net: na.Network, ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The weights of some neurons, one row for each, and their biases."""
    rows = [net.weights[net.incoming.of(net.position[name])] for name in ids]
    return np.array(rows), net.biases[[net.position[name] for name in ids]]


def drawn(*outputs: Layer, seed: int = 0) -> na.Network:
    """A network in which what learns, biases too, is drawn."""
    net = L.network(*outputs, seed=seed)
    rng = np.random.default_rng(seed)
    learns = (net.n_parameters > 0) & ~net.frozen_biases
    weights = np.where(net.frozen_weights, net.weights, rng.normal(size=len(net.weights)))
    return net.with_parameters(weights, np.where(learns, rng.normal(size=len(net.ids)), net.biases))


def ids(layer: Layer) -> list[str]:
    return list(layer.ids)


def slope_along(net: na.Network, x: np.ndarray, targets: np.ndarray) -> None:
    """The gradient along a direction, by differences."""
    found = na.gradient(net, x, targets)
    learns = (net.n_parameters > 0) & ~net.frozen_biases
    along = np.where(net.frozen_weights, 0.0, RNG.normal(size=len(net.weights)))
    biases = np.where(learns, RNG.normal(size=len(net.ids)), 0.0)
    h = 1e-6
    losses = [
        na.gradient(
            net.with_parameters(net.weights + s * along, net.biases + s * biases), x, targets
        ).loss
        for s in (h, -h)
    ]
    expected = found.weights @ along + found.biases @ biases
    assert (losses[0] - losses[1]) / (2 * h) == pytest.approx(expected, rel=1e-5)


def test_a_plain_network_is_that_of_layered() -> None:
    """Names, weights, bits: a name for each layer is all that differs."""
    x = L.inputs(3)
    y = L.dense(L.dense(x, 4, "tanh", name="h1"), 2, name="y")
    net, other = L.network(y, seed=5), na.Network.layered([3, 4, 2], seed=5)
    assert net.ids == ("x0", "x1", "x2", "h1.0", "h1.1", "h1.2", "h1.3", "y.0", "y.1")
    assert np.array_equal(net.weights, other.weights)
    assert "layer" not in net.describe()


def test_conv2d_by_its_formula() -> None:
    made = L.conv2d(
        L.inputs(4, (5, 6)), 4, (3, 2), "tanh", stride=(2, 1), padding=1, dilation=(1, 2), groups=2
    )
    net = drawn(made)
    w, b = weights_of(net, ids(made))
    w = w.reshape(4, 2, 3, 2)
    x = RNG.normal(size=(2, 5, 6, 4))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = np.zeros((2, *made.grid, 4))
    for i, j, k in itertools.product(range(made.grid[0]), range(made.grid[1]), range(4)):
        group = k // 2 * 2
        for c, a, d in itertools.product(range(2), range(3), range(2)):
            expected[:, i, j, k] += w[k, c, a, d] * padded[:, 2 * i + a, j + 2 * d, group + c]
    np.testing.assert_allclose(na.predict(net, x), np.tanh(expected + b), rtol=0, atol=1e-14)
    slope_along(net, x, RNG.normal(size=expected.shape))


def test_pools_and_flatten_by_their_formulas() -> None:
    x = L.inputs(2, (4, 6))
    largest, mean, flat = L.max_pool(x, 2), L.mean_pool(x, (2, 3)), L.flatten(x)
    values = RNG.normal(size=(3, 4, 6, 2))
    blocks = values.reshape(3, 2, 2, 3, 2, 2)
    np.testing.assert_array_equal(na.predict(L.network(largest), values), blocks.max((2, 4)))
    means = values.reshape(3, 2, 2, 2, 3, 2).mean((2, 4))
    np.testing.assert_allclose(na.predict(L.network(mean), values), means, atol=1e-15)
    np.testing.assert_array_equal(
        na.predict(L.network(flat), values), np.moveaxis(values, 3, 1).reshape(3, 48)
    )
    assert flat.ids[7] == "flatten1.0 1,1"


def test_layer_norm_and_softmax_by_their_formulas() -> None:
    x = L.inputs(5, 3)
    values = 3 + RNG.normal(size=(2, 3, 5))
    mean, var = values.mean(-1, keepdims=True), values.var(-1, keepdims=True)
    normal = (values - mean) / np.sqrt(var + 1e-5)
    for affine in (True, False):
        found = na.predict(L.network(L.layer_norm(x, affine=affine)), values)
        np.testing.assert_allclose(found, normal, atol=1e-14)
    far = 800 * values  # e^x alone would overflow
    e = np.exp(far - far.max(-1, keepdims=True))
    np.testing.assert_allclose(
        na.predict(L.network(L.softmax(x)), far), e / e.sum(-1, keepdims=True), atol=1e-12
    )
    slope_along(drawn(L.dense(L.softmax(L.layer_norm(x)), 2)), values, RNG.normal(size=(2, 3, 2)))


@pytest.mark.parametrize("causal", [True, False])
def test_attention_by_its_formula(causal: bool) -> None:
    made = L.attention(L.inputs(6, 4), 2, causal=causal, name="a")
    net = drawn(made)
    x, heads = RNG.normal(size=(3, 4, 6)), []
    for head in range(2):
        q, k, v = (
            x @ w.T + b
            for w, b in (
                weights_of(net, [f"a.head{head}.{g}{i}" for i in range(3)])
                for g in ("query", "key", "value")
            )
        )
        score = q @ k.transpose(0, 2, 1) / np.sqrt(3)
        if causal:
            score += np.triu(np.full((4, 4), -np.inf), 1)
        e = np.exp(score - score.max(-1, keepdims=True))
        heads.append(e / e.sum(-1, keepdims=True) @ v)
    w, b = weights_of(net, ids(made))
    np.testing.assert_allclose(na.predict(net, x), np.concatenate(heads, -1) @ w.T + b, atol=1e-13)
    slope_along(net, x, RNG.normal(size=x.shape))


def test_embedding_of_words_and_positions() -> None:
    x = L.inputs(3, 4)
    made = L.embedding(L.concatenate(x, L.positions(x)), 2)
    net = drawn(made)
    w, _ = weights_of(net, ids(made))
    words = np.array([[2, 0, 0, 1]])
    expected = w[:, words[0]].T + w[:, 3:].T
    np.testing.assert_allclose(na.predict(net, np.eye(3)[words])[0], expected, atol=1e-15)
    assert not net.biases.any()
    assert net.frozen_biases[[net.position[name] for name in made.ids]].all()


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_recurrent_layers_by_their_formulas(kind: str) -> None:
    n, m = 3, 2
    made = getattr(L, kind)(L.inputs(m), n, name="r")
    net = drawn(made)
    x = RNG.normal(size=(2, 4, m))
    h, c, said = np.zeros((2, n)), np.zeros((2, n)), []

    def of(gate: str, *given: np.ndarray) -> np.ndarray:
        w, b = weights_of(net, [f"r.{gate}{k}" for k in range(n)])
        together = np.concatenate(given, 1)
        return together @ w[:, : together.shape[1]].T + b

    def sigmoid(z: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-z))

    for t in range(4):
        now = x[:, t]
        if kind == "rnn":
            h = np.tanh(of("", now, h))
        elif kind == "gru":
            reset, update = sigmoid(of("reset", now, h)), sigmoid(of("update", now, h))
            new = np.tanh(of("new", now) + reset * of("past", h))
            h = new + update * (h - new)
        else:
            i, f, o = (sigmoid(of(gate, now, h)) for gate in ("input", "forget", "output"))
            c = f * c + i * np.tanh(of("cell", now, h))
            h = o * np.tanh(c)
        said.append(h)
    np.testing.assert_allclose(na.predict(net, x), np.stack(said, 1), atol=1e-13)
    slope_along(net, x, RNG.normal(size=(2, 4, n)))


def test_a_mean_of_all_positions_and_one_position() -> None:
    x = L.inputs(2, (3, 4))
    net = L.network(L.mean_pool(x), L.max_pool(x), L.at(x, (2, 1)))
    values = RNG.normal(size=(2, 3, 4, 2))
    expected = [values.mean((1, 2)), values.max((1, 2)), values[:, 2, 1]]
    np.testing.assert_allclose(na.predict(net, values), np.concatenate(expected, 1), rtol=1e-14)


def test_gates_and_sums() -> None:
    x = L.inputs(3)
    one, other = L.dense(x, 3, "tanh", name="one"), L.dense(x, 3, "sigmoid", name="other")
    net = drawn(L.add(x, one), L.multiply(one, other), L.multiply(one, other[1:2], name="by one"),
                L.residual(x, lambda h: L.dense(h, 3, name="branch")))  # fmt: skip
    values = RNG.normal(size=(4, 3))
    (w1, b1), (w2, b2), (w3, b3) = (
        weights_of(net, [f"{n}.{k}" for k in range(3)]) for n in ("one", "other", "branch")
    )
    a, gate = np.tanh(values @ w1.T + b1), 1 / (1 + np.exp(-(values @ w2.T + b2)))
    expected = np.concatenate(
        [values + a, a * gate, a * gate[:, 1:2], values + values @ w3.T + b3], 1
    )
    np.testing.assert_allclose(na.predict(net, values), expected, atol=1e-14)


@pytest.mark.slow
def test_a_decoder_of_two_blocks_learns_to_copy() -> None:
    """Three words, a sign that says "again": then it says the three words."""
    words, length = 4, 3
    x = L.inputs(words, 2 * length)
    h = L.embedding(L.concatenate(x, L.positions(x)), 8)
    for _ in range(2):
        h = L.transformer_block(h, 2, 16, "gelu", causal=True)
    net = L.network(L.dense(L.layer_norm(h), words), seed=0)

    def copying(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        text = np.random.default_rng(seed).integers(1, words, (n, length))
        whole = np.concatenate([text, np.zeros((n, 1), int), text], axis=1)
        return np.eye(words)[whole[:, :-1]], np.eye(words)[whole[:, 1:]]

    loss, how = (
        "softmax_cross_entropy",
        {"optimizer": na.Adam(0.01), "epochs": 20, "batch_size": 16},
    )
    trained = na.train(net, *copying(1, 96), loss, **how).network
    x, targets = copying(2, 32)
    said = na.predict(trained, x).argmax(-1)[:, length:]
    assert (said == targets.argmax(-1)[:, length:]).mean() > 0.95


# --- names ----------------------------------------------------------------------------------------


def test_every_neuron_has_a_telling_name() -> None:
    net = L.network(L.transformer_block(L.inputs(4, 3), 2, 5, name="block1", dropout=0.1))
    for name in ("block1.head0.query1", "block1.head1.value0 of pairs", "block1.head0.score", "block1.attended.3",
                 "block1.norm1.mean", "block1.norm2.0", "block1.hidden.4", "block1.sum2.1", "block1.hidden left.0"):  # fmt: skip
        assert name in net.position


def test_layers_without_a_name_are_counted() -> None:
    x = L.inputs(2)
    assert [L.dense(L.dense(x, 3), 1).name, L.dense(x, 3).name] == ["dense2", "dense1"]
    with pytest.raises(
        na.NetworkError,
        match=r"^network: two layers are called 'dense1': write name='another name'",
    ):
        L.network(L.dense(x, 3), L.dense(x, 2))
    assert repr(L.conv2d(L.inputs(3, (28, 28)), 8, 3)) == "<Layer conv1: 8 features at 26 × 26>"


def test_describe_counts_what_is_shared_once() -> None:
    h = L.conv2d(L.inputs(1, (8, 8)), 2, 3, "relu", name="conv1")
    net = L.network(L.dense(L.layer_norm(L.mean_pool(h)), 3, name="y")).with_frozen("y.0")
    rows = [line.split() for line in net.describe().splitlines()[2:]]
    assert [row[:6] for row in rows] == [
        ["x", "1", "0", "0", "0", "0"],
        ["conv1", "0", "2", "9", "20", "0"],
        ["mean_pool1", "0", "2", "2", "0", "4"],
        ["norm1", "0", "8", "2", "4", "18"],
        ["y", "0", "3", "0", "6", "3"],
        ["all", "1", "15", "13", "30", "25"],
    ]
    assert net.describe().splitlines()[-1].endswith("8 × 8, 6 × 6, one position")


def test_the_line_and_the_table_count_the_same() -> None:
    """Of each kind: inputs, neurons, interneurons, delays, parameters, frozen ones, positions."""
    h = L.rnn(L.layer_norm(L.inputs(2, 3)), 2)
    net = L.network(L.mean_pool(h))
    line, head, *_, last = net.describe().splitlines()
    assert line == repr(net)
    assert line == (
        "<Network: 2 inputs, 12 neurons, 4 interneurons, 2 delays, 30 synapses, 2 outputs; depth 8, "
        "fan-in 1 to 4; 14 parameters, 22 frozen; positions 3, one position>"
    )
    counts = dict(zip(head.split()[1:], last.split()[1:], strict=False))
    assert counts.pop("positions") == "3,"
    assert counts == {"inputs": "2", "neurons": "12", "interneurons": "4", "delays": "2", "parameters": "14",
                      "frozen": "22", "what": "one"}  # fmt: skip


def test_a_table_has_no_column_of_zeros() -> None:
    plain = na.Network.layered([3, 4, 2])
    assert plain.describe().splitlines()[1].split() == ["level", "neurons", "fan-in", "fan-out", "parameters", "activations"]  # fmt: skip
    rows = [line.split() for line in plain.with_frozen("h1.0").describe().splitlines()[1:]]
    assert [row[-2] for row in rows] == ["frozen", "0", "4", "0"]
    assert [row[-3] for row in rows] == ["parameters", "0", "12", "10"]
    at_tokens = L.network(L.dense(L.inputs(2, 3), 1))
    assert at_tokens.describe().splitlines()[1].split() == ["layer", "inputs", "neurons", "parameters", "positions", "what"]  # fmt: skip
    assert repr(at_tokens).endswith("fan-in 2; 3 parameters; positions 3>")


# --- + and * --------------------------------------------------------------------------------------


def test_plus_and_times_are_sums_and_products() -> None:
    """A gated unit as a user of PyTorch writes it; no two of its layers have one name."""
    x = L.inputs(3)
    keep, old, new = (L.dense(x, 3, a, name=n) for n, a in (("keep", "sigmoid"), ("old", "tanh"), ("new", "tanh")))  # fmt: skip
    made = keep * old + L.scale(keep, -1, plus=1) * new
    one = x * L.dense(x, 1, name="one") + L.dense(x, 1, name="two") * x
    assert (made.name, one.name) == ("keep × old + scale1 × new", "x × one + two × x")
    assert (x * (keep + old)).name == "x × (keep + old)"
    net = drawn(made, one)
    by_name = {n: weights_of(net, [f"{n}.{k}" for k in range(len(layer))])
               for n, layer in (("keep", keep), ("old", old), ("new", new), ("one", "1"), ("two", "2"))}  # fmt: skip
    values = RNG.normal(size=(4, 3))
    z = {n: values @ w.T + b for n, (w, b) in by_name.items()}
    gate = 1 / (1 + np.exp(-z["keep"]))
    expected = gate * np.tanh(z["old"]) + (1 - gate) * np.tanh(z["new"])
    others = values * z["one"] + z["two"] * values
    found = na.predict(net, values)
    np.testing.assert_allclose(found, np.concatenate([expected, others], 1), atol=1e-14)
    slope_along(net, values, RNG.normal(size=(4, 6)))


def test_plus_is_the_builder_add() -> None:
    x = L.inputs(2, 3)
    h = L.dense(x, 2, "tanh")
    nodes = [(n.id.partition(".")[2], n.combination) for n in (x + h).nodes]
    assert nodes == [("0", "sum"), ("1", "sum")]
    nets = [L.network(sum_) for sum_ in (x + h, L.add(x, h), L.residual(x, h))]
    values = RNG.normal(size=(2, 3, 2))
    first, *others = (na.predict(net, values) for net in nets)
    assert all(np.array_equal(first, other) for other in others)


def test_a_long_name_is_counted() -> None:
    x = L.inputs(2)
    h = x
    for _ in range(7):
        h = h + L.dense(h, 2, "tanh")
    assert h.name.startswith("add")
    assert len(L.network(h).ids) == 2 + 7 * 4


def test_scale_has_a_number_for_each_feature() -> None:
    x = L.inputs(3)
    made = L.scale(x, [1, 2, 3], plus=np.array([0, 0, 0.5]))
    net = L.network(made)
    assert na.predict(net, [[1, 1, -1]]).tolist() == [[1, 2, -2.5]]
    assert net.frozen_weights.all()


# --- what is refused ------------------------------------------------------------------------------


H = L.dense(L.inputs(2), 3, name="h")


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        (lambda: H + L.inputs(2), "^add 'h \\+ x': .* same number of features; here are h: 3 features at one position, and x: 2"),
        (lambda: H * L.inputs(2), "^multiply 'h × x': .* same number of features; here are h: 3 features at one position, and x: 2"),
        (lambda: H + L.inputs(3, 4), "same positions; here are h: 3 features at one position, and x: 3 features at 4"),
        (lambda: H * L.inputs(3, 4), "same positions; here are h: 3 features at one position, and x: 3 features at 4"),
        (lambda: H + 1, r"^h \+ x: both must be layers, got 1: for numbers write na.layers.scale\(h, plus=1\)$"),
        (lambda: 0.5 * H, r"^h \* x: both must be layers, got 0.5: for numbers write na.layers.scale\(h, 0.5\)$"),
        (lambda: np.ones(3) * H, r"^h \* x: both must be layers, got array.*: for numbers write na.layers.scale\(h, numbers\)$"),
        (lambda: np.float64(2) + H, r"write na.layers.scale\(h, plus=2.0\)$"),
        (lambda: sum([H, H]), r"^h \+ x: both must be layers, got 0"),
        (lambda: 1 - H, r"^x - h: .*write na.layers.scale\(h, -1, plus=1\)$"),
        (lambda: H - 1, r"^h - x: .*write na.layers.scale\(h, plus=-1\)$"),
        (lambda: H - H, r"^h - x: write h \+ na.layers.scale\(x, -1\)$"),
        (lambda: H + "x", "^h \\+ x: both must be layers, got 'x'$"),
        (lambda: H + H, "^add 'h \\+ h': 'h.0' meets itself: .*combine"),
    ],
)  # fmt: skip
def test_what_stands_beside_a_sign_is_a_layer_that_fits(build, problem: str) -> None:
    with pytest.raises(na.NetworkError, match=problem):
        build()


def test_two_products_of_one_name_are_refused() -> None:
    x = L.inputs(4, name="a rather long name of some inputs")
    one, other = (x[:2] * L.dense(x, 2, name=n) for n in ("p", "q"))
    with pytest.raises(
        na.NetworkError, match=r"write na\.layers\.multiply\(…, name='another name'\)"
    ):
        L.network(one, other)


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        (lambda: L.add(L.inputs(3), L.inputs(2, name="z")), "the same number of features; here are x: 3 features at one position, "
         "and z: 2 features at one position"),
        (lambda: L.concatenate(L.inputs(3, 4), L.inputs(2, name="z")), "the same positions; here are x: 3 features at 4, and z: 2"),
        (lambda: L.residual(L.inputs(3), lambda h: L.dense(h, 2)), "x: 3 features .* dense1: 2 features"),
        (lambda: L.multiply(L.inputs(3), L.inputs(2, name="z")), "x: 3 features .* z: 2 features"),
        (lambda: L.conv2d(L.inputs(3), 2, 3), "^conv2d: there is one position alone in x: 3 features.*positions="),
        (lambda: L.conv2d(L.inputs(3, (4, 4)), 4, 3, groups=2), "2 groups must divide the 4 new .* x: 3 features at 4 × 4"),
        (lambda: L.conv2d(L.inputs(3, (4, 4)), 4, 5), "window of 5 × 5 does not fit into 4 × 4"),
        (lambda: L.max_pool(L.inputs(3), 2), "one position alone"),
        (lambda: L.attention(L.inputs(3, 4), 2), "2 heads must divide the features of x: 3 features at 4"),
        (lambda: L.transformer_block(L.inputs(4, (2, 2)), 2, 3), "^transformer_block: attention is between positions along one"),
        (lambda: L.attention(L.inputs(4, 3), 2, causal=True, source=L.inputs(4, 5, name="z")), "^attention: causal: expected one key for each query, got x: 4 features at 3, and z: 4 features at 5"),
        (lambda: L.dropout(L.inputs(2), 1.0), "^dropout: rate must be a number from 0 on and below 1, got 1.0"),
        (lambda: L.dense("x", 3), "^dense: expected a layer, such as na.layers.inputs"),
        (lambda: L.dense(L.inputs(2), 0), "dense: features must be"),
        (lambda: L.inputs(2)[0], r"takes a slice, such as h\[:4\], got 0"),
        (lambda: L.inputs(2)[2:], "has no features"),
        (lambda: L.network(), "expected a layer"),
        (lambda: L.dense(L.inputs(2), 3, name=""), "expected the name of a layer"),
        (lambda: L.positions(L.inputs(2)), "there is one position alone"),
        (lambda: L.combine(L.inputs(2, 3), "sum", na.field.shift(4, 1)), "does not hear the positions of x"),
        (lambda: L.residual(L.inputs(2), 3), "^residual: expected a layer, .* got 3"),
        (lambda: L.concatenate(L.inputs(2), L.inputs(1)), "the feature 'x0' occurs twice .*name='another name'"),
        (lambda: L.multiply(L.inputs(2), L.inputs(2)[:1]), "^multiply: 'x0' meets itself: .*combine"),
        (lambda: L.combine(L.inputs(2, 3), "sum", 3), "^combine: field must be a field, such as .* got 3"),
        (lambda: L.at(L.inputs(2, 3), -1), "^at: position .* at most 2, got -1"),
        (lambda: L.dense(3), r"^na\.layers\.dense: missing .*'features', such as features="),
        (lambda: L.conv2d(L.inputs(2, 3), 4, kernel_size=3), "no parameter 'kernel_size': did you mean 'kernel'"),
        (lambda: L.gru(L.inputs(2), 4, bidirectional=True), "no parameter 'bidirectional': write reverse=True"),
        (lambda: L.layer_norm(L.inputs(2), epsilon=-1), "epsilon must be a number from 0 on"),
        (lambda: L.layer_norm(L.inputs(2), epsilon=np.inf), "^layer_norm: epsilon must be a number from 0 on, got inf"),
        (lambda: L.layer_norm(L.inputs(2), affine=1), "^layer_norm: affine must be True or False, got 1"),
        (lambda: L.dense(L.inputs(2), 3, "rleu"), "^dense: neuron 'dense1.0': unknown activation 'rleu': did you mean 'relu'"),
        (lambda: L.dense(L.inputs(2), 3, "rleu", name="h"), "^dense 'h': neuron 'h.0': unknown activation 'rleu'"),
        (lambda: L.dense(L.inputs(2), 3, np.tanh), "^dense: .*a function of your own gets a name|did you mean 'tanh'"),
        (lambda: L.dense(L.inputs(2), 3, bias=0.5), "^dense: bias must be True or False, got 0.5"),
        (lambda: L.dense(L.inputs(2), 3, name="a\nb"), "^dense 'a.*: name: expected the name of a layer, 1 to 100 printable"),
        (lambda: L.rnn(L.inputs(2), 3, "linear"), "^rnn: neuron 'rnn1.0': unknown activation 'linear': did you mean 'identity'"),
        (lambda: L.gru(L.inputs(2), -3), "^gru: features must be a whole number of at least 1, got -3"),
        (lambda: L.lstm(L.inputs(2), 3, reverse="yes"), "^lstm: reverse must be True or False"),
        (lambda: L.conv2d(L.inputs(3, (4, 4)), 4, 3, "Rely"), "^conv2d: neuron 'conv1.0': unknown activation 'Rely': did you mean 'elu'"),
        (lambda: L.conv2d(L.inputs(3, (4, 4)), 4, 3, padding="same"), "^conv2d: padding must be a whole number, got 'same': write padding=1"),
        (lambda: L.conv2d(L.inputs(3, (4, 4)), 4, 3, padding=-1), "^conv2d: padding: each number must be .* at least 0, got -1"),
        (lambda: L.conv2d(L.inputs(3, (4, 4)), 4, 0, name="c"), "^conv2d 'c': kernel: each number must be .* at least 1, got 0"),
        (lambda: L.conv2d(L.inputs(3, (4, 4)), 4, (3, 3, 3)), "^conv2d: kernel: expected one number for each axis of 4 × 4"),
        (lambda: L.conv2d(L.inputs(3, (4, 4)), 4, 3, stride=None), "^conv2d: stride: each size must be a whole number"),
        (lambda: L.conv2d(L.inputs(3, (4, 4)), 4, 3, groups=0), "^conv2d: groups must be a whole number of at least 1, got 0"),
        (lambda: L.conv2d(L.inputs(3, (4, 4)), 4, 3, bias="no"), "^conv2d: bias must be True or False, got 'no'"),
        (lambda: L.max_pool(L.inputs(3, (4, 4)), 5), "^max_pool: a window of 5 × 5 does not fit into 4 × 4"),
        (lambda: L.max_pool(L.inputs(3, (4, 4)), 1, padding=1), "^max_pool: interneuron 'max_pool1.0': its field window .* hears nothing"),
        (lambda: L.mean_pool(L.inputs(3, (4, 4)), "2"), "^mean_pool: kernel: each number must be a whole number"),
        (lambda: L.combine(L.inputs(2), "summ"), "^combine: interneuron 'combine1.0': unknown combination 'summ': did you mean 'sum'"),
        (lambda: L.attention(L.inputs(4, 3), 0), "^attention: heads must be a whole number of at least 1, got 0"),
        (lambda: L.attention(L.inputs(4, 3), 2, causal=1), "^attention: causal must be True or False"),
        (lambda: L.attention(L.inputs(4, 3), 2, dropout=1), "^attention: dropout must be a number from 0 on and below 1, got 1"),
        (lambda: L.attention(L.inputs(4, 3), 2, dropout=[]), "^attention: dropout must be a number"),
        (lambda: L.transformer_block(L.inputs(4, 3), 3, 8), "^transformer_block: 3 heads must divide the features of x: 4 features at 3"),
        (lambda: L.transformer_block(L.inputs(4, 3), 2, 8, "gleu"), "^transformer_block: neuron 'block1.hidden.0': unknown activation 'gleu': did you mean 'gelu'"),
        (lambda: L.transformer_block(L.inputs(4, 3), 2, 8, dropout=-0.1), "^transformer_block: dropout must be a number from 0 on"),
        (lambda: L.transformer_block(L.inputs(4, 3), 2, 0, name="b"), "^transformer_block 'b': hidden must be a whole number of at least 1"),
        (lambda: L.dropout(L.inputs(2), 0.1, seed=-1), "^dropout: seed must be a whole number of at least 0"),
        (lambda: L.scale(L.inputs(2), [1, 2, 3]), "^scale: factor: expected a number, or one for each feature of x: 2 features at one position; got 3"),
        (lambda: L.scale(L.inputs(2), "half"), "^scale: factor must be a number, or one for each feature, got 'half'"),
        (lambda: L.inputs(2, positions=(3, -1)), "^inputs: positions: each size must be a whole number of at least 1, got -1"),
        (lambda: L.network([L.dense(L.inputs(2), 1)]), "^network: expected a layer"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(build, problem: str) -> None:
    with pytest.raises(na.InputError, match=problem):
        build()


@pytest.mark.parametrize(
    ("name", "advice"),
    [("Dense", "'dense'"), ("Conv2d", "'conv2d'"), ("GRU", "'gru'"), ("Linear", r"na\.layers\.dense\(")],
)  # fmt: skip
def test_the_name_of_a_module_of_pytorch_says_which_builder(name: str, advice: str) -> None:
    with pytest.raises(AttributeError, match=f"(write|did you mean) {advice}"):
        getattr(L, name)


def test_a_layer_meets_its_copy() -> None:
    x = L.inputs(2)
    net = L.network(L.multiply(x, L.combine(x, "sum")))
    assert na.predict(net, [[3, -2]]).tolist() == [[9, 4]]


def test_each_builder_explains_its_arguments() -> None:
    for name in set(L.__all__) - {"Layer"}:
        with pytest.raises(
            na.InputError, match=rf"^na\.layers\.{name}: there is no parameter 'nothing'"
        ):
            getattr(L, name)(nothing=1)  # fmt: skip
