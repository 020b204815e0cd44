"""GET /costs against the real program: its sums are those of the receipts, and outlive a crash."""
import collections
import datetime
import sqlite3

import pytest
from cloud_stand_in import CLOUD_KEY, Answer
from fake_openai import FakeOpenAI, openrouter_error
from pictures import png


def costs(server, **parameters):
    answer = server.client.get("/costs", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def nano(usd):
    return round(usd * 1e9)


def today():
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


def test_without_a_provider_the_budget_is_told(start_server):
    server = start_server(CLOUD_DAILY_BUDGET_USD="2.5", CLOUD_MAX_REQUESTS_PER_DAY="12",
                          CLOUD_MAX_REQUESTS_PER_MINUTE="3")
    assert server.upload(png(1))["receipt"]["reason"] == "no_provider"
    answer = costs(server)
    assert answer == {"currency": "USD", "days": [], "today": {
        "date": answer["today"]["date"], "requests": 0, "requests_limit": 12,
        "requests_this_minute": 0, "requests_per_minute_limit": 3, "spent_usd": 0,
        "reserved_usd": 0, "budget_usd": 2.5, "remaining_usd": 2.5}}
    assert answer["today"]["date"] in (today(), costs(server)["today"]["date"])


def test_the_sums_are_those_of_the_receipts_and_outlive_a_crash(start_server, tmp_path):
    settings = {"CLOUD_PROVIDER": "fake", "CAPTION_CONFIDENCE_THRESHOLD": "0.8",
                "data": tmp_path / "data"}
    server = start_server(**settings)
    receipts = [server.upload(png(seed))["receipt"] for seed in range(12)]
    receipts += [server.upload(png(seed), quality="high")["receipt"] for seed in range(100, 105)]
    receipts += [server.upload(png(seed), quality="fast")["receipt"] for seed in range(200, 203)]
    server.upload(png(100), quality="high")  # known: costs nothing again
    expected = collections.Counter()
    calls = collections.Counter()
    for receipt in receipts:
        if receipt["provider"] == "fake":
            expected[receipt["reason"]] += nano(receipt["cost_usd"])
            calls[receipt["reason"]] += 1
    assert set(calls) == {"low_confidence", "quality_high"} and min(expected.values()) > 0

    answer = costs(server)
    assert {line["reason"]: nano(line["cost_usd"]) for line in answer["days"]} == expected
    assert {line["reason"]: line["requests"] for line in answer["days"]} == calls
    assert {line["reason"]: line["answered"] for line in answer["days"]} == calls
    for line in answer["days"]:
        assert (line["provider"], line["model"]) == ("fake", "fake")
        assert line["date"] == answer["today"]["date"]
        assert line["input_tokens"] > 85 * line["requests"] and line["output_tokens"] > 0
        assert line["mean_ms"] >= 0 and line["presumed_usd"] == 0
    day = answer["today"]
    total = sum(expected.values())
    assert nano(day["spent_usd"]) == total and day["reserved_usd"] == 0
    assert nano(day["remaining_usd"]) == nano(day["budget_usd"]) - total
    assert day["requests"] == sum(calls.values())
    assert [line["cost_usd"] for line in answer["days"]] == sorted(
        (line["cost_usd"] for line in answer["days"]), reverse=True)

    server.kill()
    server.is_expected_to_fail = True
    again = costs(start_server(**settings))
    assert again["days"] == answer["days"]
    assert again["today"]["spent_usd"] == day["spent_usd"]


def test_days_are_apart(start_server, tmp_path):
    """Of former days as many are told as are asked for."""
    settings = {"CLOUD_PROVIDER": "fake", "data": tmp_path / "data"}
    server = start_server(**settings)
    server.upload(png(1), quality="high")
    line = costs(server)["days"][0]
    server.stop()
    book = sqlite3.connect(tmp_path / "data" / "costs.db")
    tables = [name for (name,) in book.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    changed = 0
    for table in tables:  # whichever hold days
        columns = [row[1] for row in book.execute(f"PRAGMA table_info({table})")]
        if "day" in columns:
            changed += book.execute(f"UPDATE {table} SET day = day - 8").rowcount
    assert changed > 0
    book.commit()
    book.close()
    server = start_server(**settings)
    server.upload(png(2), quality="high")
    week, fortnight = costs(server)["days"], costs(server, days=14)["days"]
    assert len(week) == 1 and len(fortnight) == 2
    assert fortnight[0] == week[0]
    ago = datetime.date.fromisoformat(line["date"]) - datetime.timedelta(days=8)
    assert fortnight[1] == line | {"date": ago.isoformat()}


def test_what_failed_may_have_cost(start_server):
    """A call that was cut off is presumed to be billed; one that was refused is free."""
    provider = FakeOpenAI(dialect="openrouter", key=CLOUD_KEY)
    try:
        server = start_server(CLOUD_PROVIDER="openrouter", OPENROUTER_API_KEY=CLOUD_KEY,
                              OPENROUTER_BASE_URL=provider.url)
        provider.script = [openrouter_error(400, "no such model")]
        refused = server.upload(png(1), quality="high")["receipt"]
        provider.script = [Answer(kind="cut")] * 3
        cut = server.upload(png(2), quality="high")["receipt"]
        assert refused["cost_usd"] == 0 and cut["cost_usd"] > 0
        (line,) = costs(server)["days"]
        assert line["provider"] == "openrouter" and line["answered"] == 0
        assert line["requests"] == provider.attempts
        assert line["presumed_usd"] == line["cost_usd"] == pytest.approx(cut["cost_usd"], abs=1e-12)
    finally:
        provider.close()
