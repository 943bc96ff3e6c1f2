from __future__ import annotations

import copy
import itertools
import pickle
import re
from math import inf, nan

import numpy as np
import pytest
from helpers import any_networks
from helpers.comparing import same_bits
from helpers.tiers import need

import neuro_actors as na
from neuro_actors import Input, Network, Neuron, Synapse


def simple(neurons=None, synapses=None, outputs=("y",)) -> Network:
    return Network(
        [Input("x"), Neuron("h"), Neuron("y")] if neurons is None else neurons,
        [Synapse("x", "h", 1.0), Synapse("h", "y", 1.0)] if synapses is None else synapses,
        outputs,
    )


def chain(*ids: str, weight: float = 1.0) -> list[Synapse]:
    return [Synapse(a, b, weight) for a, b in itertools.pairwise(ids)]


REFUSED = {
    "a cycle, whose path is printed": (
        lambda: simple(
            [Input("x"), *map(Neuron, "abcy")],
            [*chain("x", "a", "b", "c", "y"), Synapse("c", "a", 1.0)],
        ),
        r"cycle: ('a' -> 'b' -> 'c' -> 'a'|'b' -> 'c' -> 'a' -> 'b'|'c' -> 'a' -> 'b' -> 'c'); take one of them away, or let one go through time: add na.Delay\(",
    ),
    "a self-loop": (
        lambda: simple(synapses=[*chain("x", "h", "y"), Synapse("h", "h", 1.0)]),
        r"'h' -> 'h' is a self-loop",
    ),
    "a duplicate neuron": (
        lambda: simple([Input("x"), Neuron("h"), Neuron("h"), Neuron("y")]),
        r"id 'h' occurs twice",
    ),
    "a duplicate synapse": (
        lambda: simple(synapses=[*chain("x", "h", "y"), Synapse("h", "y", 2.0)]),
        r"synapse 'h' -> 'y' occurs twice: keep one",
    ),
    "an unknown endpoint": (
        lambda: simple(synapses=chain("x", "hh", "y")),
        r"'x' -> 'hh': there is no neuron 'hh'; did you mean 'h'\?",
    ),
    "a neuron that no input reaches": (
        lambda: simple(
            [Input("x"), *map(Neuron, "hyz")], [*chain("x", "h", "y"), Synapse("z", "y", 1.0)]
        ),
        r"no input reaches neuron 'z': give it an incoming synapse",
    ),
    "a neuron from which no output is reached": (
        lambda: simple(
            [Input("x"), *map(Neuron, "hyz")], [*chain("x", "h", "y"), Synapse("x", "z", 1.0)]
        ),
        r"no output is reached from 'z': give it an outgoing synapse",
    ),
    "an idle input": (
        lambda: simple([Input("x"), Input("q"), *map(Neuron, "hy")]),
        r"no output is reached from 'q'",
    ),
    "a synapse into an input": (
        lambda: simple(
            [Input("x"), Input("i"), Neuron("h"), Neuron("y")],
            [*chain("x", "h", "y"), *chain("h", "i", "y")],
        ),
        r"'h' -> 'i' leads into an input",
    ),
    "no inputs": (
        lambda: simple([Neuron("h"), Neuron("y")], chain("h", "y")),
        r"has no inputs: add at least one na.Input",
    ),
    "no outputs": (lambda: simple(outputs=[]), r"has no outputs: name at least one"),
    "an unknown output": (lambda: simple(outputs=["z"]), r"output 'z' is no neuron"),
    "a repeated output": (lambda: simple(outputs=["y", "y"]), r"output 'y' is named twice"),
    "outputs as a string": (
        lambda: simple(outputs="y"),
        r"must be a list of ids, got the string 'y'",
    ),
    "a weight that is no number": (
        lambda: simple(synapses=[*chain("x", "h"), Synapse("h", "y", nan)]),
        r"weight of 'h' -> 'y': .* got nan",
    ),
    "an infinite weight": (
        lambda: simple(synapses=[*chain("x", "h"), Synapse("h", "y", inf)]),
        r"weight of 'h' -> 'y': .* got inf",
    ),
    "a weight of text": (
        lambda: simple(synapses=[*chain("x", "h"), Synapse("h", "y", "1")]),
        r"weight of 'h' -> 'y': .* got '1'",
    ),
    "a bias that is no number": (
        lambda: simple([Input("x"), Neuron("h", bias=nan), Neuron("y")]),
        r"bias of h: .* got nan",
    ),
    "an unknown activation": (
        lambda: simple([Input("x"), Neuron("h", "tahn"), Neuron("y")]),
        r"neuron 'h': unknown activation 'tahn': did you mean 'tanh'\?",
    ),
    "an empty name": (
        lambda: simple([Input("x"), Neuron(""), Neuron("y")]),
        r"neuron 1: an id is 1 to 128 printable characters, got ''",
    ),
    "a long name": (
        lambda: simple([Input("x"), Neuron("h" * 129), Neuron("y")]),
        r"neuron 1: an id is 1 to 128",
    ),
    "a name with a control character": (
        lambda: simple([Input("x"), Neuron("h\n"), Neuron("y")]),
        r"neuron 1: .* got 'h\\n'",
    ),
    "a name that is no string": (
        lambda: simple([Input("x"), Neuron(3), Neuron("y")]),
        r"neuron 1: an id is .* got 3",
    ),
    "a reserved name": (
        lambda: simple([Input("x"), Neuron("loss"), Neuron("y")]),
        r"the id 'loss' is reserved",
    ),
    "a neuron that is none": (
        lambda: simple(["x", "y"]),
        r"neurons must be na.Input, na.Neuron, na.Interneuron or na.Delay objects, got 'x'",
    ),
    "a synapse that is none": (
        lambda: simple(synapses=[("x", "y")]),
        r"synapses must be na.Synapse objects",
    ),
    "one layer": (
        lambda: Network.layered([3]),
        r"sizes must be two or more whole numbers, inputs first, got \[3\]",
    ),
    "an empty layer": (
        lambda: Network.layered([3, 0, 1]),
        r"each of sizes must be a whole number of at least 1, got 0",
    ),
    "a size alone": (lambda: Network.layered(3), r"sizes must be a list, got 3"),
    "a seed below 0": (
        lambda: Network.layered([3, 1], seed=-1),
        r"seed must be a whole number of at least 0, got -1",
    ),
    "neurons that are no list": (lambda: simple(neurons=3), r"neurons must be a list, got 3"),
    "an output that is no name": (lambda: simple(outputs=[["y"]]), r"output \['y'\] is no neuron"),
    "an endpoint that is no name": (
        lambda: simple(synapses=[Synapse(["x"], "y", 1.0)]),
        r"there is no neuron \['x'\]",
    ),
    "an activation that is no name": (
        lambda: simple([Input("x"), Neuron("h", ["tanh"]), Neuron("y")]),
        r"unknown activation \['tanh'\]",
    ),
    "inputs alone": (
        lambda: simple([Input("x")], [], ["x"]),
        r"has only inputs: add at least one na.Neuron",
    ),
    "a number as a matrix": (
        lambda: Network.from_matrices([1.0], [[1.0]], ["tanh"]),
        r"weights\[0\] \(\) and biases\[0\] \(1,\) do not fit",
    ),
    "an unknown activation of a layer": (
        lambda: Network.layered([3, 1], output_activation="soft"),
        r"unknown activation 'soft'",
    ),
    "matrices that do not fit": (
        lambda: Network.from_matrices(
            [np.ones((2, 3)), np.ones((1, 3))], [np.ones(2), np.ones(1)], ["tanh", "tanh"]
        ),
        r"weights\[1\] \(1, 3\) and biases\[1\] \(1,\) do not fit: expected \(n_out, 2\)",
    ),
    "an activation too few": (
        lambda: Network.from_matrices([np.ones((2, 3))], [np.ones(2)], []),
        r"one activation for each layer",
    ),
    "a matrix with NaN": (
        lambda: Network.from_matrices([[[nan]]], [[0.0]], ["tanh"]),
        r"weights\[0\]: the value at \[0, 0\] is nan",
    ),
    "parameters of another size": (
        lambda: simple().with_parameters([1.0], [0.0] * 3),
        r"weights: expected shape \(2,\), got \(1,\)",
    ),
    "a bias for an input": (
        lambda: simple().with_parameters([1.0, 1.0], [1.0, 0.0, 0.0]),
        r"an input has no bias",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    make, match = REFUSED[case]
    with pytest.raises(na.InputError, match=match) as caught:
        make()
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


def test_the_given_order_stays(diamond: Network) -> None:
    assert [neuron.id for neuron in diamond.neurons] == ["x", "h1", "h2", "y"]
    assert [(s.source, s.target, s.weight) for s in diamond.synapses][:2] == [
        ("x", "h1", 0.5),
        ("x", "h2", -1.5),
    ]
    assert (diamond.inputs, diamond.outputs) == (("x",), ("y", "h1"))
    assert diamond.weights.tolist() == [0.5, -1.5, 2.0, -0.75, 0.25]
    assert diamond.biases.tolist() == [0.0, 0.1, -0.2, 0.3]
    assert diamond.neurons[1] == Neuron("h1", "tanh", 0.1)
    assert diamond.neurons[-1].activation == "identity"
    assert diamond.synapses[1:3] == (Synapse("x", "h2", -1.5), Synapse("h1", "y", 2.0))
    assert (diamond.level.tolist(), diamond.depth) == ([0, 1, 1, 2], 2)


def test_it_is_immutable(diamond: Network) -> None:
    for array in (diamond.weights, diamond.biases, diamond.sources, diamond.targets, diamond.level):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_words(diamond: Network) -> None:
    assert (
        repr(diamond)
        == "<Network: 1 input, 3 neurons, 5 synapses, 2 outputs; depth 2, fan-in 1 to 3>"
    )
    lines = diamond.describe().splitlines()
    assert lines[0] == repr(diamond)
    assert re.split(r"\s{2,}", lines[3].strip()) == [
        "1",
        "2",
        "1 to 1",
        "1 to 1",
        "4",
        "sigmoid, tanh",
    ]
    assert max(map(len, lines)) <= 80


def test_layered_and_matrices_go_round() -> None:
    net = Network.layered([4, 3, 2], activation="relu", output_activation="sigmoid", seed=3)
    weights, biases = net.to_matrices()
    assert [w.shape for w in weights] == [(3, 4), (2, 3)]
    assert [b.shape for b in biases] == [(3,), (2,)]
    assert Network.from_matrices(weights, biases, ["relu", "sigmoid"]) == net
    synapse = next(s for s in net.synapses if (s.source, s.target) == ("x2", "h1.1"))
    assert weights[0][1, 2] == synapse.weight
    assert [n.activation for n in net.neurons] == ["identity"] * 4 + ["relu"] * 3 + ["sigmoid"] * 2


def test_matrices_of_a_layered_network_given_in_disorder() -> None:
    net = Network(
        [Neuron("b"), Input("p"), Neuron("a"), Input("q")],
        [
            Synapse("q", "a", 4.0),
            Synapse("p", "b", 1.0),
            Synapse("p", "a", 3.0),
            Synapse("q", "b", 2.0),
        ],
        ["a", "b"],
    )
    assert net.to_matrices()[0][0].tolist() == [[3.0, 4.0], [1.0, 2.0]]


@pytest.mark.parametrize(
    ("net", "match"),
    [
        (
            simple(
                [Input("x"), Neuron("h"), Neuron("y")],
                [*chain("x", "h", "y"), Synapse("x", "y", 1.0)],
            ),
            r"'x' -> 'y' skips a level",
        ),
        (
            simple(
                [Input("x"), Input("q"), *map(Neuron, "hgy")],
                [*chain("x", "h", "y"), *chain("q", "g", "y")],
            ),
            r"fully connected",
        ),
    ],
)
def test_no_matrices(net: Network, match: str) -> None:
    with pytest.raises(na.NetworkError, match=match):
        net.to_matrices()


def test_initial_weights() -> None:
    wide = Network.layered([400, 300, 200], activation="relu", output_activation="tanh", seed=1)
    (first, second), biases = wide.to_matrices()
    assert first.std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)  # He
    assert second.std() == pytest.approx(
        np.sqrt(2 / 301), rel=0.02
    )  # Glorot; an output's fan-out counts as one
    assert not any(b.any() for b in biases)
    assert (
        Network.layered([400, 300, 200], activation="relu", output_activation="tanh", seed=1)
        == wide
    )
    assert Network.layered([4, 3], seed=1) != Network.layered([4, 3], seed=2)


def test_each_neurons_draw_is_its_own() -> None:
    """Another neuron's synapses, and the order in which synapses are given, change nothing of it."""
    neurons = [Input("x"), Input("q"), Neuron("a"), Neuron("b")]
    some = [Synapse("x", "a"), Synapse("x", "b")]
    more = [Synapse("q", "b"), *some]

    def weight(net: Network) -> float:
        return next(s.weight for s in net.synapses if s.target == "a")

    few = Network(
        [neurons[0], Input("q"), *neurons[2:]], [*some, Synapse("q", "b", 1.0)], ["a", "b"], seed=9
    )
    assert weight(few) == weight(Network(neurons, more, ["a", "b"], seed=9))


def test_given_weights_stay_where_others_are_drawn() -> None:
    net = simple(synapses=[Synapse("x", "h", 0.125), Synapse("h", "y")])
    assert net.weights[0] == 0.125
    assert net.weights[1] not in (0.0, 0.125)


def test_copies_are_equal_and_immutable_too(diamond: Network) -> None:
    for other in (copy.copy(diamond), copy.deepcopy(diamond)):
        assert other == diamond
        with pytest.raises(ValueError, match="read-only"):
            other.weights[0] = 1


def test_equality_and_digest(diamond: Network) -> None:
    equal = diamond.with_parameters(diamond.weights, diamond.biases)
    assert (equal, hash(equal), equal.digest()) == (diamond, hash(diamond), diamond.digest())
    moved = diamond.weights.copy()
    moved[2] = np.nextafter(moved[2], 3)
    other = diamond.with_parameters(moved, diamond.biases)
    assert other != diamond
    assert other.digest() != diamond.digest()
    assert diamond != "diamond"


def test_hundreds_of_parallel_paths_and_a_long_chain() -> None:
    fan = [f"m{k}" for k in range(500)]
    net = simple(
        [Input("x"), *map(Neuron, fan), Neuron("y")], [s for m in fan for s in chain("x", m, "y")]
    )
    assert (net.depth, len(net.synapses)) == (2, 1000)
    links = [f"c{k}" for k in range(3000)]
    assert (
        simple([Input("x"), *map(Neuron, links), Neuron("y")], chain("x", *links, "y")).depth
        == 3001
    )


def test_a_cycle_in_a_large_network_is_found_among_those_behind_it() -> None:
    links = [f"c{k}" for k in range(200)]
    with pytest.raises(na.NetworkError, match=r"^the synapses form a cycle: ") as caught:
        simple(
            [Input("x"), *map(Neuron, links), Neuron("y")],
            [*chain("x", *links, "y"), Synapse("c7", "c5", 1.0)],
        )
    path = re.findall(r"'(\w+)'", str(caught.value).partition(";")[0])
    assert path[0] == path[-1]
    assert set(path) == {"c5", "c6", "c7"}


# --- from arrays -------------------------------------------------------------------------------------------------


def test_from_arrays_is_the_same_as_from_objects(diamond) -> None:
    activations = [neuron.activation for neuron in diamond.neurons]
    made = Network.from_arrays(
        diamond.sources, diamond.targets, diamond.weights, biases=diamond.biases, activations=activations,
        outputs=diamond.output_positions, ids=diamond.ids,
    )  # fmt: skip
    assert made == diamond
    assert made.inputs == diamond.inputs


def test_from_arrays_finds_inputs_outputs_and_names() -> None:
    net = Network.from_arrays([0, 1, 0], [1, 2, 3], seed=3)
    assert (net.ids, net.inputs, net.outputs) == (("n0", "n1", "n2", "n3"), ("n0",), ("n2", "n3"))
    assert net.weights.all()
    assert {neuron.activation for neuron in net.neurons[1:]} == {"tanh"}
    assert net == Network.from_arrays([0, 1, 0], [1, 2, 3], seed=3)
    assert net != Network.from_arrays([0, 1, 0], [1, 2, 3], seed=4)


def test_an_input_that_nobody_hears_may_be_named_as_an_output() -> None:
    net = Network.from_arrays([0], [1], ids=["x", "y", "z"], outputs=[1, 2])
    assert (net.inputs, net.outputs) == (("x", "z"), ("y", "z"))


def test_a_network_from_arrays_equals_the_same_from_objects() -> None:
    net = Network.from_arrays([0], [1], [1.0], activations=["whatever", "tanh"])
    assert net == Network([Input("n0"), Neuron("n1", "tanh")], [Synapse("n0", "n1", 1.0)], ["n1"])
    with pytest.raises(
        na.InputError, match="^sources: expected whole numbers from 0 on, in one axis"
    ):
        Network.from_arrays([[0], [1, 2]], [1, 2])


def test_from_a_sparse_matrix() -> None:
    sparse = need("scipy.sparse")
    dense = np.array([[0, 0, 0], [0.5, 0, 0], [2.0, -1.0, 0]])
    for make in (sparse.csr_array, sparse.csc_matrix, sparse.coo_array):
        net = Network.from_sparse(make(dense), activations="identity", ids=["x", "h", "y"])
        assert {(s.source, s.target): s.weight for s in net.synapses} == {
            ("x", "h"): 0.5,
            ("x", "y"): 2.0,
            ("h", "y"): -1.0,
        }
    with pytest.raises(
        na.NetworkError, match=r"expected a square matrix, targets by sources, got shape \(2, 3\)"
    ):
        Network.from_sparse(sparse.csr_array(dense[1:]))
    with pytest.raises(na.NetworkError, match="^neuron 'n3' has no synapse: "):
        Network.from_sparse(sparse.csr_array(np.pad(dense, (0, 1))))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (
            {"sources": [0.5]},
            "^sources: expected whole numbers from 0 on, in one axis, got an array of float64",
        ),
        ({"sources": [-1]}, "^sources: expected whole numbers from 0 on, in one axis, got -1$"),
        ({"sources": [[0]]}, "^sources: expected whole numbers"),
        (
            {"sources": [0, 1]},
            "^sources and targets must have the same length, at least 1, got 2 and 1$",
        ),
        ({"sources": [], "targets": []}, "must have the same length, at least 1, got 0 and 0$"),
        ({"weights": [1.0, 2.0]}, r"^weights: expected shape \(1,\), got \(2,\)$"),
        ({"biases": [0.0]}, r"^biases: expected shape \(2,\), got \(1,\)$"),
        ({"biases": [1.0, 0.0]}, "^biases: an input has no bias"),
        ({"activations": ["tanh"]}, "^activations: expected 2, got 1$"),
        ({"activations": "tanhh"}, "^neuron 'n1': unknown activation 'tanhh': did you mean 'tanh'"),
        ({"outputs": [7]}, "^outputs: there are 2 neurons, so positions go up to 1; got 7$"),
        ({"ids": ["a"]}, "^targets: there are 1 neurons, so positions go up to 0; got 1$"),
        ({"ids": ["a", "a"]}, "^neuron id 'a' occurs twice"),
        ({"seed": -1}, "^seed must be a whole number"),
        ({"sources": [0, 0], "targets": [1, 1]}, "occurs twice: keep one"),
        (
            {"sources": [0, 1, 2], "targets": [1, 2, 1]},
            "^the synapses form a cycle: 'n2' -> 'n1' -> 'n2'; take one of them away, or let one go through time: ",
        ),
        (
            {"sources": [0, 1], "targets": [1, 0]},
            "^the synapses form a cycle: 'n1' -> 'n0' -> 'n1'; ",
        ),
        (
            {"targets": [3]},
            "^neuron 'n1' has no synapse: give it one, or remove it, or name all outputs$",
        ),
        ({"ids": ["a", "b", "c"]}, "^neuron 'c' has no synapse: "),
    ],
)
def test_arrays_are_checked(arguments, match: str) -> None:
    with pytest.raises(na.InputError, match=match):
        Network.from_arrays(**({"sources": [0], "targets": [1]} | arguments))


