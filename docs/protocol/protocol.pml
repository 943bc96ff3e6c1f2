/* The delivery protocol of a society, for the model checker spin. index.md has it in words; check.py checks it.

   Parameters: -DN=1 neurons in a chain (or -DFORK: two neurons side by side, which receive from one input; or
   -DDIAMOND: with a third neuron, which receives from both), -DT=2 steps, -DC=1 crash at most (without it any
   number), -DFAULTS_FOR_EVER, one of the mutants, such as -DNO_REPEAT, and -DLOCAL_LAWS, which checks only the laws
   that members can see in their mail.

   The model leaves out arithmetic. `version` counts how many updates a member has made. A frame carries the version
   of the parameters that it was computed from, and nothing else.

   The network is a set. Until the faults cease, each frame that was ever sent may arrive at any time, in any order,
   any number of times, or never, and any member may crash, as often as it likes. The faults have ceased when the last
   frame that they touched is gone. So the set is empty then. From there on each frame that is sent arrives once. */

#ifndef N
#define N 1
#endif
#ifndef T
#define T 2
#endif

/* ---- the graph -------------------------------------------------------------------------------------------------- */

#define bit(k) (1 << (k))
#define ENVIRONMENT MEMBERS /* in the tables it comes after the members */

/* The environment is a source like others. Along its synapse to an input it sends x, along its synapse to the loss
   node it sends the targets, and along the latter the losses come back. `incoming` and `outgoing` are the sets of the
   synapses that end, or begin, at a member. */
#if defined(FORK)
#define MEMBERS 4
#define SYNAPSES 6
#elif defined(DIAMOND)
#define MEMBERS 5
#define SYNAPSES 7
#else
#if N > 5
#error the sets of synapses are bytes: N is at most 5
#endif
#define MEMBERS (N + 2)
#define SYNAPSES (N + 3)
#endif
#define INPUT 0 /* then come the neurons, then the loss node */
#define LOSS_NODE (MEMBERS - 1)
#define is_neuron(m) (m > INPUT && m < LOSS_NODE)
#define is_output(m) (outgoing[m] & incoming[LOSS_NODE])

hidden byte source[SYNAPSES], target[SYNAPSES];
hidden byte incoming[MEMBERS + 1], outgoing[MEMBERS + 1];
hidden short all_answers; /* the members whose commit the environment awaits; behind them, whose activation */
hidden byte i, j, v; /* scratch */

inline synapse(k, a, b) {
    source[k] = a;
    target[k] = b;
    incoming[b] = incoming[b] | bit(k);
    outgoing[a] = outgoing[a] | bit(k)
}

inline connect() {
    synapse(0, ENVIRONMENT, INPUT);
    synapse(1, ENVIRONMENT, LOSS_NODE);
#if defined(FORK)
    synapse(2, INPUT, 1);
    synapse(3, INPUT, 2);
    synapse(4, 1, LOSS_NODE);
    synapse(5, 2, LOSS_NODE);
#elif defined(DIAMOND)
    synapse(2, INPUT, 1);
    synapse(3, INPUT, 2);
    synapse(4, 1, 3);
    synapse(5, 2, 3);
    synapse(6, 3, LOSS_NODE);
#else
    for (i : 0 .. N) {
        synapse(i + 2, i, i + 1)
    }
#endif
    for (i : 1 .. LOSS_NODE - 1) {
        all_answers = all_answers | bit(i) | (is_output(i) -> bit(MEMBERS + i) : 0)
    }
    skip
}

/* ---- the state -------------------------------------------------------------------------------------------------- */

/* Durable: the snapshot of each member. One assignment replaces it. */
byte finished[MEMBERS + 1]; /* the number of the last step that it finished */
byte version[MEMBERS + 1];  /* the state of its rule: how many updates it has made */
byte retained[MEMBERS + 1]; /* what it sent at the end of that step: 1 + the version it was computed from; 0: nothing */

