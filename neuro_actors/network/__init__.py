"""What a society is made of: neurons, synapses, activation functions and losses.

`Network` is the description of a network: an immutable directed acyclic graph with its parameters.
Nothing here computes a gradient or sends a message. This folder imports from `support` alone.
Start with `elements.py`, then read `network.py`.

Files:

    elements.py          `Input`, `Neuron`, `Interneuron`, `Delay`, `Synapse`; checks of each alone
    elements_json.py     interneurons, frozen parameters, grids and delays as JSON
    network.py           `Network`: how it is made, and what it offers
    receptive_field.py   `Field`: which positions of its sources an interneuron hears; grids
    field.py             the usual fields: shift, window, pairs, gather, broadcast, reduce, …
    positions.py         at which positions each neuron lives
    cell.py              a network with delays, as it is in one tick
    graph.py             synapses grouped by neuron, levels, cycles: arrays without names
    graph_checks.py      is it a directed acyclic graph that leads from inputs to outputs?
    passes.py            how often a cell goes through a sequence, there and back
    frozen.py            which parameters no optimizer moves
    parameter_names.py   which parameters a text such as `h1.*` means
    synapse_name.py      which synapse a text such as `x0->h1.0` means
    layered.py           layered networks: matrices <-> arrays of synapses
    edge_list.py         checks for networks from arrays
    initial_weights.py   initial weights, drawn by each neuron for itself
    parameter_order.py   parameters by neuron <-> parameters by element
    table.py             a network as a table
    drawing.py           a network as a picture
    functions.py         the tables of activation functions and losses; users may add to them
    function_identity.py which functions names stand for, and whether elsewhere they are the same
    function_names.py    names of functions and losses, and what a wrong name may mean
    function_probe.py    what one function gives at fixed points
    own_functions.py     guards around functions of a user's own
    slope_check.py       is a slope of a user's own the derivative of its value?
    activations.py       the activation functions: value, slope, curvature
    output_activations.py those of outputs before a loss on probabilities
    combination_probe.py what one combination gives at fixed points
    known_identity.py    the identity of any of them, now or as it was first asked for
    combinations.py      how interneurons combine what they receive: value, slopes, bends
    dropout.py           dropout, by the name of its combination: rate, seed, masks
    losses.py            the losses: value, slope, curvature, domain
    masks.py             targets that do not count
    sequences.py         sequences of different lengths, and targets, as users hand them over
    examples.py          a checked batch with its targets
    gradient.py          `Gradient` and `StepResult`: what a step returns
"""
