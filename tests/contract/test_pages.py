"""What a study's page and claims must be for a reader who has not seen the code."""

import inspect
import re

import pytest

from mesascope.studies import find_study, study_names

HEADS = ("Question", "Setting", "What the paper says", "What we measure", "Found here", "Differences", "Limits")
OPTIONAL = {"Found here"}
POINTERS = {
    "It",
    "Its",
    "So",
    "And",
    "But",
    "They",
    "Their",
    "There",
    "By",
    "This",
    "That",
    "These",
    "Both",
    "Of",
    "Each",
}
MOST_WORDS, MOST_OF_A_STATEMENT, MOST_CLAIMS = 250, 15, 10


@pytest.fixture(params=study_names())
def study(request):
    return find_study(request.param)


def test_a_page_has_its_heads_in_order_and_at_most_250_words(study):
    page = inspect.getdoc(study)
    heads = re.findall(r"\*\*([^*]+)\.\*\*", page)
    assert [head for head in heads if head not in OPTIONAL] == [head for head in HEADS if head not in OPTIONAL]
    assert heads == sorted(heads, key=HEADS.index)
    assert len(page.split()) <= MOST_WORDS


def test_claims_are_few_and_full_sentences_that_can_be_read_alone(study):
    assert len(study.claims) <= MOST_CLAIMS
    for claim in study.claims:
        words = claim.statement.split()
        assert len(words) <= MOST_OF_A_STATEMENT, claim.statement
        assert words[0] not in POINTERS, claim.statement
        assert re.match(r"[^a-z].*[^.]\.$", claim.statement), claim.statement


def test_claims_say_whose_they_are(study):
    kinds = {claim.kind for claim in study.claims}
    assert kinds <= ({"paper", "open question"} if study.kind() == "open question" else {"paper", "found here"})
    assert study.kind() == "open question" or "paper" in kinds
