"""Dynamic routes: named graphs that a request walks, from a start over conditions, splits and limits to models.

A route is called as the model `dynamic/{name}`. Reading one (`read.py`) finds everything that is wrong with it, so that
walking it (`walk.py`) cannot fail: a graph without loops, every output of which leads somewhere.

Invariants: what a request lacks is never an error, it compares unequal; no counter and no clock is here, `walk` asks for both.
"""
