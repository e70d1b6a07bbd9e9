"""What can be counted in a prompt: length, numbers, formulas, code, choices, the form of the question."""

import re
from math import log1p

_WORDS = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_SENTENCE = re.compile(r"[.!?](?=\s|$)")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_CHOICE = re.compile(r"^\(?([A-L])[.):][ \t]*(.*)$", re.MULTILINE)
_LATEX = re.compile(r"\\[A-Za-z]+")
_CODE = re.compile(
    r"```|\bdef \w|\bclass \w+[(:]|\breturn\b|\bimport \w|[{};]$|==|!=|\(\)|\bSELECT\b|=>|->", re.MULTILINE
)
_SYMBOL = re.compile(r"[=+*/^<>|_{}\[\]\\~]")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]+")
_YEAR = re.compile(r"\b(?:1\d|20)\d\d\b")
_FRACTION = re.compile(r"\d/\d")
_MONEY = re.compile(r"\$\s?\d")
_ROMAN = re.compile(r"\b(?:I|II|III|IV)\b[.,):]?")
# Words that ask for a kind of work, or that make it harder, each kind counted apart.
_KINDS: tuple[tuple[str, str], ...] = (
    ("what", "what"),
    ("which", "which"),
    ("who", "who whom whose"),
    ("when", "when"),
    ("where", "where"),
    ("why", "why"),
    ("how", "how"),
    ("quantity", "many much long far old often"),
    (
        "negation",
        "not never no none except least cannot neither nor without unless incorrect false isn't doesn't don't",
    ),
    ("following", "following these above below"),
    (
        "calculation",
        "calculate compute find determine evaluate solve simplify probability integral derivative equation sum",
    ),
    ("proof", "prove show let suppose assume given such only"),
    ("writing", "write create generate compose draft implement function program code python return"),
    ("explanation", "explain describe discuss summarize analyze compare rewrite translate outline example"),
    ("comparison", "more less than twice half times each every per total altogether remaining left rest"),
    ("statement", "statement true correct best most likely according refer refers known called"),
    ("condition", "if then would could should might therefore because however although"),
    ("person", "i you he she my your his her they we"),
    ("step", "step steps reason reasoning think carefully first final"),
    (
        "unit",
        "cm mm km kg mg ms hz mol ev hour hours minute minutes day days week weeks year years mile miles feet inches pounds",
    ),
    ("part", "third quarter percent fraction ratio average mean"),
)
_KIND_OF: dict[str, int] = {word: kind for kind, (_, listed) in enumerate(_KINDS) for word in listed.split()}
_OPENING_WORDS = 8
_MOST_CHOICES = 20

NAMES: tuple[str, ...] = (
    "characters", "words", "lines", "sentences", "sentence_words", "longest_sentence", "word_length", "long_words",
    "very_long_words", "distinct_words", "digits", "numbers", "distinct_numbers", "largest_number", "decimals", "fractions",
    "money", "percents", "years", "upper_case", "names", "foreign", "symbols", "latex", "dollars", "code", "commas",
    "quotes", "questions", "ends_with_question", "starts_low", "blanks", "roman", "choices", "choice_words", "choice_spread",
    "choice_numbers", "choice_symbols", "all_of_above", "stem_characters", "stem_share", "answer_cue", "parentheses", "dashes",
    *(f"words_of_{name}" for name, _ in _KINDS),
    *(f"opens_with_{name}" for name, _ in _KINDS[:8]),
)  # fmt: skip
"""What each feature of `features` is, in order."""


def features(text: str) -> list[float]:
    """The features of `NAMES`. Counts are logarithms of one more; shares are of the characters or of the words; none is infinite."""
    length = len(text)
    found = _WORDS.findall(text)
    number = max(1, len(found))
    lengths = [len(word) for word in found]
    sentences = [len(part.split()) for part in _SENTENCE.split(text) if part.strip()] or [0]
    numbers = _NUMBER.findall(text)
    choices = [said for _, said in _CHOICE.findall(text)][:_MOST_CHOICES]
    first_choice = _CHOICE.search(text) if choices else None
    stem = text[: first_choice.start()] if first_choice is not None else text
    choice_lengths = [len(said.split()) for said in choices] or [0]
    mean_choice = sum(choice_lengths) / len(choice_lengths)
    per = max(1, length)
    lower = [word.lower() for word in found]
    counted = [0] * len(_KINDS)
    for kind in map(_KIND_OF.get, lower):
        if kind is not None:
            counted[kind] += 1
    opening = set(map(_KIND_OF.get, lower[:_OPENING_WORDS]))
    return [
        log1p(length),
        log1p(len(found)),
        log1p(text.count("\n")),
        log1p(len(sentences)),
        sum(sentences) / len(sentences) / 20,
        log1p(max(sentences)),
        sum(lengths) / number,
        sum(size > 6 for size in lengths) / number,
        sum(size > 10 for size in lengths) / number,
        len(set(lower)) / number,
        sum(map(str.isdigit, text)) / per * 10,
        log1p(len(numbers)),
        log1p(len(set(numbers))),
        max((min(12, len(one.split(".")[0].replace(",", ""))) for one in numbers), default=0) / 4,
        log1p(sum("." in one for one in numbers)),
        log1p(len(_FRACTION.findall(text))),
        log1p(len(_MONEY.findall(text))),
        log1p(text.count("%")),
        log1p(len(_YEAR.findall(text))),
        sum(map(str.isupper, text)) / per * 10,
        log1p(len(_NAME.findall(text))),
        sum(ord(sign) > 127 for sign in text) / per * 10,
        log1p(len(_SYMBOL.findall(text))),
        log1p(len(_LATEX.findall(text))),
        log1p(text.count("$")),
        log1p(len(_CODE.findall(text))),
        text.count(",") / number * 10,
        log1p(text.count('"') + text.count("“")),
        log1p(text.count("?")),
        float(stem.rstrip().endswith("?")),
        float(text[:1].islower()),
        log1p(text.count("__")),
        log1p(len(_ROMAN.findall(text))),
        log1p(len(choices)),
        log1p(mean_choice),
        (sum((size - mean_choice) ** 2 for size in choice_lengths) / len(choice_lengths)) ** 0.5 / (1 + mean_choice),
        sum(any(map(str.isdigit, said)) for said in choices) / max(1, len(choices)),
        log1p(sum(len(_SYMBOL.findall(said)) for said in choices)),
        float("of the above" in text.lower()),
        log1p(len(stem)),
        len(stem) / per,
        float(text.rstrip().endswith(("Answer:", "A:"))),
        log1p(text.count("(")),
        log1p(text.count("-")),
        *map(log1p, counted),
        *(float(kind in opening) for kind in range(8)),
    ]