def test_from_sparse_says_what_it_wants() -> None:
    with pytest.raises(na.NetworkError, match="^expected a scipy sparse matrix, got list$"):
        Network.from_sparse([[1.0]])


@pytest.mark.parametrize("way", ["copy", "deepcopy", *range(pickle.HIGHEST_PROTOCOL + 1)])
def test_copies_of_everything_that_a_network_gives(way, diamond, batch) -> None:
    """Also of the views, and what is read-only stays so."""

    def copied(one):
        if isinstance(way, str):
            return getattr(copy, way)(one)
        return pickle.loads(pickle.dumps(one, way))

    assert copied(diamond) == diamond
    for view in (diamond.neurons, diamond.synapses, diamond.synapses[1:], diamond.inputs):
        assert list(copied(view)) == list(view)
        assert repr(copied(view)) == repr(view)
    gradient = na.gradient(diamond, *batch, wrt_inputs=True)
    other = copied(gradient)
    assert same_bits(other, gradient)
    for name in ("weights", "biases", "predictions", "inputs"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(other, name)[...] = 0.0
    partition = copied(na.partition(diamond, 2))
    assert partition.shard.tolist() == na.partition(diamond, 2).shard.tolist()
    assert not partition.shard.flags.writeable
    for error in (na.InputError("a"), na.SimulationError("b")):
        assert str(copied(error)) == str(error)


def test_a_reservoir_has_cycles_with_delays() -> None:
    rng = np.random.default_rng(0)
    sources, targets = np.array([0, 0, 1, 2, 2, 3, 1]), np.array([1, 2, 1, 1, 3, 2, 4])
    ticks = [0, 0, 1, 2, 1, 1, 0]
    net = na.Network.from_arrays(sources, targets, rng.normal(size=7), delays=ticks, outputs=[4])
    assert net.ids[5:] == ("n1, 1 before", "n2, 1 before", "n2, 2 before", "n3, 1 before")
    assert [net.neurons[k] for k in (5, 7)] == [
        na.Delay("n1, 1 before", "n1"),
        na.Delay("n2, 2 before", "n2", 2),
    ]
    assert net.inputs == ("n0",)
    x = rng.normal(size=(2, 5, 1))
    assert np.allclose(na.predict(net, x), any_networks.predict(net, x), rtol=1e-13)
    with pytest.raises(na.NetworkError, match="^the synapses form a cycle"):
        na.Network.from_arrays([0, 1, 2, 2], [1, 2, 1, 3], delays=[0, 0, 0, 1])
    with pytest.raises(na.NetworkError, match="^delays: expected 7, one a synapse, got 2"):
        na.Network.from_arrays(sources, targets, delays=[1, 1])
