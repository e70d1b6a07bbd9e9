"""The families of models behind InvokeModel: which body each takes, and what its fields are called.

InvokeModel passes its body to the model as it is, so that every family has words of its own ("Inference request
parameters and response fields for foundation models", Amazon Bedrock's guide).
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, cast

import msgspec

from tollway.providers.answer import text, values
from tollway.providers.bedrock_converse import CAPS, exactly_named
from tollway.providers.bedrock_path import without_region
from tollway.providers.body import MAX_CHOICES, MAX_COUNT, Fields, Unfit, Unread, name_at, object_at, whole_number
from tollway.providers.counts import decoded
from tollway.providers.inputs import Inputs
from tollway.request import Ask
from tollway.usage import Usage

Shaped: TypeAlias = Literal["claude", "chat", "converse", "text", "images", "embed", "rerank", "unknown"]
"""The kinds of bodies that are read in different ways."""


class Family(NamedTuple):
    """How the bodies of one family look."""

    shape: Shaped
    caps: tuple[str, ...] = ()
    """Names of the output cap; the first is what it is called where the caller sent none."""
    within: str | None = None
    """The object that holds the cap; `None` where it stands at the top."""
    choices: str | None = None
    """What the number of answers is called."""


_CLAUDE = Family("claude", ("max_tokens",))
_CHAT = Family("chat", ("max_tokens", "max_completion_tokens"))
_NOVA = Family("converse", ("maxTokens", "max_new_tokens"), "inferenceConfig")
_TITAN = Family("text", ("maxTokenCount",), "textGenerationConfig")
_LLAMA = Family("text", ("max_gen_len",))
_PROMPT = Family("text", ("max_tokens",))
_OLD_CLAUDE = Family("text", ("max_tokens_to_sample",))
_IMAGES = Family("images")
_UNKNOWN = Family("unknown", tuple(sorted(CAPS)))

_FAMILIES: tuple[tuple[str, Family], ...] = (
    ("anthropic.", _CLAUDE),
    ("amazon.nova-canvas", _IMAGES),
    ("amazon.titan-image", _IMAGES),
    ("stability.", _IMAGES),
    # These make videos or speak, and are not called this way.
    ("amazon.nova-reel", _UNKNOWN),
    ("amazon.nova-sonic", _UNKNOWN),
    ("amazon.nova-2-sonic", _UNKNOWN),
    ("luma.", _UNKNOWN),
    ("amazon.nova", _NOVA),
    ("amazon.titan", _TITAN),
    ("meta.", _LLAMA),
    ("mistral.", _CHAT),
    ("deepseek.", _CHAT),
    ("cohere.command", Family("text", ("max_tokens",), choices="num_generations")),
    ("ai21.j2", Family("text", ("maxTokens",), choices="numResults")),
    ("ai21.", _CHAT),
    ("openai.", Family("chat", ("max_completion_tokens", "max_tokens"))),
    ("qwen.", _CHAT),
    ("writer.", _CHAT),
    ("google.", _CHAT),
    ("minimax.", _CHAT),
    ("moonshot", _CHAT),
    ("nvidia.", _CHAT),
    ("zai.", _CHAT),
    ("twelvelabs.pegasus", Family("text", ("maxOutputTokens",))),
)


def family_of(model: str | None, fields: Fields | dict[str, msgspec.Raw]) -> Family:
    """The family of a model id; of an ARN that hides the id, the one that the body's own fields show."""
    name = without_region(model or "").lower()
    if "embed" in name:
        return Family("embed")
    if "rerank" in name:
        return Family("rerank")
    found = next((family for start, family in _FAMILIES if name.startswith(start)), None) or _by_fields(fields)
    # The older models of some families take a prompt where the newer ones take messages.
    if "messages" not in fields and "prompt" in fields:
        if found.shape == "claude":
            return _OLD_CLAUDE
        if found.shape == "chat":
            return _PROMPT
    return found


