"""What the C library does with large blocks of memory.

glibc keeps a freed block of several megabytes, and grows one that lies between others by copying it: 7 ms in one go for
a body of 10 MB, and as much again when many of them are given back at once. A block that is mapped by itself grows and
goes without a copy, at the price of the kernel's clean pages, which come a piece at a time.
"""

import sys

LARGE_BYTES = 1024 * 1024
"""From here on each block is mapped by itself. What one read from a socket needs is less."""
_M_MMAP_THRESHOLD = -3
"""From glibc's malloc.h."""


def map_large_blocks() -> bool:
    """Has large blocks mapped by themselves in this process; `False` where the C library is not glibc."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES))
