"""What Tollway knows of each API, for people: what is metered, what bounds it, and what no answer tells.

The reference page of providers is made from this table and the presets.
"""

from typing import NamedTuple

from tollway.request import Api


class Described(NamedTuple):
    """One API, in words."""

    name: str
    path: str
    metered: str
    """Where the counts come from."""
    bound: str
    """What is held before the call."""
    unknown: str = ""
    """What its answers leave out."""


_BYTES = "input by its bytes and media formulas, output by the cap"
_TOKENS = "usage of the answer or of the stream's last events: tokens, cached, reasoning, audio"

DESCRIBED: dict[Api, Described] = {
    "openai.chat": Described(
        "Chat completions",
        "/v1/chat/completions",
        f"{_TOKENS}, image; a stream is asked for its usage",
        _BYTES,
        "A cut stream of a model that hides its reasoning, or with a prediction, is charged its hold. What Gemini thinks is in the total "
        "alone: it is noted as suspect, and not charged; generateContent tells it.",
    ),
    "openai.responses": Described(
        "Responses",
        "/v1/responses",
        f"{_TOKENS}; web and file searches counted in the output list",
        f"{_BYTES}; tools that the provider runs by the context window and 32 calls",
        "Code containers are held and not charged; a background answer is charged its hold where its end is not seen; a stored "
        "prompt may hold any tool, so a budget that must hold refuses it.",
    ),
    "openai.completions": Described(
        "Completions", "/v1/completions", _TOKENS, f"{_BYTES}, for each prompt and `best_of`"
    ),
    "openai.embeddings": Described("Embeddings", "/v1/embeddings", "prompt or total tokens", "input by its bytes"),
    "openai.images": Described(
        "Images",
        "/v1/images/generations, /edits, /variations",
        "tokens where the model has them; else pictures by quality and size",
        "pictures asked for, or the published tokens of their quality and size",
        "Models whose pictures have no published token count are unbounded.",
    ),
    "openai.speech": Described(
        "Speech",
        "/v1/audio/speech",
        "characters of the input, or the usage of an event stream",
        "characters; audio tokens by the slowest speech",
        "Sound without usage is counted by its bytes at the slowest bitrate.",
    ),
    "openai.transcription": Described(
        "Transcription",
        "/v1/audio/transcriptions, /translations",
        "tokens or seconds of the answer; else the seconds of a WAV",
        "the file's bytes at the slowest bitrate",
        "A file that is no WAV, with an answer that is only text, is charged its hold.",
    ),
    "openai.moderations": Described(
        "Moderations", "/v1/moderations", "tokens where they are billed", "input by its bytes"
    ),
    "openai.rerank": Described(
        "Rerank", "/v1/rerank", "total tokens or search units", "query and documents by their bytes, once a document"
    ),
    "openai.ocr": Described("OCR", "/v1/ocr", "pages, annotated pages", "`pages` of the request; without it unbounded"),
    "openai.files": Described(
        "Files of batches", "/v1/files", "free", "the bound of each line is worked out when the file is uploaded"
    ),
    "openai.batches": Described(
        "Batches",
        "/v1/batches",
        "the usage of each line of the output file, at the batch price",
        "the bounds of all its lines, as presumed until the results are known",
    ),
    "openai.other": Described(
        "Any other path",
        "/{provider}/…",
        "whatever usage the answer has",
        "nothing: a budget that must hold refuses it",
    ),
    "anthropic.messages": Described(
        "Messages",
        "/v1/messages",
        "input, cache writes of 5 minutes and 1 hour, cache reads, output, thinking, web searches; each of `usage.iterations` "
        "at its own model's price; fast mode; inference in the US",
        _BYTES,
        "Code execution is held and not charged.",
    ),
    "anthropic.count_tokens": Described("Token count", "/v1/messages/count_tokens", "free", "nothing"),
    "anthropic.batches": Described(
        "Message batches",
        "/v1/messages/batches",
        "the usage of each result, at the batch price",
        "the bounds of all its requests, as presumed until the results are known",
    ),
    "anthropic.vertex": Described(
        "Claude on Vertex", "…/publishers/anthropic/models/{model}:rawPredict", "as Messages", _BYTES
    ),
    "anthropic.other": Described(
        "Any other path",
        "/{provider}/…",
        "whatever usage the answer has",
        "nothing: a budget that must hold refuses it",
    ),
    "google.generate": Described(
        "generateContent, streamGenerateContent",
        "/v1beta/models/{model}:generateContent",
        "prompt, cached, candidates, thoughts, tool prompts; text, audio, image and video apart; grounding with Search and Maps: a "
        "prompt of Gemini 2 and before, each query of Gemini 3 and later",
        f"{_BYTES}, times `candidateCount`; tools that Google runs by the context window and 32 searches",
        "Storage of explicit caches is billed by the hour. Searches that are free each day are charged. Enterprise web search and "
        "stores of Vertex have no listed fee: a budget that must hold refuses them, any other counts them as a search, if at all.",
    ),
    "google.count_tokens": Described("Token count", "…:countTokens", "free", "nothing"),
    "google.embed": Described(
        "Embeddings", "…:embedContent, :batchEmbedContents", "prompt tokens by kind", "input by its bytes"
    ),
    "google.predict": Described(
        "Predict (Imagen, embeddings)",
        "…:predict",
        "pictures; tokens or billable characters",
        "pictures asked for; bytes",
    ),
    "google.other": Described(
        "Any other path",
        "/{provider}/…",
        "whatever usage the answer has",
        "nothing: a budget that must hold refuses it",
    ),
    "bedrock.converse": Described(
        "Converse, ConverseStream",
        "/model/{model}/converse",
        "input, cache reads and writes (5 minutes, 1 hour), output; the stream's metadata frame; Nova's web grounding",
        _BYTES,
        "Guardrail units and provisioned throughput are billed apart.",
    ),
    "bedrock.invoke": Described(
        "InvokeModel, with response stream",
        "/model/{model}/invoke",
        "the family's own usage (Claude, Nova, Titan, Llama, Mistral, Cohere, Jamba, gpt-oss ...), else Bedrock's headers and "
        "invocation metrics; pictures",
        f"{_BYTES}, in the family's own field",
    ),
    "bedrock.count_tokens": Described("Token count", "/model/{model}/count-tokens", "free", "nothing"),
    "bedrock.other": Described(
        "Any other path",
        "/{provider}/…",
        "whatever usage the answer has",
        "nothing: a budget that must hold refuses it",
    ),
    "cohere.chat": Described("Chat v1, v2", "/v1/chat, /v2/chat", "billed units: input, output", _BYTES),
    "cohere.embed": Described(
        "Embed", "/v1/embed, /v2/embed", "billed units: input tokens, images", "input by its bytes; images"
    ),
    "cohere.rerank": Described(
        "Rerank", "/v1/rerank, /v2/rerank", "billed search units", "documents, by their number and bytes"
    ),
    "cohere.other": Described(
        "Any other path",
        "/{provider}/…",
        "whatever billed units the answer has",
        "nothing: a budget that must hold refuses it",
    ),
    "ollama.chat": Described("Chat", "/api/chat", "prompt and eval counts", f"{_BYTES} (`num_predict`)"),
    "ollama.generate": Described("Generate", "/api/generate", "prompt and eval counts", f"{_BYTES} (`num_predict`)"),
    "ollama.embed": Described("Embed", "/api/embed, /api/embeddings", "prompt count", "input by its bytes"),
    "ollama.other": Described(
        "Any other path",
        "/{provider}/…",
        "whatever usage the answer has",
        "nothing: a budget that must hold refuses it",
    ),
    "cloudflare.run": Described(
        "Workers AI, native",
        "/run/@cf/{author}/{model}",
        "usage of the answer, seconds of a transcription",
        _BYTES,
        "Pictures, speech and embeddings tell no usage: they are charged their hold.",
    ),
}
