"""Answers that are given again: what may be kept, under which key, for how long; and requests that are repeated on purpose.

A kept answer is only ever an exact one: for the same bytes, of the same provider, through the same gateway, to whoever the
gateway's scope lets share. Whose it is comes from what is proven of a caller, never from what a caller declares. Nothing here
waits or touches the world; where answers are kept is `storage/cached.py`, and repeats `storage/repeats.py`.
"""
