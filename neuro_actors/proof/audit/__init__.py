"""The audit: from a recorded run, every neuron is replayed alone and compared bit for bit.

This folder may import from all folders except `cli`, but takes no part in a simulation: no tasks,
no channels. Start with `audit.py`, then read `auditor.py` and `log_pass.py`.

Files:

    audit.py          `na.audit`, and what it proves
    auditor.py        the passes over a log, and what the audit cannot vouch for
    log_pass.py       one pass over a log, in order
    function_check.py whether functions and the rule are here what they were in the run
    replay.py         what each member should have sent
    mail_places.py    where in a step's numbers each member's mail lies
    delay_law.py      whether delays repeat what was said before
    expected_rows.py  which rows a step must have
    step_notes.py     what each step was asked for
    rounding.py       how far rounding can bring two machines' replays apart
    interneuron_bounds.py the same of what an interneuron sends
    learning_bounds.py the same of what neurons learn, step after step
    exact_sums.py     sums that have no rounding at all
    locality.py       whether neurons share more than their mail
    lie.py            the first thing that cannot be true, in words
    report.py         the result of an audit
"""
