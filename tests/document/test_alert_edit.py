from tollway.document.alert_edit import fields_of, read_fields, with_alert, without_alert
from tollway.document.text import parse

TEXT = """\
# Ours.
alerts:
  - {name: pace, when: forecast}  # for everybody
  - name: new-models
    when: unpriced
"""


def test_a_rule_takes_the_place_of_the_one_of_its_name_and_comments_stay() -> None:
    after = with_alert(TEXT, read_fields({"name": "pace", "when": "forecast", "at": [120]}))
    assert "# for everybody" in after and [one.at for one in parse(after).alerts] == [[120], None]


def test_a_new_rule_stands_behind_the_others() -> None:
    after = with_alert(TEXT, read_fields({"name": "trouble", "when": "store"}))
    assert after.startswith(TEXT) and fields_of(parse(after).alerts[2]) == {"name": "trouble", "when": "store"}


def test_a_rule_is_taken_out() -> None:
    assert [one.name for one in parse(without_alert(TEXT, "pace")).alerts] == ["new-models"]
