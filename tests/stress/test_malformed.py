"""The short form of the campaign of malformed requests; ``python -m tests.stress.malformed`` is the long one."""

from tests.stress import malformed


async def test_malformed_requests_get_documented_answers_and_nothing_else():
    """
    A thousand requests from a seed: no traceback, no 5xx, no word about another account, no change to it.
    """
    answers = await malformed.campaign(seed=7, count=1_000)
    assert sum(answers.values()) == 1_000
    for floor in ("futures", "spot"):
        assert answers[f"{floor} 401 -2014"] > 0 < answers[f"{floor} 400 -1022"]
    assert answers["futures ws 400 -1135"] + answers["spot ws 400 -1135"] > 0
