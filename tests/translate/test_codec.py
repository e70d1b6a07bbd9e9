"""Every API's codec has all that a codec needs."""

import inspect
from typing import get_args

import pytest

from tollway.translate.codec import Answering, Codec, StreamReader, StreamWriter, Translating
from tollway.translate.conversation import Kind, Request
from tollway.translate.translation import Translation, codec_of


def methods(protocol: type) -> set[str]:
    return {name for name, value in vars(protocol).items() if inspect.isfunction(value) and not name.startswith("_")}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_codec_has_every_method(kind: Kind) -> None:
    codec = codec_of(kind)
    for thing, protocol in (
        (codec, Codec),
        (codec.stream_reader(), StreamReader),
        (codec.stream_writer(Request(model="m")), StreamWriter),
    ):
        assert methods(protocol) <= set(dir(thing))


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_request_has_a_codec_of_its_own(kind: Kind) -> None:
    assert codec_of(kind) is not codec_of(kind)


def test_a_translation_is_what_the_exchange_needs() -> None:
    translation = Translation("openai.chat", "anthropic.messages")
    assert methods(Answering) <= set(dir(translation))
    assert methods(Translating) <= set(dir(translation.stream()))
