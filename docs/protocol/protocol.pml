/* The delivery protocol of a society, for the model checker spin. index.md tells it in words; check.py checks it.

   Parameters: -DN=1 neurons in a chain (or -DFORK, two neurons side by side that hear one input; or -DDIAMOND, with a
   third neuron that hears both), -DT=2 steps, -DC=1 crash at most (without it any number), -DFAULTS_FOR_EVER, one of the
   mutants, such as -DNO_REPEAT, and -DLOCAL_LAWS to judge it by what members see in their mail.

   Arithmetic is left out. What a member has learnt is counted: `version` is how many updates it has made. A frame
   carries the version of the parameters that it was made of, and that is its whole content.

   The network is a set. Until the faults cease, whatever was once sent may arrive at any time, in any order, any number
   of times, or never, and any member may crash, as often as it likes. The faults have ceased when the last frame that
   they touched is gone; so the set is empty then, and from there on each frame that is sent arrives once, sometime. */

#ifndef N
#define N 1
#endif
#ifndef T
#define T 2
#endif

/* ---- the graph -------------------------------------------------------------------------------------------------- */

#define bit(k) (1 << (k))
#define ENVIRONMENT MEMBERS /* it stands in the tables behind the members */

/* The environment is a source as others are: along its synapse to an input goes x, along that to the loss go the
   targets, and what comes back along the latter are the losses. `hears` and `tells` are the sets of the synapses that
   end, or begin, at somebody. */
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
#define INPUT 0 /* then come the neurons, then the loss */
#define LOSS (MEMBERS - 1)
#define is_neuron(m) (m > INPUT && m < LOSS)
#define is_output(m) (tells[m] & hears[LOSS])

hidden byte source[SYNAPSES], target[SYNAPSES];
hidden byte hears[MEMBERS + 1], tells[MEMBERS + 1];
hidden short all_that_is_told; /* of whom the environment awaits a commit, and, behind them, an output's activation */
hidden byte i, j, v;           /* scratch */

inline synapse(k, a, b) {
    source[k] = a;
    target[k] = b;
    hears[b] = hears[b] | bit(k);
    tells[a] = tells[a] | bit(k)
}

inline connect() {
    synapse(0, ENVIRONMENT, INPUT);
    synapse(1, ENVIRONMENT, LOSS);
#if defined(FORK)
    synapse(2, INPUT, 1);
    synapse(3, INPUT, 2);
    synapse(4, 1, LOSS);
    synapse(5, 2, LOSS);
#elif defined(DIAMOND)
    synapse(2, INPUT, 1);
    synapse(3, INPUT, 2);
    synapse(4, 1, 3);
    synapse(5, 2, 3);
    synapse(6, 3, LOSS);
#else
    for (i : 0 .. N) {
        synapse(i + 2, i, i + 1)
    }
#endif
    for (i : 1 .. LOSS - 1) {
        all_that_is_told = all_that_is_told | bit(i) | (is_output(i) -> bit(MEMBERS + i) : 0)
    }
    skip
}

/* ---- the state -------------------------------------------------------------------------------------------------- */

/* Durable: the snapshot of each member, which one assignment replaces. */
byte finished[MEMBERS + 1]; /* the number of the last step that it finished */
byte version[MEMBERS + 1];  /* what its rule keeps: how many updates it has made */
byte retained[MEMBERS + 1]; /* what it said at the end of that step: 1 + the version that it was made of; 0: nothing */

/* Volatile: a crash empties it. */
byte heard[MEMBERS + 1];    /* synapses whose activation of the current step is there */
byte felt[MEMBERS + 1];     /* synapses whose urgency of the current step is there */
bit fired[MEMBERS + 1];     /* whether its activation went out; of the environment: whether the step has begun */
short told;                 /* the environment's: whose commit is there, and, behind them, which output's activation */

/* The network. A line carries frames one way, at most one of a name; 0: none, else 1 + the version in it. */
#define ACTIVATION(k) (k)
#define URGENCY(k) (SYNAPSES + (k))
#define COMMIT(m) (2 * SYNAPSES + (m))
#define PREDICTION(m) (2 * SYNAPSES + MEMBERS + (m)) /* an output's activation, to the environment */
#define QUESTION(m) (2 * SYNAPSES + 2 * MEMBERS + (m))
#define LINES (2 * SYNAPSES + 3 * MEMBERS)
#define name(line, step) ((line) * T + (step) - 1)
byte frame[LINES * T];