def _by_fields(fields: Fields | dict[str, msgspec.Raw]) -> Family:
    for name, family in (
        ("anthropic_version", _CLAUDE),
        ("inferenceConfig", _NOVA),
        ("textGenerationConfig", _TITAN),
        ("max_gen_len", _LLAMA),
        ("messages", _CHAT),
    ):
        if name in fields:
            return family
    return _UNKNOWN


def cap_of(fields: Fields, family: Family) -> int | None:
    """The largest cap in the body: where it has two, a model may obey either. Raises Unfit for another family's."""
    held = fields if family.within is None else object_at(fields, family.within)
    exactly_named(held, family.caps)
    foreign = () if family.shape == "converse" else sorted((CAPS & held.keys()) - set(family.caps))
    if foreign:
        raise Unfit(f"{foreign[0]} is not what this model's cap is called; send {family.caps[0]}.")
    where = "" if family.within is None else f"{family.within}."
    caps = [whole_number(held, name, shown_as=f"{where}{name}") for name in family.caps]
    return max((cap for cap in caps if cap is not None), default=None)


def read_text(fields: Fields, family: Family) -> Ask:
    """The Ask of a body with a prompt, or of a family that nothing is known of. Raises Unfit."""
    if family.within is not None:
        exactly_named(fields, (family.within,))
    inputs = Inputs()
    for name in ("messages", "chat_history", "documents"):
        inputs.messages += _length(fields, name)
    inputs.tools(_length(fields, "tools"))
    _read_media(fields, inputs)
    cap = cap_of(fields, family)
    unknown = family.shape == "unknown"
    if unknown:
        inputs.unsized("a body of an unknown shape")
    return Ask(
        max_output_tokens=cap,
        choices=(whole_number(fields, family.choices, MAX_CHOICES) if family.choices else None) or 1,
        unbounded=inputs.unbounded,
        media_parts=inputs.media_parts,
        messages=inputs.messages,
        # Where nobody knows what the cap is called, one that the caller did not send cannot be put in.
        floor_output_tokens=MAX_COUNT + 1 if unknown and cap is None else 0,
    )


def read_embed(fields: Fields) -> Ask:
    """The Ask of a body to embed: texts, pictures, or an object with one of them (Nova)."""
    inputs = Inputs()
    inputs.messages = max(1, _length(fields, "texts") + _length(fields, "inputs"))
    _read_media(fields, inputs)
    for item in _objects(fields, "inputs"):
        # Cohere's parts are those of chat: the pictures among them are data URLs.
        for part in _parts(item.get("content")):
            if "image_url" in part:
                inputs.link(part["image_url"], "an image")
    for name in ("singleEmbeddingParams", "segmentedEmbeddingParams"):
        for kind, raw in object_at(fields, name).items():
            if isinstance(raw, msgspec.Raw):
                _read_embedded(kind, values(raw), inputs)
    return Ask(
        unbounded=inputs.unbounded,
        media_parts=inputs.media_parts,
        messages=inputs.messages,
        floor_output_tokens=MAX_COUNT + 1,
    )


def _read_embedded(kind: str, given: dict[str, msgspec.Raw], inputs: Inputs) -> None:
    source = values(given.get("source"))
    if "s3Location" in source:
        inputs.unsized(f"{kind[:40]} by link")
    elif kind in ("image", "video", "audio"):
        inputs.inline(f"{kind}/{text(given.get('format')) or ''}")


_DOCUMENT_TOKENS = 512
_DOCUMENTS_PER_UNIT = 100
"""AWS bills a query for each 100 documents; one of more than 512 tokens, with the query, counts as several."""


