"""Two people are the same where issuer and subject are; nothing else makes them so."""

from tollway.identity.person import Person


def test_a_person_is_unknown_in_all_but_issuer_and_subject() -> None:
    person = Person(issuer="https://idp.example.com", subject="1")
    assert (person.email, person.name, person.client_id, person.country, person.expires_at) == (None,) * 5
    assert person.claims == {}
