"""What a provider's API means: reading requests, changing what must change, reading usage. No sockets, no prices.

`registry` tells which API a path speaks and gives its codec; `codec` says what every codec does. Invariants: bytes that
need not change are passed on as they came; a caller's cap is only ever lowered; an answer that cannot be read reports
nothing, and never raises; counts leave here inclusive, whatever the provider's own convention.
"""
