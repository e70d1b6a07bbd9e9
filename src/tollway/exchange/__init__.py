"""One request from credential to log line, told without I/O.

`exchange.py` is a generator: it yields the commands of `steps.py` and is sent their replies. `proxy/driver.py` carries
them out against the world; `tollway explain` and the tests do so against nothing.
"""
