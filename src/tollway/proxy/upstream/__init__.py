"""The default transport: our own HTTP/1.1 client, on asyncio and llhttp.

    client.py       HttpTransport: one request out, its outcome in
    pool.py         the connections kept to one origin
    connection.py   one connection, one exchange at a time
    response.py     the body of one answer, read as it comes
    head.py         writes request heads
    dial.py         opens connections: resolve once, check every address, race them
    sweep.py        the one timer

For each request it writes one head, waits on one future and reads pieces as they come; beyond these there is no task
and no timer. No HTTP/2, no proxies, no redirects, and no repeating of what a provider may have seen whole.

The parser is strict (llhttp): bare line feeds, folded headers, both or several lengths, other transfer codings than
"chunked" are `upstream_invalid`. One leniency is llhttp's own: blank lines between two answers are passed over.
"""
