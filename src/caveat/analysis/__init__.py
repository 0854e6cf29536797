"""What a policy holds and what an edit opens, decided by a solver and replayed on the live engine.

The law of the room: every question is asked of the verdict rule, never of Cedar alone; every "open" is a
use that the live engine really lets through; a solver that does not answer in time answers "unknown".
Nothing here is needed to serve: the solver is the extra `caveat[analysis]`. Source: POLICY section 4,
ADR-0017.
"""