/* Volatile: a crash empties it. */
byte activations[MEMBERS + 1]; /* synapses whose activation of the current step has arrived */
byte urgencies[MEMBERS + 1];   /* synapses whose urgency of the current step has arrived */
bit fired[MEMBERS + 1];        /* whether its activation was sent; of the environment: whether the step has begun */
short answers; /* of the environment: whose commit has arrived; behind them, which output's activation */

/* The network. A route carries frames one way, at most one of a name; 0: none, else 1 + the version in it. */
#define ACTIVATION(k) (k)
#define URGENCY(k) (SYNAPSES + (k))
#define COMMIT(m) (2 * SYNAPSES + (m))
#define PREDICTION(m) (2 * SYNAPSES + MEMBERS + (m)) /* an output's activation, to the environment */
#define QUESTION(m) (2 * SYNAPSES + 2 * MEMBERS + (m))
#define ROUTES (2 * SYNAPSES + 3 * MEMBERS)
#define name(route, step) ((route) * T + (step) - 1)
byte frame[ROUTES * T];

bit ceased; /* whether the faults have ceased */
#define over (finished[ENVIRONMENT] == T)
#ifdef C
byte crashes;
#define may_crash (!ceased && crashes < C)
#else
#define may_crash !ceased
#endif

#ifdef ACKNOWLEDGED_ON_RECEIPT
byte acknowledged[MEMBERS + 1];
#endif
#if defined(COMMIT_AFTER_SENDING) || defined(COMMIT_IN_TWO_PARTS) || defined(RETAINED_LATER)
bit halfway[MEMBERS + 1];
#endif

/* ---- the laws --------------------------------------------------------------------------------------------------- */

#define LAW(holds, broken) if :: (holds) -> skip :: else -> printf(broken); assert(false) fi

