"""`stream-engine bench`: a data set through sessions, paced or not, scored into one table.

    data set ──► sessions (kept: a killed bench goes on) ──► measured ──► pooled, with intervals
                                                                             │
                       console, results.json, page.html ◄── compared ◄───────┘

A leaf above the assembly. Scorers (meeteval, pyannote.metrics) and the page's plots are optional: what they
would have said is null then, with the reason.
"""