bit healed; /* whether the faults have ceased */
#define over (finished[ENVIRONMENT] == T)
#ifdef C
byte crashes;
#define may_crash (!healed && crashes < C)
#else
#define may_crash !healed
#endif

#ifdef ACKNOWLEDGED_ON_RECEIPT
byte acknowledged[MEMBERS + 1];
#endif
#if defined(COMMIT_AFTER_SENDING) || defined(COMMIT_IN_TWO_PARTS) || defined(RETAINED_LATER)
bit halfway[MEMBERS + 1];
#endif

/* ---- the laws --------------------------------------------------------------------------------------------------- */

#define LAW(holds, broken) if :: (holds) -> skip :: else -> printf(broken); assert(false) fi

inline all_is_in_order(m) {
    LAW(version[m] == finished[m], "broken: each update is applied exactly once\n");
#ifndef LOCAL_LAWS /* what nobody can see who knows only his mail */
    for (j : 0 .. SYNAPSES - 1) {
        LAW(finished[source[j]] <= finished[target[j]] && finished[target[j]] <= finished[source[j]] + 1,
            "broken: a target is where its source is, or one step ahead\n")
    };
#endif
    skip
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

inline send(line, step, made_of) {
    LAW(frame[name(line, step)] == 0 || frame[name(line, step)] == (made_of) + 1,
        "broken: frames of one name are equal\n");
    frame[name(line, step)] = (made_of) + 1
}

inline send_along(synapses, step, made_of) {
    for (i : 0 .. SYNAPSES - 1) {
        if
        :: (synapses) & bit(i) -> send(ACTIVATION(i), step, made_of)
        :: else
        fi
    };
    skip
}

/* Back along a synapse, what it retains. */
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

/* To the environment, likewise. A commit holds the new parameters, an activation was made of the old ones. */
inline tell(m, step) {
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

inline say_the_end(m, step) {
    for (i : 0 .. SYNAPSES - 1) {
        if
        :: hears[m] & bit(i) -> answer(m, i, step)
        :: else
        fi
    }
    tell(m, step)
}

/* ---- what arrives ----------------------------------------------------------------------------------------------- */

inline activation_arrives(m, k, step, made_of) {
    printf("M%d hears M%d's activation of step %d\n", m, source[k], step);
    if
    :: step == finished[m] + 1 ->
        LAW(made_of == step - 1, "broken: what is accepted was made of the parameters of its step\n");
        heard[m] = heard[m] | bit(k);
#ifdef ACKNOWLEDGED_ON_RECEIPT
        acknowledged[source[k]] = acknowledged[source[k]] | bit(k)
#endif
    :: step > finished[m] + 1 -> LAW(false, "broken: no step from the future\n")
#ifdef STALE_ACCEPTED
    :: step <= finished[m] && finished[m] < T ->
        LAW(made_of == finished[m], "broken: what is accepted was made of the parameters of its step\n");
        heard[m] = heard[m] | bit(k)
#endif
#ifndef NO_ANSWER
    :: step == finished[m] ->
        answer(m, k, step)
#endif
#ifdef ANSWERS_ANY_STEP
    :: step < finished[m] ->
        answer(m, k, step)
#endif
    :: else /* of the past: dropped */
    fi
}

inline urgency_arrives(m, k, step, made_of) {
    printf("M%d hears M%d's urgency of step %d\n", m, target[k], step);
    if
#ifdef EARLY_URGENCY_DROPPED
    :: step == finished[m] + 1 && !fired[m]
    :: step == finished[m] + 1 && fired[m] ->
#else
    :: step == finished[m] + 1 ->
#endif
        LAW(made_of == step - 1, "broken: what is accepted was made of the parameters of its step\n");
        felt[m] = felt[m] | bit(k)
    :: step > finished[m] + 1 -> LAW(false, "broken: no step from the future\n")
#ifdef LEARNS_AGAIN
    :: step == finished[m] && m != ENVIRONMENT -> version[m] = version[m] + 1
#endif
    :: else
    fi
}

inline question_arrives(m, step) {
    printf("M%d is asked again about step %d\n", m, step);
    if
#ifdef ANSWERS_UNFINISHED
    :: step >= finished[m] -> tell(m, step)
#else
    :: step == finished[m] -> tell(m, step)
    :: step > finished[m] + 1 -> LAW(false, "broken: no step from the future\n")
#endif
    :: else /* not finished yet; or of the past */
    fi
}

/* `mark`: what is missing in `told` until this comes.  `right`: what it must have been made of. */
inline environment_is_told(mark, step, made_of, right) {
    if
    :: mark < bit(MEMBERS) -> printf("M%d hears M%d's commit of step %d\n", ENVIRONMENT, l - COMMIT(0), step)
    :: else -> printf("M%d hears M%d's activation of step %d\n", ENVIRONMENT, l - PREDICTION(0), step)
    fi;
    if
    :: step == finished[ENVIRONMENT] + 1 ->
        LAW(made_of == right, "broken: what is accepted was made of the parameters of its step\n");
        told = told | mark
    :: step > finished[ENVIRONMENT] + 1 -> LAW(false, "broken: no step from the future\n")
    :: else
    fi
}

/* A line delivers any of its frames: until the faults cease it may do so again, from then on once. */
#define DELIVER(step) \
    :: d_step { frame[name(l, step)] -> \
        v = frame[name(l, step)] - 1; \
        if :: healed -> frame[name(l, step)] = 0 :: else fi; \
        if \
        :: l < URGENCY(0) -> activation_arrives(target[l], l, step, v) \
        :: l >= URGENCY(0) && l < COMMIT(0) -> urgency_arrives(source[l - SYNAPSES], l - SYNAPSES, step, v) \
        :: l >= COMMIT(0) && l < PREDICTION(0) -> environment_is_told(bit(l - COMMIT(0)), step, v, step) \
        :: l >= PREDICTION(0) && l < QUESTION(0) -> environment_is_told(bit(l - COMMIT(0)), step, v, step - 1) \
        :: l >= QUESTION(0) -> question_arrives(l - QUESTION(0), step) \
        fi }

proctype line(byte l) {
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
#error add a line for each further step
#endif
    od
}

/* ---- a member --------------------------------------------------------------------------------------------------- */

inline begin_anew(m) { /* as after a commit, so after a crash */
    heard[m] = 0;
    felt[m] = 0;
    fired[m] = 0;
#ifdef ACKNOWLEDGED_ON_RECEIPT
    acknowledged[m] = 0;
#endif
}

/* One assignment of the snapshot, and then what it says. What is sent may be lost at once: so a crash between the two
   needs no state of its own. */
inline commit(m) {
    retained[m] = version[m] + 1;
    version[m] = version[m] + 1;
    finished[m] = finished[m] + 1;
    printf("M%d commits step %d\n", m, finished[m])
}

#ifdef RELEASED_AT_THE_FIRST_URGENCY
#define is_answered(m) (felt[m] != 0 || tells[m] == 0)
#else
#define is_answered(m) (felt[m] == tells[m])
#endif

proctype member(byte m) {
end:
    do
    :: d_step { heard[m] == hears[m] && !fired[m] ->
        all_is_in_order(m);
        printf("M%d fires in step %d\n", m, finished[m] + 1);
        fired[m] = 1;
        send_along(tells[m], finished[m] + 1, version[m]);
        if
        :: is_output(m) -> send(PREDICTION(m), finished[m] + 1, version[m])
        :: else
        fi }
#if defined(COMMIT_AFTER_SENDING)
    :: d_step { fired[m] && is_answered(m) && !halfway[m] ->
        printf("M%d says the end of step %d, not committed yet\n", m, finished[m] + 1);
        halfway[m] = 1;
        for (i : 0 .. SYNAPSES - 1) {
            if
            :: hears[m] & bit(i) -> send(URGENCY(i), finished[m] + 1, version[m])
            :: else
            fi
        };
        skip }
    :: d_step { halfway[m] ->
        commit(m);
        halfway[m] = 0;
        begin_anew(m);
        tell(m, finished[m]);
        all_is_in_order(m) }
#elif defined(COMMIT_IN_TWO_PARTS)
    :: d_step { fired[m] && is_answered(m) && !halfway[m] ->
        printf("M%d keeps its new parameters\n", m);
        version[m] = version[m] + 1;
        halfway[m] = 1 }
    :: d_step { halfway[m] ->
        retained[m] = version[m];
        finished[m] = finished[m] + 1;
        printf("M%d commits step %d\n", m, finished[m]);
        halfway[m] = 0;
        begin_anew(m);
        say_the_end(m, finished[m]);
        all_is_in_order(m) }
#elif defined(RETAINED_LATER)
    :: d_step { fired[m] && is_answered(m) ->
        version[m] = version[m] + 1;
        finished[m] = finished[m] + 1;
        printf("M%d commits step %d, but not yet what it says at its end\n", m, finished[m]);
        begin_anew(m);
        halfway[m] = 1 }
    :: d_step { halfway[m] ->
        retained[m] = version[m];
        halfway[m] = 0;
        say_the_end(m, finished[m]);
        all_is_in_order(m) }
#else
    :: d_step { fired[m] && is_answered(m) ->
        commit(m);
#ifndef MAIL_OUTLIVES_THE_STEP
        begin_anew(m);
#else
        felt[m] = 0;
        fired[m] = 0;
#endif
        say_the_end(m, finished[m]);
        all_is_in_order(m) }
#endif
    :: d_step { may_crash && (heard[m] || felt[m] || fired[m]
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
        begin_anew(m)
#endif
        }
    od
}

/* ---- the environment -------------------------------------------------------------------------------------------- */

#ifdef SILENT_INPUTS /* an input has nothing to feel, and is not waited for */
#define all_inputs_answered (felt[ENVIRONMENT] | bit(0)) == tells[ENVIRONMENT]
#else
#define all_inputs_answered felt[ENVIRONMENT] == tells[ENVIRONMENT]
#endif
proctype environment() {
end:
    do
    :: d_step { !fired[ENVIRONMENT] && !over ->
        printf("M%d begins step %d\n", ENVIRONMENT, finished[ENVIRONMENT] + 1);
        fired[ENVIRONMENT] = 1;
        send_along(tells[ENVIRONMENT], finished[ENVIRONMENT] + 1, version[ENVIRONMENT]) }
    :: d_step { fired[ENVIRONMENT] && all_inputs_answered && told == all_that_is_told ->
        finished[ENVIRONMENT] = finished[ENVIRONMENT] + 1;
        version[ENVIRONMENT] = version[ENVIRONMENT] + 1;
        fired[ENVIRONMENT] = 0;
        felt[ENVIRONMENT] = 0;
        told = 0;
        printf("M%d has heard all of step %d\n", ENVIRONMENT, finished[ENVIRONMENT]);
#ifndef LOCAL_LAWS
        for (i : 0 .. MEMBERS - 1) {
            LAW(finished[i] == finished[ENVIRONMENT], "broken: a step is over when everyone has finished it\n")
        };
#endif
        skip }
    od
}

/* ---- time ------------------------------------------------------------------------------------------------------- */

#ifdef ACKNOWLEDGED_ON_RECEIPT
#define missing(m) (tells[m] & ~felt[m] & ~acknowledged[m])
#else
#define missing(m) (tells[m] & ~felt[m])
#endif

/* Every deadline passes: whoever has fired repeats what was not answered, and the environment asks again. */
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
        :: fired[ENVIRONMENT] && ((bit(j) | bit(MEMBERS + j)) & all_that_is_told & ~told) ->
            send(QUESTION(j), finished[ENVIRONMENT] + 1, 0)
        :: else
        fi
    };
#endif
    skip
}

/* While the faults last a deadline passes whenever it likes. Afterwards it is longer than all that is under way: it passes
   when nothing else can happen (`timeout`). A run that goes on for ever from there passes `accept` again and again: that
   is how spin finds it. */
init {
    d_step { connect() }
    atomic {
        for (i : 0 .. LINES - 1) {
            run line(i)
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
        printf("the faults cease; what was under way is lost\n");
        healed = 1;
        for (i : 0 .. LINES * T - 1) {
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