def read_rerank(fields: Fields) -> Ask:
    """The Ask of a rerank, whose bill is known beforehand. A byte stands for a token, so that it is never too low."""
    query = name_at_any_length(fields, "query")
    documents = fields.get("documents")
    pieces = 0
    for document in cast(list[object], documents) if isinstance(documents, list) else []:
        size = len(document.encode()) if isinstance(document, str) else len(msgspec.json.encode(document))
        pieces += -(-(size + len(query.encode())) // _DOCUMENT_TOKENS) if size else 1
    unread = isinstance(documents, Unread | dict)
    return Ask(
        messages=max(1, _length(fields, "documents")),
        unbounded="documents of an unknown shape" if unread else None,
        known=Usage(search_units=max(1, -(-pieces // _DOCUMENTS_PER_UNIT))),
        floor_output_tokens=MAX_COUNT + 1,
    )


def name_at_any_length(fields: Fields, name: str) -> str:
    """The text at `name`; empty where there is none."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def read_images(fields: Fields) -> Ask:
    """The Ask of a body that wants pictures: how many, and of which kind. Raises Unfit."""
    config = object_at(fields, "imageGenerationConfig")
    task = fields.get("taskType") is not None
    if task:
        wide, high = (whole_number(config, side, shown_as=f"imageGenerationConfig.{side}") for side in _SIDES)
        number = whole_number(config, "numberOfImages", MAX_CHOICES, "imageGenerationConfig.numberOfImages")
        kind = f"{name_at(config, 'quality') or 'standard'}/{wide or 1024}x{high or 1024}"
    elif "text_prompts" in fields:
        # Stable Diffusion XL is dearer above 50 steps.
        wide, high = (whole_number(fields, side) for side in _SIDES)
        number = whole_number(fields, "samples", MAX_CHOICES)
        steps = whole_number(fields, "steps") or 0
        kind = f"{'premium' if steps > 50 else 'standard'}/{wide or 1024}x{high or 1024}"
    else:
        number, kind = None, None
    return Ask(
        messages=1,
        known=Usage(images=number or 1, image_kind=kind.lower() if kind else None),
        floor_output_tokens=MAX_COUNT + 1,
    )


_SIDES = ("width", "height")


def _read_media(fields: Fields, inputs: Inputs) -> None:
    """Notes pictures in base64 beside the text; what else has a source of its own is of no known size."""
    images = fields.get("images")
    inputs.media_parts += len(cast(list[object], images)) if isinstance(images, list) else images is not None
    inputs.media_parts += fields.get("inputImage") is not None
    source = fields.get("mediaSource")
    if source is None and not any(fields.get(name) is not None for name in ("video", "audio", "s3Location")):
        return
    inline = fields.get("inputType") == "image" and "base64String" in object_at(fields, "mediaSource")
    if inline:
        inputs.inline("image/")
    else:
        inputs.unsized("a media source")


def _length(fields: Fields, name: str) -> int:
    value = fields.get(name)
    return len(cast(list[object], value)) if isinstance(value, list) else 0


def _objects(fields: Fields, name: str) -> list[dict[str, object]]:
    value = fields.get(name)
    entries = cast(list[object], value) if isinstance(value, list) else []
    return [cast(dict[str, object], entry) for entry in entries if isinstance(entry, dict)]


def _parts(content: object) -> list[dict[str, msgspec.Raw]]:
    if not isinstance(content, list):
        return []
    return [cast(dict[str, msgspec.Raw], part) for part in cast(list[object], content) if isinstance(part, dict)]


def reasoning_asked(fields: Fields) -> bool:
    """Whether a body of Nova asks for reasoning, at its top or in its `inferenceConfig`."""
    for held in (fields, object_at(fields, "inferenceConfig")):
        for name in held:
            if "reasoning" in name.lower():
                wanted = object_at(held, name) if isinstance(held[name], dict) else decoded_object(held[name])
                return wanted.get("type") != "disabled"
    return False


def decoded_object(value: object) -> dict[str, object]:
    """The object in `value`, read or not; empty where it is none."""
    found: object = decoded(value) if isinstance(value, msgspec.Raw) else value
    return cast(dict[str, object], found) if isinstance(found, dict) else {}
