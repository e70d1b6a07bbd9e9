import pytest
import targets
import yaml

from tollway.document import read_document


def test_the_settings_measured_are_valid_and_have_five_budgets():
    document = read_document(yaml.safe_load(targets.TOLLWAY_SETTINGS.format(upstream=4030, gateway="")))
    assert [budget.name for budget in document.budgets] == ["company", "each user", "gpt-4o", "team ml", "openai"]
    assert all(budget.mode == "enforce" and budget.guarantee == "hard" for budget in document.budgets)
    assert document.providers["openai"].base_url == "http://127.0.0.1:4030/v1"
    assert document.gateways[0].authentication == "required"


@pytest.mark.parametrize("name", targets.FEATURES)
def test_a_feature_that_is_measured_has_valid_settings_and_differs_from_the_plain_gateway(name):
    feature = targets.FEATURES[name]
    plain = yaml.safe_load(targets.TOLLWAY_SETTINGS.format(upstream=4030, gateway=""))
    text = targets.TOLLWAY_SETTINGS.format(upstream=4030, gateway=feature.gateway) + feature.settings
    read_document(yaml.safe_load(text))
    plainly = targets.Feature("")
    assert yaml.safe_load(text) != plain or (feature.path, feature.model) != (plainly.path, plainly.model)


def test_a_port_is_free_and_another_each_time():
    assert targets.free_port() != targets.free_port()
