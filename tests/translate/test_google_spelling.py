"""Google's two spellings."""

from tollway.translate.google_spelling import camel, camelled


def test_both_spellings_become_one() -> None:
    assert camel("generation_config") == camel("generationConfig") == "generationConfig"
    body = {
        "generation_config": {"max_output_tokens": 5},
        "contents": [{"parts": [{"inline_data": {"mime_type": "a/b"}}]}],
    }
    assert camelled(body) == {
        "generationConfig": {"maxOutputTokens": 5},
        "contents": [{"parts": [{"inlineData": {"mimeType": "a/b"}}]}],
    }


def test_names_of_the_callers_own_are_left_as_they_are() -> None:
    call = {"function_call": {"name": "get_it", "args": {"unit_of_it": 1}}}
    assert camelled(call) == {"functionCall": {"name": "get_it", "args": {"unit_of_it": 1}}}
    assert camelled({"parameters_json_schema": {"min_length": 1}}) == {"parametersJsonSchema": {"min_length": 1}}


def test_where_both_spellings_are_there_the_first_counts() -> None:
    assert camelled({"topK": 1, "top_k": 2}) == camelled({"top_k": 2, "topK": 1}) == {"topK": 1}
