"""Translation among the APIs of chat models, so that a request may be answered by a provider that speaks another one.

Each API has one module that reads and writes it: its requests, its whole answers, its streams. Between any two of them stands the
neutral form of `conversation.py` and `told.py`, so four APIs need four modules and not twelve, and whatever two APIs share passes
between them. Plain dicts go in and come out; nothing here waits or touches the world. What costs money is never added; what
cannot be carried is refused (`Untranslatable`) where it changes what is asked for, and named in `lost` where it only tunes it.
"""
