"""Mutants of the delivery protocol: each is a function that breaks it, by `patch(holder, name, value)`."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from neuro_actors.channels.unreliable import delivery as delivery_module
from neuro_actors.channels.unreliable import frames as framing
from neuro_actors.channels.unreliable.delivery import DeliveryState, Snapshot
from neuro_actors.channels.unreliable.endpoint import Endpoint
from neuro_actors.channels.unreliable.frames import HEAD, Frame
from neuro_actors.channels.unreliable.port import RestartablePort, UnreliableEnvironmentPort
from neuro_actors.neuron import local_rule as neuron
from neuro_actors.neuron.kernel_rule import FASTEST_RULE
from neuro_actors.neuron.local_rule import LocalRule
from neuro_actors.neuron.messages import URGENCY
from neuro_actors.neuron.neuron_state import NeuronState
from neuro_actors.proof import fault_campaign

receive, due, finish, mark_sent = (
    DeliveryState.receive,
    DeliveryState.take_due,
    DeliveryState.finish,
    DeliveryState.mark_sent,
)
restart_from, fire, learn, receive_mail = (
    RestartablePort.restart_from,
    FASTEST_RULE.fire,
    neuron.updated_state,
    RestartablePort.receive,
)


def commit_after_sending(patch) -> None:
    def finish_late(self) -> None:
        delivery, shared, end = self.delivery, self._shared, self._end_of_step
        step, self._end_of_step = shared.step_table.decode(delivery.number, delivery.step_code), {}
        frames = []
        for route in self._answers:
            if route in end:
                shared.first_sends.record(step, route, end[route])
            if route in end or shared.injector.names[route].kind == URGENCY:
                values = end.get(route, framing.EMPTY)
                frames.append(Frame(route, delivery.number, delivery.step_code, values))
        for frame in frames:
            self.maybe_crash("between urgencies")
            shared.transport.send(frame)
        self.maybe_crash("before commit")
        shared.snapshots.commit(self.member, delivery.finish(self._get_state(), frames))
        self.maybe_crash("after commit")
        self.schedule_crash()

    patch(RestartablePort, "_finish", finish_late)


def commit_in_two_parts(patch) -> None:
    """First the state of the rule, then the rest; a crash may come between."""

    def finish_by_halves(self) -> None:
        snapshots = self._shared.snapshots.snapshots
        snapshots[self.member] = snapshots[self.member]._replace(state=self._get_state())
        whole(self)

    whole = RestartablePort._finish
    patch(RestartablePort, "_finish", finish_by_halves)


def changed_in_place(patch) -> None:
    """What was committed is changed where it lies, before the next commit."""

    def learn_in_place(state: NeuronState, *rest) -> NeuronState:
        new = learn(state, *rest)
        state.parameters.setflags(write=True)
        state.parameters[...] = new.parameters
        return new._replace(parameters=state.parameters)

    patch(neuron, "updated_state", learn_in_place)


def optimizer_state_forgotten(patch) -> None:
    def restart_forgetfully(self, snapshot: Snapshot, get_state) -> None:
        restart_from(
            self,
            snapshot,
            lambda: tuple(
                NeuronState(s.parameters) if isinstance(s, NeuronState) else s for s in get_state()
            ),
        )

    patch(RestartablePort, "restart_from", restart_forgetfully)


def parameters_forgotten(patch) -> None:
    patch(LocalRule, "set_state", lambda self, state: None)


def urgencies_volatile(patch) -> None:
    """What was sent at the end of a step does not survive."""

    def restart_silently(self, snapshot: Snapshot, get_state) -> None:
        restart_from(self, snapshot._replace(sent={}), get_state)

    patch(RestartablePort, "restart_from", restart_silently)
    patch(
        DeliveryState,
        "receive",
        lambda self, frame: (
            receive(self, frame) if self.snapshot.sent or frame.number >= self.number else None
        ),
    )


def urgencies_computed_anew(patch) -> None:
    """Not retained, but computed from the new weights."""

    def finish_anew(self) -> None:
        rule, delivery = getattr(self._get_state, "__self__", None), self.delivery
        step = self._shared.step_table.decode(delivery.number, delivery.step_code)
        whole(self)
        if (
            isinstance(rule, LocalRule)
            and step.loss is not None
            and not step.tangent
            and step.optimizer is not None
        ):
            again = replace(step, optimizer=None)
            rule.fire(again, self.activations_in, np.empty_like(self.activation_out))
            back = np.empty_like(self.urgencies_out)
            rule.respond(again, self.urgencies_in, back, np.empty_like(self.commit_out))
            snapshots = self._shared.snapshots.snapshots
            sent = dict(snapshots[self.member].sent)
            for route, row in zip(self._mail.receivers(URGENCY, step), back, strict=True):
                sent[route] = sent[route]._replace(values=row)
            snapshot = snapshots[self.member]._replace(sent=sent)
            snapshots[self.member] = delivery.snapshot = snapshot

    whole = RestartablePort._finish
    patch(RestartablePort, "_finish", finish_anew)


def acknowledged_on_receipt(patch) -> None:
    """A frame that has arrived is not repeated, though its receiver may crash."""
    arrived: set[tuple[int, int]] = set()
    run_schedule = fault_campaign.run_schedule

    def run_afresh(*args, **settings) -> fault_campaign.Outcome:
        arrived.clear()
        return run_schedule(*args, **settings)

    def receive_and_note(self, frame: Frame) -> Frame | None:
        arrived.add((frame.route, frame.number))
        return receive(self, frame)

    def due_not_arrived(self, now: float) -> list[Frame]:
        return [
            frame
            for frame in due(self, now)
            if frame.asks or (frame.route, frame.number) not in arrived
        ]

    patch(fault_campaign, "run_schedule", run_afresh)
    patch(DeliveryState, "receive", receive_and_note)
    patch(DeliveryState, "take_due", due_not_arrived)


def released_at_the_first_urgency(patch) -> None:
    def due_for_none(self, now: float) -> list[Frame]:
        if now >= self.deadline and len(self.missing(self.awaited)) < len(self.awaited):
            self.deadline = float("inf")
        return due(self, now)

    patch(DeliveryState, "take_due", due_for_none)


def no_timer(patch) -> None:
    patch(
        DeliveryState,
        "mark_sent",
        lambda self, sent, awaited, now: mark_sent(self, sent, awaited, float("inf")),
    )


def timer_rings_once(patch) -> None:
    def due_once(self, now: float) -> list[Frame]:
        sent = due(self, now)
        if sent:
            self.deadline = float("inf")
        return sent

    patch(DeliveryState, "take_due", due_once)


def no_answer_to_the_past(patch) -> None:
    patch(
        DeliveryState,
        "receive",
        lambda self, frame: None if frame.number < self.number else receive(self, frame),
    )


def questions_unanswered(patch) -> None:
    patch(
        DeliveryState, "receive", lambda self, frame: None if frame.asks else receive(self, frame)
    )


def nothing_asked_for(patch) -> None:
    patch(
        DeliveryState,
        "take_due",
        lambda self, now: [frame for frame in due(self, now) if not frame.asks],
    )


def outputs_activation_not_retained(patch) -> None:
    def finish_silent(self, state, sent) -> Snapshot:
        self.sent = {}
        return finish(self, state, sent)

    patch(DeliveryState, "finish", finish_silent)


def no_checksum(patch) -> None:
    patch(framing, "crc32", lambda data: 0)


def checksum_without_the_head(patch) -> None:
    patch(framing, "crc32", lambda data: zlib.crc32(data[HEAD.size :]))


def checksum_of_the_head_alone(patch) -> None:
    patch(framing, "crc32", lambda data: zlib.crc32(data[: HEAD.size]))


def stale_step_accepted(patch) -> None:
    def receive_anything(self, frame: Frame) -> Frame | None:
        if frame.number == self.number - 1 and not frame.asks and frame.route in self.table.repeats:
            frame = frame._replace(
                number=self.number,
                step_code=self.step_code if self.step_code is not None else frame.step_code,
            )
        return receive(self, frame)

    patch(DeliveryState, "receive", receive_anything)


def counts_instead_of_names(patch) -> None:
    """No de-duplication: as many frames as there are routes, whichever they are."""

    def receive_and_count(self, frame: Frame) -> Frame | None:
        if frame.number == self.number and not frame.asks and frame.route in self.mail:
            for route in (*self.table.answers, *self.table.repeats):
                if route not in self.mail and (route in self.table.answers) == (
                    frame.route in self.table.answers
                ):
                    self.mail[route] = frame.values
                    break
        return receive(self, frame)

    patch(DeliveryState, "receive", receive_and_count)


def sums_in_order_of_arrival(patch) -> None:
    async def receive_unsorted(self, kind):
        step = await receive_mail(self, kind)
        if step is not None and kind == URGENCY:
            routes, arrived = self._endpoint.routes_in[URGENCY], list(self.delivery.mail)
            order = sorted(range(len(routes)), key=lambda k: arrived.index(routes[k]))
            self.urgencies_in = np.ascontiguousarray(self.urgencies_in[order])
        return step

    patch(RestartablePort, "receive", receive_unsorted)


def random_numbers_not_committed(patch) -> None:
    """A neuron's own noise, from a generator that begins again after each crash."""
    generators: dict[int, tuple[LocalRule, np.random.Generator]] = {}

    def fire_noisily(self, step, activations_in, activation_out) -> None:
        fire(self, step, activations_in, activation_out)
        _, generator = generators.setdefault(id(self), (self, np.random.default_rng(0)))
        activation_out *= 1 + generator.random() / 1e3

    patch(FASTEST_RULE, "fire", fire_noisily)


