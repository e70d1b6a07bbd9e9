from typing import get_args

import pytest

from tollway.providers.described import DESCRIBED
from tollway.providers.presets import PRESETS
from tollway.providers.registry import classify, codec_for
from tollway.request import Api


def test_every_api_is_described() -> None:
    assert set(DESCRIBED) == set(get_args(Api))


@pytest.mark.parametrize("api", DESCRIBED)
def test_an_api_says_what_is_metered_and_what_is_held(api: Api) -> None:
    found = DESCRIBED[api]
    assert found.name and found.path.startswith(("/", "…")) and found.metered and found.bound
    assert codec_for(api).api == api


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.slug)
def test_a_preset_serves_what_it_says(preset: object) -> None:
    from tollway.providers.presets import Preset

    assert isinstance(preset, Preset) and preset.apis
    assert all(codec_for(api).dialect in preset.roots or api == "anthropic.vertex" for api in preset.apis)
    for api in preset.apis:
        if api.startswith("openai.") and preset.family == "openai":
            assert classify("openai", "POST", DESCRIBED[api].path.partition(",")[0]) == api
