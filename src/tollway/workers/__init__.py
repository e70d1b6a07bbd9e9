"""What goes on beside the requests: books kept, records written, events delivered."""