def the_environment_does_not_wait_for_inputs(patch) -> None:
    """It begins the next step while some members have not finished this one."""

    def begin_early(self, *order) -> None:
        usual(self, *order)
        if not order[0].wrt_inputs:
            early = set(self._endpoint.routes_in[URGENCY])
            self._endpoint.awaited = [k for k in self._endpoint.awaited if k not in early]

    usual = UnreliableEnvironmentPort.begin
    patch(UnreliableEnvironmentPort, "begin", begin_early)


def empty_urgencies_not_waited_for(patch) -> None:
    async def receive_without_waiting(self, kind):
        if kind == "activation" and self.delivery.sent:
            self._finish()
        return await receive_mail(self, kind)

    patch(RestartablePort, "receive", receive_without_waiting)


# --- equivalent: nothing that is seen from outside changes ---------------------------------------------------------


def early_urgencies_dropped(patch) -> None:
    """They are sent again after this member has sent: its activation is of the previous step for their senders."""

    def receive_no_early(self, frame: Frame) -> Frame | None:
        if (
            frame.number == self.number
            and frame.route in self.table.repeats
            and not self.sent
            and not frame.asks
        ):
            return None
        return receive(self, frame)

    patch(DeliveryState, "receive", receive_no_early)


def the_mailbox_survives(patch) -> None:
    """Frames of a name are equal, so it does not matter whether they arrive before or after a crash."""
    patch(Endpoint, "discard_mail", lambda self: None)


