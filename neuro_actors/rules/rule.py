"""What a rule is: it makes the members of a society, and says which rounds a step has."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from ..network import functions
from ..network.dropout import read_dropout
from ..network.field import count_positions
from ..network.network import Network
from ..neuron.dropout_rule import DropoutRule
from ..neuron.interneuron_rule import InterneuronRule
from ..neuron.local_rule import InputRule, LocalRule, NeuronRule
from ..neuron.loss_node import LossNode
from ..neuron.messages import Step
from ..neuron.sums import Sums
from ..support.arrays import Array
from ..support.errors import InputError
from ..support.own_code import has_own_code
from ..support.own_names import RULE_FACTORY_METHODS, check_own_names
from ..support.scalars import as_number, got
from ..support.text import quote


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One pass of the society, forward and back.

    Attributes:
        inputs: What the environment sends to the inputs; the first columns are the examples. Shape
            (n_inputs, columns).
        name: The name of the round; the step in every message contains it.
        wrt_inputs: Whether urgencies reach the inputs, and so the environment.
        learns: Whether the neurons receive the optimizer, if the step has one.
        predicts: Whether the round is a forward pass alone, without a loss.
        targets: What the loss node receives in place of the step's targets. Shape
            (n_outputs, columns). None: the targets of `examples`.
        examples: Which examples of the step the round is about; the loss node receives their
            targets. None: all.
        micro_batch: See `Step`.
    """

    inputs: Array
    name: str = ""
    wrt_inputs: bool = False
    learns: bool = True
    examples: slice | None = None
    micro_batch: tuple[int, int] | None = None
    predicts: bool = False
    targets: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the environment receives in a round, without the commits of the neurons.

    Attributes:
        predictions: The outputs' activations. Shape (n_outputs, columns).
        losses: The loss of each example. Shape (batch,).
        input_urgencies: The urgencies of the inputs, in a round `wrt_inputs`. Shape
            (n_inputs, columns).
    """

    predictions: Array
    losses: Array
    input_urgencies: Array


class Rule:
    """A local rule. Unless a method is overridden, it is backpropagation.

    The members themselves hold what survives a step; the rule has no state.

    Attributes:
        feels_inputs: Whether the rule computes urgencies of inputs. If not,
            `gradient(wrt_inputs=True)` is refused.
        plain_predictions: Whether parameters and activation functions alone say what neurons
            predict, so that the trained network may be used under any rule. None: it is found out
            by trial mail; neurons that override `fire` and keep more than parameters do not.
        needs_plain: Why interneurons, and neurons at several positions, cannot live under the rule.
            "": they can.
        needs_all: Why frozen parameters cannot. "": they can.

    Examples:
        A rule of your own makes its neurons; most derive from `LocalRule`. These learn from the
        sign of the urgencies alone. `own` returns what a `LocalRule` is made of.

        >>> import numpy as np
        >>> import neuro_actors as na
        >>> from neuro_actors.neuron import LocalRule
        >>> class SignNeuron(LocalRule):
        ...     def conclude(self, step, wanted, commit_out):
        ...         if step.optimizer is not None:
        ...             wanted = np.sign(wanted)
        ...         super().conclude(step, wanted, commit_out)
        >>> class SignRule(na.rules.Rule):
        ...     def neuron(self, network, k, sums):
        ...         return SignNeuron(*na.rules.own(network, k), sums)
        >>> net, x, targets = na.Network.layered([1, 1], seed=0), [[1.0]], [[3.0]]
        >>> result = na.train(
        ...     net, x, targets, optimizer=na.SGD(0.1), epochs=2, batch_size=1, rule=SignRule()
        ... )
        >>> np.round(result.network.biases - net.biases, 6).tolist()
        [0.0, 0.2]
    """

    feels_inputs: ClassVar[bool] = True
    needs_plain: ClassVar[str] = ""
    needs_all: ClassVar[str] = ""
    plain_predictions: ClassVar[bool | None] = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Check the names that a class of a user's own defines.

        Raises:
            InputError: A name has a meaning already; see `support/own_names.py`.
        """
        super().__init_subclass__(**arguments)
        if has_own_code(cls):
            check_own_names(cls, RULE_FACTORY_METHODS)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def neuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """Make the rule of a neuron, with the network's parameters.

        Args:
            network: The network.
            k: The position of the neuron, which is no input.
            sums: The functions that the neuron adds with.
        """
        return LocalRule(*own(network, k), sums)

    def neuron_of_round(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """Make the rule of a neuron for whom somebody else adds up the rounds of a step.

        In each round it commits the urgencies of that round alone: see `MicroBatches`.

        Args:
            network: The network, with the parameters.
            k: The position of the neuron, which is no input.
            sums: The functions that the neuron adds with.
        """
        return self.neuron(network, k, sums)

    def input(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """Make the rule of an input.

        Args:
            network: The network.
            k: The position of the input.
            sums: The functions that it adds with.
        """
        return InputRule(network.ids[k], sums)

    def interneuron(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """Make the rule of an interneuron.

        Args:
            network: The network.
            k: The position of the interneuron.
            sums: The functions that it adds with.
        """
        node = network.interneurons[k]
        from_input = network.is_input[network.sources[network.incoming.of(k)]]
        dropout = read_dropout(node.combination)
        if dropout is not None:
            return DropoutRule(node.id, *dropout, node.field, from_input, sums)
        combination = functions.combination(node.combination)
        return InterneuronRule(node.id, combination, node.field, from_input, sums)

    def loss_node(self, network: Network) -> LossNode:
        """Make the loss node.

        Args:
            network: The network.
        """
        return LossNode(
            network.is_input[network.output_positions], count_positions(network.output_grid)
        )

    def check(self, network: Network, loss: str) -> None:
        """Check, before a step with a loss, that the rule can be used with a network and a loss.

        Args:
            network: The network.
            loss: The name of the loss.

        Raises:
            InputError: The rule cannot be used.
        """

    def society(self, network: Network) -> Network:
        """Return the network whose members live under this rule: mostly the network itself.

        It has the network's neurons and synapses in the same order, and perhaps more behind them.

        Args:
            network: The network.

        Raises:
            InputError: The network cannot live under this rule.
        """
        if network.delays:
            raise InputError(
                f"the network has delays, and {self!r} knows no time: leave the rule out, or use "
                "na.rules.ThroughTime()"
            )
        if self.needs_plain and network.interneurons:
            node = next(iter(network.interneurons.values()))
            raise InputError(
                f"{self!r} takes no interneurons, such as {quote(node.id)}: {self.needs_plain}"
            )
        if self.needs_plain and len(network.grids) > 1:
            raise InputError(f"{self!r} takes no several positions: {self.needs_plain}")
        if self.needs_all and (network.frozen_weights.any() or network.frozen_biases.any()):
            raise InputError(f"{self!r} takes no frozen parameters: {self.needs_all}")
        return network

    def fit(self, x: ArrayLike) -> Rule:
        """Return the rule for a batch of this shape: mostly the rule itself.

        Args:
            x: The batch, as a user handed it over. Shape (batch, *axes, *positions, n_inputs).

        Raises:
            InputError: The rule needs data of another shape.
        """
        return self

    def for_society(self) -> Rule:
        """Return the rule as one society uses it: mostly the rule itself.

        A rule whose environment remembers something from one step to the next has its memory here.
        """
        return self

    def for_part(self, network: Network, examples: slice, batch: int) -> Rule:
        """Return the rule as one micro-batch uses it: mostly the rule itself.

        Args:
            network: The network of the society.
            examples: Which examples of the batch the micro-batch has.
            batch: How many examples the batch has.

        Raises:
            InputError: What is remembered is about another number of examples.
        """
        return self

    def take_over(self, parts: Sequence[Rule]) -> None:
        """Remember what its micro-batches remember, which are over: mostly nothing.

        Args:
            parts: What `for_part` has returned, in the order of the examples.
        """

    def forget(self) -> None:
        """Forget what the environment remembers from one step to the next: mostly nothing."""

    @property
    def axes(self) -> tuple[int, ...]:
        """The sizes of axes that data have between the batch and the positions; see `fit`."""
        return ()

    def predicting(self, network: Network, x: Array) -> Generator[Round, Answer, Array]:
        """Go through the rounds of a prediction.

        Args:
            network: The network of the society.
            x: The examples. Shape (n_inputs, columns).

        Yields:
            Each round. The generator receives its `Answer`.

        Returns:
            The predictions. Shape (n_outputs, columns).
        """
        answer = yield Round(x, predicts=True)
        return answer.predictions

    def rounds_with_targets(
        self, network: Network, x: Array, targets: Array
    ) -> Generator[Round | None, Any, Answer | None]:
        """Go through the rounds of one step that has a loss, and know its targets.

        Args:
            network: The network of the society.
            x: The examples of the step. Shape (n_inputs, columns).
            targets: Their targets. Shape (n_outputs, columns).

        Yields:
            Each round. The generator receives its `Answer`. Where members live in several lanes,
            rounds begin before others end: then it receives the answers in the order of the rounds,
            None while there is no new one; and it yields None if it must have one to go on.

        Returns:
            What the rounds come to together, without the commits. None: for each example the
            predictions and the loss of its first round, and the urgencies of its last.
        """
        yield from self.rounds(network, x)
        return None

    def rounds(self, network: Network, x: Array) -> Generator[Round, Answer, None]:
        """Go through the rounds of one step that has a loss.

        Args:
            network: The network.
            x: The examples of the step. Shape (n_inputs, batch).

        Yields:
            Each round. The generator receives its `Answer`.
        """
        yield Round(x)

    def member(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """Make the rule of a neuron, an input or an interneuron.

        Args:
            network: The network.
            k: The position of the neuron.
            sums: The functions that it adds with.

        Raises:
            InputError: The neuron has frozen parameters or several positions, and its rule knows
                neither.
        """
        if network.is_input[k]:
            return self.input(network, k, sums)
        if k in network.interneurons:
            return self.interneuron(network, k, sums)
        return settle(self.neuron(network, k, sums), network, k)

    def members(self, network: Network, k: int, sums: Sums, lanes: int) -> tuple[NeuronRule, ...]:
        """Make a rule for each lane of a neuron. They share the neuron's state.

        Args:
            network: The network.
            k: The position of the neuron.
            sums: The functions that it adds with.
            lanes: How many steps may be under way at once. Most rules have one lane.

        Raises:
            InputError: The rule has one lane alone, and `lanes` is greater.
        """
        if lanes != 1:
            raise InputError(f"{self!r} goes through one step at a time: leave in_flight out")
        return (self.member(network, k, sums),)


class MemberFactory(Protocol):
    """What makes the members of a society: a rule, or a registry that remembers them."""

    def member(self, network: Network, k: int, sums: Sums) -> NeuronRule:
        """Return a new rule for the network's k-th neuron."""

    def members(self, network: Network, k: int, sums: Sums, lanes: int) -> tuple[NeuronRule, ...]:
        """Return a new rule for each lane of the network's k-th neuron. They share their state."""

    def loss_node(self, network: Network) -> LossNode:
        """Return a new rule for the loss node."""


@runtime_checkable
class LaneRule(NeuronRule, Protocol):
    """A rule in one of several lanes of a neuron, which may have to respond after those in others.

    What it has found in a step becomes known to the rules in the other lanes in `publish` alone.
    """

    def must_wait(self, step: Step, wake: Callable[[], object]) -> bool:
        """Return whether the lane must not respond yet.

        Args:
            step: The lane's step.
            wake: Called once, as soon as the lane may respond, if it must wait.
        """

    def join(self, other: LaneRule) -> None:
        """Share what another rule of the same neuron shares, and from now on publish when told."""

    def publish(self) -> None:
        """Let the rules in the other lanes know what was found in the last step."""


def own(
    network: Network, k: int
) -> tuple[str, functions.Activation, Array, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return what a neuron knows of itself, as `LocalRule` takes it.

    Args:
        network: The network.
        k: The position of the neuron.

    Returns:
        Its id, its activation function, its parameters, shape (fan_in + 1,), and whether each of
        its sources is an input, shape (fan_in,).
    """
    incoming = network.incoming.of(k)
    parameters = np.empty(len(incoming) + 1)
    parameters[:-1], parameters[-1] = network.weights[incoming], network.biases[k]
    look_up = functions.output_activation if network.is_output[k] else functions.activation
    return (
        network.ids[k],
        look_up(network.activations[k]),
        parameters,
        network.is_input[network.sources[incoming]],
    )


def settle(rule: NeuronRule, network: Network, k: int) -> NeuronRule:
    """Return a neuron's rule, which knows its positions, and which of its parameters are frozen.

    Args:
        rule: The rule.
        network: The network.
        k: The position of the neuron.

    Raises:
        InputError: The neuron has frozen parameters or several positions, and its rule knows
            neither.
    """
    frozen, positions = network.frozen_of(k), int(network.n_positions[k])
    if isinstance(rule, LocalRule):
        rule.frozen, rule.positions = frozen, positions
    elif not isinstance(rule, LaneRule) and (frozen is not None or positions > 1):
        what = "lives at several positions" if frozen is None else "has frozen parameters"
        problem = f"neuron {network.ids[k]!r} {what}, of which {type(rule).__name__} knows nothing"
        raise InputError(f"{problem}: derive it from na.rules' LocalRule")
    return rule


def stream(seed: int, k: int, *step: int) -> np.random.Generator:
    """Return a neuron's own stream of random numbers, which does not depend on other neurons.

    The neuron's first weights come from `spawn_key=(k,)`. This stream has another key; with the
    same one, equal seeds would make feedback equal to the weights.

    Args:
        seed: The seed.
        k: The position of the neuron.
        step: The number of a step, for a stream of that step alone.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k, 1, *step)))


def positive(what: str, value: float, most: float = inf) -> float:
    """Convert a positive number to a float.

    Args:
        what: What the number is, for the text of an error.
        value: The number.
        most: The largest number that is allowed.

    Raises:
        InputError: The value is no finite number above 0, or it is greater than `most`.
    """
    if not 0 < as_number(value) <= most or value == inf:
        limit = "" if most == inf else f" and at most {most:g}"
        raise InputError(f"{what} must be a number above 0{limit}, got {got(value)}")
    return as_number(value)