inline check_laws(m) {
    LAW(version[m] == finished[m], "broken: each update is applied exactly once\n");
#ifndef LOCAL_LAWS /* a member that knows only its mail cannot see this */
    for (j : 0 .. SYNAPSES - 1) {
        LAW(finished[source[j]] <= finished[target[j]] && finished[target[j]] <= finished[source[j]] + 1,
            "broken: a target is at its source's step, or one step ahead\n")
    };
#endif
    skip
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

inline send(route, step, computed_from) {
    LAW(frame[name(route, step)] == 0 || frame[name(route, step)] == (computed_from) + 1,
        "broken: frames of one name are equal\n");
    frame[name(route, step)] = (computed_from) + 1
}

inline send_along(synapses, step, computed_from) {
    for (i : 0 .. SYNAPSES - 1) {
        if
        :: (synapses) & bit(i) -> send(ACTIVATION(i), step, computed_from)
        :: else
        fi
    };
    skip
}

/* The answer goes back along a synapse: what the member retains. */
inline answer(m, k, step) {
#ifdef RECOMPUTED
    send(URGENCY(k), step, version[m])
#else
    if
    :: retained[m] -> send(URGENCY(k), step, retained[m] - 1)
    :: else
    fi
#endif
}

/* To the environment, likewise. A commit holds the new parameters; an activation was computed from the old ones. */
inline answer_environment(m, step) {
    if
    :: is_neuron(m) && retained[m] -> send(COMMIT(m), step, retained[m])
    :: else
    fi;
    if
#ifdef PREDICTION_RECOMPUTED
    :: is_output(m) -> send(PREDICTION(m), step, version[m])
#else
    :: is_output(m) && retained[m] -> send(PREDICTION(m), step, retained[m] - 1)
#endif
    :: else
    fi
}

inline send_end_of_step(m, step) {
    for (i : 0 .. SYNAPSES - 1) {
        if
        :: incoming[m] & bit(i) -> answer(m, i, step)
        :: else
        fi
    }
    answer_environment(m, step)
}

/* ---- what arrives ----------------------------------------------------------------------------------------------- */

inline activation_arrives(m, k, step, computed_from) {
    printf("M%d receives M%d's activation of step %d\n", m, source[k], step);
    if
    :: step == finished[m] + 1 ->
        LAW(computed_from == step - 1, "broken: an accepted frame was computed from the parameters of its step\n");
        activations[m] = activations[m] | bit(k);
#ifdef ACKNOWLEDGED_ON_RECEIPT
        acknowledged[source[k]] = acknowledged[source[k]] | bit(k)
#endif
    :: step > finished[m] + 1 -> LAW(false, "broken: no frame of a later step arrives\n")
#ifdef STALE_ACCEPTED
    :: step <= finished[m] && finished[m] < T ->
        LAW(computed_from == finished[m], "broken: an accepted frame was computed from the parameters of its step\n");
        activations[m] = activations[m] | bit(k)
#endif
#ifndef NO_ANSWER
    :: step == finished[m] ->
        answer(m, k, step)
#endif
#ifdef ANSWERS_ANY_STEP
    :: step < finished[m] ->
        answer(m, k, step)
#endif
    :: else /* of an earlier step: dropped */
    fi
}

inline urgency_arrives(m, k, step, computed_from) {
    printf("M%d receives M%d's urgency of step %d\n", m, target[k], step);
    if
#ifdef EARLY_URGENCY_DROPPED
    :: step == finished[m] + 1 && !fired[m]
    :: step == finished[m] + 1 && fired[m] ->
#else
    :: step == finished[m] + 1 ->
#endif
        LAW(computed_from == step - 1, "broken: an accepted frame was computed from the parameters of its step\n");
        urgencies[m] = urgencies[m] | bit(k)
    :: step > finished[m] + 1 -> LAW(false, "broken: no frame of a later step arrives\n")
#ifdef LEARNS_AGAIN
    :: step == finished[m] && m != ENVIRONMENT -> version[m] = version[m] + 1
#endif
    :: else
    fi
}

inline question_arrives(m, step) {
    printf("M%d receives a question about step %d\n", m, step);
    if
#ifdef ANSWERS_UNFINISHED
    :: step >= finished[m] -> answer_environment(m, step)
#else
    :: step == finished[m] -> answer_environment(m, step)
    :: step > finished[m] + 1 -> LAW(false, "broken: no frame of a later step arrives\n")
#endif
    :: else /* not finished yet, or of an earlier step */
    fi
}

/* `mark`: its place in `answers`.  `right`: the version that it must have been computed from. */
inline answer_arrives(mark, step, computed_from, right) {
    if
    :: mark < bit(MEMBERS) -> printf("M%d receives M%d's commit of step %d\n", ENVIRONMENT, l - COMMIT(0), step)
    :: else -> printf("M%d receives M%d's activation of step %d\n", ENVIRONMENT, l - PREDICTION(0), step)
    fi;
    if
    :: step == finished[ENVIRONMENT] + 1 ->
        LAW(computed_from == right, "broken: an accepted frame was computed from the parameters of its step\n");
        answers = answers | mark
    :: step > finished[ENVIRONMENT] + 1 -> LAW(false, "broken: no frame of a later step arrives\n")
    :: else
    fi
}

/* A route delivers any of its frames: until the faults cease any number of times, from then on once. */
#define DELIVER(step) \
    :: d_step { frame[name(l, step)] -> \
        v = frame[name(l, step)] - 1; \
        if :: ceased -> frame[name(l, step)] = 0 :: else fi; \
        if \
        :: l < URGENCY(0) -> activation_arrives(target[l], l, step, v) \
        :: l >= URGENCY(0) && l < COMMIT(0) -> urgency_arrives(source[l - SYNAPSES], l - SYNAPSES, step, v) \
        :: l >= COMMIT(0) && l < PREDICTION(0) -> answer_arrives(bit(l - COMMIT(0)), step, v, step) \
        :: l >= PREDICTION(0) && l < QUESTION(0) -> answer_arrives(bit(l - COMMIT(0)), step, v, step - 1) \
        :: l >= QUESTION(0) -> question_arrives(l - QUESTION(0), step) \
        fi }

proctype route(byte l) {
end:
    do
    DELIVER(1)
#if T > 1
    DELIVER(2)
#endif
#if T > 2
    DELIVER(3)
#endif
#if T > 3
#error add a DELIVER for each further step
#endif
    od
}

/* ---- a member --------------------------------------------------------------------------------------------------- */

inline begin_step(m) { /* after a commit, and after a crash */
    activations[m] = 0;
    urgencies[m] = 0;
    fired[m] = 0;
#ifdef ACKNOWLEDGED_ON_RECEIPT
    acknowledged[m] = 0;
#endif
}

/* One assignment of the snapshot, and then the member sends. All that it sends may be lost at once. So a crash between
   the two needs no state of its own. */
inline commit(m) {
    retained[m] = version[m] + 1;
    version[m] = version[m] + 1;
    finished[m] = finished[m] + 1;
    printf("M%d commits step %d\n", m, finished[m])
}

#ifdef RELEASED_AT_THE_FIRST_URGENCY
#define is_answered(m) (urgencies[m] != 0 || outgoing[m] == 0)
#else
#define is_answered(m) (urgencies[m] == outgoing[m])
#endif

proctype member(byte m) {
end:
    do
    :: d_step { activations[m] == incoming[m] && !fired[m] ->
        check_laws(m);
        printf("M%d fires in step %d\n", m, finished[m] + 1);
        fired[m] = 1;
        send_along(outgoing[m], finished[m] + 1, version[m]);
        if
        :: is_output(m) -> send(PREDICTION(m), finished[m] + 1, version[m])
        :: else
        fi }
#if defined(COMMIT_AFTER_SENDING)
    :: d_step { fired[m] && is_answered(m) && !halfway[m] ->
        printf("M%d sends the end of step %d, not committed yet\n", m, finished[m] + 1);
        halfway[m] = 1;
        for (i : 0 .. SYNAPSES - 1) {
            if
            :: incoming[m] & bit(i) -> send(URGENCY(i), finished[m] + 1, version[m])
            :: else
            fi
        };
        skip }
    :: d_step { halfway[m] ->
        commit(m);
        halfway[m] = 0;
        begin_step(m);
        answer_environment(m, finished[m]);
        check_laws(m) }
#elif defined(COMMIT_IN_TWO_PARTS)
    :: d_step { fired[m] && is_answered(m) && !halfway[m] ->
        printf("M%d makes its new parameters durable\n", m);
        version[m] = version[m] + 1;
        halfway[m] = 1 }
    :: d_step { halfway[m] ->
        retained[m] = version[m];
        finished[m] = finished[m] + 1;
        printf("M%d commits step %d\n", m, finished[m]);
        halfway[m] = 0;
        begin_step(m);
        send_end_of_step(m, finished[m]);
        check_laws(m) }
#elif defined(RETAINED_LATER)
    :: d_step { fired[m] && is_answered(m) ->
        version[m] = version[m] + 1;
        finished[m] = finished[m] + 1;
        printf("M%d commits step %d, but not yet what it sends at its end\n", m, finished[m]);
        begin_step(m);
        halfway[m] = 1 }
    :: d_step { halfway[m] ->
        retained[m] = version[m];
        halfway[m] = 0;
        send_end_of_step(m, finished[m]);
        check_laws(m) }
#else
    :: d_step { fired[m] && is_answered(m) ->
        commit(m);
#ifndef MAIL_OUTLIVES_THE_STEP
        begin_step(m);
#else
        urgencies[m] = 0;
        fired[m] = 0;
#endif
        send_end_of_step(m, finished[m]);
        check_laws(m) }
#endif
    :: d_step { may_crash && (activations[m] || urgencies[m] || fired[m]
#ifdef VOLATILE_RETAINED
            || retained[m]
#endif
#ifdef RETAINED_LATER
            || halfway[m]
#endif
            ) ->
        printf("M%d crashes in step %d\n", m, finished[m] + 1);
#ifdef C
        crashes++;
#endif
#ifdef VOLATILE_RETAINED
        retained[m] = 0;
#endif
#if defined(COMMIT_AFTER_SENDING) || defined(COMMIT_IN_TWO_PARTS) || defined(RETAINED_LATER)
        halfway[m] = 0;
#endif
#ifdef MAIL_SURVIVES
        fired[m] = 0
#else
        begin_step(m)
#endif
        }
    od
}

/* ---- the environment -------------------------------------------------------------------------------------------- */

#ifdef SILENT_INPUTS /* an input has no urgency to send, and the environment does not wait for one */
#define all_inputs_answered (urgencies[ENVIRONMENT] | bit(0)) == outgoing[ENVIRONMENT]
#else
#define all_inputs_answered urgencies[ENVIRONMENT] == outgoing[ENVIRONMENT]
#endif
proctype environment() {
end:
    do
    :: d_step { !fired[ENVIRONMENT] && !over ->
        printf("M%d begins step %d\n", ENVIRONMENT, finished[ENVIRONMENT] + 1);
        fired[ENVIRONMENT] = 1;
        send_along(outgoing[ENVIRONMENT], finished[ENVIRONMENT] + 1, version[ENVIRONMENT]) }
    :: d_step { fired[ENVIRONMENT] && all_inputs_answered && answers == all_answers ->
        finished[ENVIRONMENT] = finished[ENVIRONMENT] + 1;
        version[ENVIRONMENT] = version[ENVIRONMENT] + 1;
        fired[ENVIRONMENT] = 0;
        urgencies[ENVIRONMENT] = 0;
        answers = 0;
        printf("M%d has received all of step %d\n", ENVIRONMENT, finished[ENVIRONMENT]);
#ifndef LOCAL_LAWS
        for (i : 0 .. MEMBERS - 1) {
            LAW(finished[i] == finished[ENVIRONMENT], "broken: a step ends when all members have finished it\n")
        };
#endif
        skip }
    od
}

/* ---- time ------------------------------------------------------------------------------------------------------- */

#ifdef ACKNOWLEDGED_ON_RECEIPT
#define missing(m) (outgoing[m] & ~urgencies[m] & ~acknowledged[m])
#else
#define missing(m) (outgoing[m] & ~urgencies[m])
#endif

/* Every deadline passes: each member that has fired repeats what has no answer, and the environment sends questions. */
inline deadlines_pass() {
    printf("all deadlines pass\n");
    for (j : 0 .. MEMBERS) {
        if
#ifdef NO_REPEAT
        :: fired[j] && j == ENVIRONMENT ->
#elif defined(ENVIRONMENT_NEVER_REPEATS)
        :: fired[j] && j != ENVIRONMENT ->
#else
        :: fired[j] ->
#endif
            send_along(missing(j), finished[j] + 1, version[j])
        :: else
        fi
    };
#ifndef NEVER_ASKS
    for (j : 0 .. MEMBERS - 1) {
        if
        :: fired[ENVIRONMENT] && ((bit(j) | bit(MEMBERS + j)) & all_answers & ~answers) ->
            send(QUESTION(j), finished[ENVIRONMENT] + 1, 0)
        :: else
        fi
    };
#endif
    skip
}

/* While the faults last, deadlines pass at any time. Afterwards a deadline is longer than any frame takes. So deadlines
   pass when nothing else can happen (`timeout`). A run that never ends passes `accept` again and again: that is how
   spin finds it. */
init {
    d_step { connect() }
    atomic {
        for (i : 0 .. ROUTES - 1) {
            run route(i)
        }
        for (i : 0 .. MEMBERS - 1) {
            run member(i)
        }
        run environment()
    }
    do
    :: d_step { deadlines_pass() }
#ifndef FAULTS_FOR_EVER
    :: d_step {
        printf("the faults cease; all frames in flight are lost\n");
        ceased = 1;
        for (i : 0 .. ROUTES * T - 1) {
            frame[i] = 0
        };
        skip };
        break
#endif
    od;
accept:
    do
    :: atomic { timeout && !over -> deadlines_pass() }
    :: over -> break
    od
}
