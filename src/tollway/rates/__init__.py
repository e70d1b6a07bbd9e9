"""How often and how much somebody may ask: requests and tokens in a window, per gateway, key, user, model or any attribute.

It is not about money (`tollway.budgets` is): what is counted here lives in the memory of one process and begins anew with
it. Invariants: a caller is counted before it is let through; a refused request counts nowhere; in no window of a limit's
length are more requests let through than it says, whichever technique it has.
"""