def the_latest_frame_counts(patch) -> None:
    """Rule 1: it is equal to the first."""

    def receive_latest(self, frame: Frame) -> Frame | None:
        if frame.number == self.number and frame.route in self.mail:
            self.mail[frame.route] = frame.values
        return receive(self, frame)

    patch(DeliveryState, "receive", receive_latest)


def no_backoff(patch) -> None:
    """More is sent, and sooner."""
    patch(delivery_module, "CAP", 1.0)


CAUGHT = [
    commit_after_sending, commit_in_two_parts, changed_in_place, optimizer_state_forgotten, parameters_forgotten,
    urgencies_volatile, urgencies_computed_anew, acknowledged_on_receipt, released_at_the_first_urgency, no_timer,
    timer_rings_once, no_answer_to_the_past, questions_unanswered, nothing_asked_for, outputs_activation_not_retained,
    no_checksum, checksum_without_the_head, checksum_of_the_head_alone, stale_step_accepted, counts_instead_of_names,
    sums_in_order_of_arrival, random_numbers_not_committed, the_environment_does_not_wait_for_inputs,
    empty_urgencies_not_waited_for,
]  # fmt: skip
EQUIVALENT = [early_urgencies_dropped, the_mailbox_survives, the_latest_frame_counts, no_backoff]
