"""What of a prompt is read."""

HEAD_CHARACTERS = 3000
TAIL_CHARACTERS = 1000
"""Of a longer prompt only both ends are read, so that a decision has a bound. Tasks stand at either end."""


def cut(prompt: str) -> str:
    """The part of a prompt that is read: all of it, or its first 3,000 and its last 1,000 characters."""
    if len(prompt) <= HEAD_CHARACTERS + TAIL_CHARACTERS:
        return prompt
    return f"{prompt[:HEAD_CHARACTERS]}\n{prompt[-TAIL_CHARACTERS:]}"
