"""A store in a PostgreSQL database, which one gateway has to itself; `pip install 'tollway[postgres]'`.

store.py        puts the parts together, most of which are in `storage/sql`
database.py     the lock, the writing connection, readers
writer.py       commits, in a thread; what becomes of one whose answer never came; batch.py is what one writes
driver.py       a connection; dialect.py translates statements for it
schema.py       keys.sql, tables.sql and functions.sql
url.py          where the database is, and what of that may be shown
troubles.py     what the server's errors mean, and the way out of each
at_rest.py      the database of a gateway that is stopped
copied.py       from a file to a database; copied_back.py the other way
"""
