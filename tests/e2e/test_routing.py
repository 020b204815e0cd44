"""The router: local captions, a cloud provider's, and what becomes of an upload when the provider
fails, is slow, or costs too much. The provider is a strict stand-in."""
import concurrent.futures
import io
import statistics
import subprocess
import time

import PIL.Image
import pytest
from cloud_stand_in import CLOUD_KEY, Answer
from fake_google_vision import FakeGoogleVision
from fake_openai import FakeOpenAI, completion, openrouter_error
from fake_rekognition import FakeRekognition
from pictures import png
from server_process import clean_environment, wait_until

CEILING_USD = 0.00054  # more than the most that one call of gpt-4o-mini can cost, by half at most


@pytest.fixture
def second_provider():
    stand_in = FakeOpenAI(dialect="openai", key=CLOUD_KEY)
    yield stand_in
    stand_in.close()
    assert stand_in.complaints == []


@pytest.fixture
def route(start_server, provider):
    """A server that asks the provider about every picture (no mock is ever quite sure)."""

    def start(**settings):
        return start_server(**{"CLOUD_PROVIDER": "openrouter", "OPENROUTER_API_KEY": CLOUD_KEY,
                               "OPENROUTER_BASE_URL": provider.url,
                               "CAPTION_CONFIDENCE_THRESHOLD": "1", **settings})

    return start


def metric(server, name):
    for line in server.client.get("/metrics").text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    raise AssertionError(f"no metric {name}")


def provider_state(server, place=0):
    return server.client.get("/healthz").json()["cloud"][place]


# Answers

def test_an_unsure_caption_is_asked_of_the_cloud(route, provider):
    server = route()
    image = server.upload(png(1))
    assert image["caption"] == "A red boat on a lake."
    assert image["origin"] == "cloud"
    assert image["model"] == "openai/gpt-4o-mini"
    assert 0.5 <= image["confidence"] <= 1  # the local model's, as the original had it
    receipt = image["receipt"]
    assert receipt["provider"] == "openrouter"
    assert receipt["reason"] == "low_confidence"
    assert receipt["cost_usd"] == 0.00043215  # to the nano-dollar, as the provider said
    assert not receipt["cost_is_estimated"] and not receipt["cache_hit"]
    assert receipt["timings"]["cloud_ms"] > 0
    assert server.client.get(f"/images/{image['id']}").json()["receipt"] == receipt
    found = server.client.get("/search", params={"q": "boat", "origin": "cloud"}).json()
    assert [each["id"] for each in found["results"]] == [image["id"]]
    assert metric(server, "router_cloud_total") == 1
    assert metric(server, "router_local_total") == 0
    assert len(provider.requests) == 1


def test_a_sure_caption_stays_here(route, provider):
    server = route(CAPTION_CONFIDENCE_THRESHOLD="0.2")
    image = server.upload(png(1))
    assert image["origin"] == "mock"
    assert image["receipt"]["reason"] == "local_sure"
    assert image["receipt"]["cost_usd"] == 0
    assert server.upload(png(2), quality="fast")["receipt"]["reason"] == "quality_fast"
    assert provider.attempts == 0
    best = server.upload(png(1), quality="high")
    assert best["id"] == image["id"] and best["origin"] == "cloud"
    assert best["receipt"]["reason"] == "quality_high"
    assert best["created_at"] == image["created_at"]


def test_quality_comes_in_every_form(route, provider, tmp_path):
    server = route(CAPTION_CONFIDENCE_THRESHOLD="0.2")
    form = server.client.post("/images", data={"quality": "high"}, files={"file": png(1)})
    raw = server.client.post("/images?quality=high", content=png(2),
                             headers={"Content-Type": "image/png"})
    batch = server.client.post("/images/batch?quality=high",
                               files=[("file", png(3)), ("file", png(4))])
    answers = [form.json(), raw.json(), *batch.json()["results"]]
    assert [each["receipt"]["reason"] for each in answers] == ["quality_high"] * 4
    assert [each["confidence"] for each in answers] == [None] * 4  # nobody told one
    assert len(provider.requests) == 4


def test_what_leaves_is_small_and_tells_nothing(route, provider):
    """The stand-in refuses metadata and more than 512 pixels."""
    picture = PIL.Image.effect_noise((2000, 1500), 50).convert("RGB")
    exif = PIL.Image.Exif()
    exif[0x0110], exif[0x010F] = "Secret camera", "Owner"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    data = io.BytesIO()
    picture.save(data, "JPEG", exif=exif, comment=b"private")
    assert b"Secret camera" in data.getvalue()
    assert route().upload(data.getvalue())["origin"] == "cloud"


def wired(kind, stand_in):
    """What the user sets to have this provider asked at the stand-in's address."""
    return {"openai": {"OPENAI_API_KEY": CLOUD_KEY, "OPENAI_BASE_URL": stand_in.url},
            "openai_compatible": {"IMGROUTER_COMPATIBLE_URL": stand_in.url,
                                  "IMGROUTER_COMPATIBLE_MODEL": "llava",
                                  "IMGROUTER_COMPATIBLE_API_KEY": CLOUD_KEY},
            "google_vision": {"GOOGLE_VISION_API_KEY": CLOUD_KEY,
                              "IMGROUTER_GOOGLE_VISION_URL": stand_in.url},
            "aws_rekognition": {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
                                "AWS_SECRET_ACCESS_KEY": CLOUD_KEY,
                                "AWS_ENDPOINT_URL": stand_in.url}}[kind]


@pytest.mark.parametrize("kind, make, words, cost_usd", [
    ("openai", lambda: FakeOpenAI("openai", CLOUD_KEY), "boat", (2845 * 150 + 9 * 600) / 1e9),
    ("openai_compatible", lambda: FakeOpenAI("openai_compatible", CLOUD_KEY), "boat", 0),
    ("google_vision", lambda: FakeGoogleVision(key=CLOUD_KEY), "dog", 0.00375),
    ("aws_rekognition", lambda: FakeRekognition(secret=CLOUD_KEY), "dog", 0.001),
])
def test_every_provider_is_reached_by_its_settings(start_server, kind, make, words, cost_usd):
    stand_in = make()
    try:
        server = start_server(CLOUD_PROVIDER=kind, **wired(kind, stand_in))
        image = server.upload(png(1, 320, 240), quality="high")
        assert image["origin"] == "cloud", image["receipt"]
        assert image["receipt"]["provider"] == kind
        assert words in image["caption"].lower()
        assert image["receipt"]["cost_usd"] == pytest.approx(cost_usd, abs=1e-9)
        assert bool(image["tags"]) == (words == "dog")
        assert stand_in.complaints == []
        assert CLOUD_KEY not in server.log_text()
    finally:
        stand_in.close()


def test_another_imgrouter_captions(start_server, tmp_path):
    upstream = start_server(data=tmp_path / "upstream")
    server = start_server(CLOUD_PROVIDER="imgrouter", IMGROUTER_UPSTREAM_URL=upstream.url)
    image = server.upload(png(1), quality="high")
    assert image["receipt"]["provider"] == "imgrouter" and image["receipt"]["cost_usd"] == 0
    assert image["caption"].startswith("mock: ")
    assert 0.5 <= image["confidence"] <= 1  # the other one's


# Costs once

def test_the_same_picture_is_paid_for_once(route, provider):
    server = route()
    first = server.upload(png(1))
    again = server.upload(png(1))
    assert again["was_known"] and again["receipt"]["cache_hit"]
    assert server.client.delete(f"/images/{first['id']}").status_code == 204
    anew = server.upload(png(1))  # the answer is still in the book
    assert anew["caption"] == first["caption"] and not anew["was_known"]
    assert anew["receipt"]["cache_hit"] and anew["receipt"]["cost_usd"] == 0
    assert len(provider.requests) == 1
    assert server.client.delete(f"/images/{first['id']}").status_code == 204
    server.stop()
    other = route(IMGROUTER_CLOUD_PROMPT="What is this?")
    assert not other.upload(png(1))["receipt"]["cache_hit"]  # another question
    assert len(provider.requests) == 2


def test_the_same_picture_at_once_is_paid_for_once(route, provider):
    server = route()
    provider.script = [Answer(body=completion(dialect="openrouter"), delay_s=0.3)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        images = list(pool.map(lambda _: server.upload(png(1)), range(12)))
    assert {image["caption"] for image in images} == {"A red boat on a lake."}
    assert provider.attempts == 1


# When the provider fails

@pytest.mark.parametrize("answer", [
    openrouter_error(500, "oh dear"),
    openrouter_error(400, "no such model"),
    openrouter_error(403, "flagged", metadata={"reasons": ["violence"]}),
    openrouter_error(502, "in the body", status=200),
    Answer(kind="raw", body=b"<html>not JSON</html>"),
    Answer(body=completion(caption=None, dialect="openrouter"), is_checked=False),
    Answer(kind="cut"), Answer(kind="silent"), Answer(kind="headers"), Answer(kind="reset"),
], ids=["500", "400", "403", "200-error", "html", "empty", "cut", "silent", "headers", "reset"])
def test_an_upload_never_fails_because_a_provider_does(route, provider, answer):
    server = route()
    provider.script = [answer] * 3
    image = server.upload(png(1))
    assert image["origin"] == "mock"
    assert image["receipt"]["reason"] == "cloud_failed"
    assert "openrouter" in image["receipt"]["detail"]
    assert 1 <= provider.attempts <= 3
    provider.script = []
    assert server.upload(png(2))["origin"] == "cloud"


def test_nothing_is_asked_twice_that_cannot_change(route, provider):
    server = route()
    provider.script = [openrouter_error(400, "no such model")] * 3
    server.upload(png(1))
    assert provider.attempts == 1


def test_an_overloaded_provider_is_asked_again_when_it_says(route, provider):
    server = route()
    provider.script = [openrouter_error(429, "slow down", Retry_After="1")]
    started = time.monotonic()
    assert server.upload(png(1))["origin"] == "cloud"
    assert time.monotonic() - started >= 1
    assert provider.attempts == 2


def test_a_slow_provider_is_not_waited_for_longer_than_allowed(route, provider):
    server = route(IMGROUTER_CLOUD_TIMEOUT_MS="400")
    provider.script = [Answer(body=completion(dialect="openrouter"), delay_s=5)]
    started = time.monotonic()
    image = server.upload(png(1))
    assert time.monotonic() - started < 4
    assert image["receipt"]["reason"] == "cloud_failed" and image["origin"] == "mock"
    assert provider.attempts == 1  # it may be at work, and may bill it: not asked again


def test_the_next_provider_is_asked(route, provider, second_provider):
    server = route(CLOUD_PROVIDER="openrouter,openai", OPENAI_API_KEY=CLOUD_KEY,
                   OPENAI_BASE_URL=second_provider.url)
    provider.script = [openrouter_error(402, "no credits")]
    image = server.upload(png(1))
    assert image["receipt"]["provider"] == "openai"
    assert server.upload(png(2))["receipt"]["provider"] == "openai"
    assert provider.attempts == 1  # without credit it is left alone
    assert provider_state(server)["breaker"] == "open"
    assert provider_state(server)["opens_in_s"] > 600
    assert "credit" in provider_state(server)["last_failure"]
    assert provider_state(server, 1)["breaker"] == "closed"


def test_a_wrong_key_is_told_and_never_shown(route, provider):
    server = route(OPENROUTER_API_KEY="sk-wrong-and-secret")
    image = server.upload(png(1))
    assert image["origin"] == "mock"
    provider.complaints.clear()  # that the key is wrong
    assert provider_state(server)["breaker"] == "open"
    assert "sk-wrong" not in server.log_text() + str(image) + server.client.get("/healthz").text


# The breaker

def milliseconds(server, seeds):
    times = []
    for seed in seeds:
        started = time.perf_counter()
        server.upload(png(seed))
        times.append((time.perf_counter() - started) * 1000)
    return times


def test_the_breaker_opens_and_closes_again(route, provider):
    server = route(CLOUD_CIRCUIT_BREAKER_THRESHOLD="3", CLOUD_CIRCUIT_BREAKER_TIMEOUT_SECONDS="1")
    provider.script = [openrouter_error(400, "x")]  # a refused picture is no failure of its
    assert server.upload(png(1))["origin"] == "mock"
    assert provider_state(server)["failures"] == 0
    provider.script = [Answer(kind="raw", body=b"x")] * 100
    server.upload(png(2))
    server.upload(png(3))
    state = provider_state(server)
    assert state["breaker"] == "open" and state["failures"] >= 3
    assert metric(server, 'circuit_breaker_state{provider="openrouter"}') == 1
    attempts = provider.attempts
    image = server.upload(png(4))
    assert image["receipt"]["reason"] == "cloud_away" and provider.attempts == attempts
    provider.script = []
    wait_until(lambda: provider_state(server)["breaker"] == "half_open")
    assert server.upload(png(5))["origin"] == "cloud"
    assert provider_state(server)["breaker"] == "closed"
    assert metric(server, 'circuit_breaker_state{provider="openrouter"}') == 0


def test_without_the_cloud_an_upload_takes_its_normal_time(start_server, route, provider):
    server = route(CLOUD_CIRCUIT_BREAKER_THRESHOLD="2", CLOUD_CIRCUIT_BREAKER_TIMEOUT_SECONDS="600")
    provider.script = [Answer(kind="raw", body=b"x")] * 10
    server.upload(png(1))
    wait_until(lambda: provider_state(server)["breaker"] == "open"
               or server.upload(png(int(time.monotonic() * 1000)))["origin"] == "x")
    alone = start_server(data=str(server.data) + "-alone")
    apart, together = [], []
    for seed in range(100, 130):  # in turns: both meet the same moods of the machine
        together += milliseconds(server, [seed])
        apart += milliseconds(alone, [seed])
    assert statistics.median(together) <= statistics.median(apart) + 50


# Money and limits

def test_limits_hold(route, provider):
    server = route(CLOUD_MAX_REQUESTS_PER_MINUTE="2")
    reasons = [server.upload(png(seed))["receipt"]["reason"] for seed in range(4)]
    assert reasons == ["low_confidence", "low_confidence", "rate_limited", "rate_limited"]
    assert provider.attempts == 2
    server.kill()
    server.is_expected_to_fail = True
    again = route(CLOUD_MAX_REQUESTS_PER_MINUTE="2")  # the book remembers
    assert again.upload(png(9))["receipt"]["reason"] == "rate_limited"
    assert provider.attempts == 2


def test_the_day_and_its_budget_hold(route, provider):
    server = route(CLOUD_MAX_REQUESTS_PER_DAY="1")
    assert server.upload(png(1))["origin"] == "cloud"
    assert server.upload(png(2))["receipt"]["reason"] == "rate_limited"
    server.stop()
    server = route(CLOUD_DAILY_BUDGET_USD=0.00043215 + CEILING_USD)
    assert server.upload(png(3))["origin"] == "cloud"
    assert server.upload(png(4))["receipt"]["reason"] == "over_budget"
    server.stop()
    server = route(CLOUD_DAILY_BUDGET_USD=0)
    assert server.upload(png(5))["receipt"]["reason"] == "over_budget"
    assert provider.attempts == 2


def test_many_at_once_never_exceed_the_budget(route, provider):
    budget = 0.0050
    server = route(CLOUD_DAILY_BUDGET_USD=budget, CLOUD_MAX_REQUESTS_PER_MINUTE="10000")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        images = list(pool.map(lambda seed: server.upload(png(seed)), range(60)))
    cost = sum(image["receipt"]["cost_usd"] for image in images)
    # What is reserved for calls under way keeps others out, although it is not all spent then.
    assert budget / 2 < cost <= budget + 1e-12
    assert len(provider.requests) == sum(image["origin"] == "cloud" for image in images)
    assert {image["receipt"]["reason"] for image in images} == {"low_confidence", "over_budget"}


def test_a_call_that_a_crash_cut_off_goes_on_counting(route, provider):
    server = route(CLOUD_DAILY_BUDGET_USD=CEILING_USD)
    provider.script = [Answer(body=completion(dialect="openrouter"), delay_s=30)]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        lost = pool.submit(server.client.post, "/images", files={"file": png(1)})
        wait_until(lambda: provider.attempts == 1)
        server.kill()
        server.is_expected_to_fail = True
        assert lost.exception() is not None
    again = route(CLOUD_DAILY_BUDGET_USD=CEILING_USD)
    assert again.upload(png(2))["receipt"]["reason"] == "over_budget"
    assert provider.attempts == 1


# Settings

def serve(binary, tmp_path, **settings):
    return subprocess.run([binary, "serve", "--port", "0", "--data", str(tmp_path / "d")],
                          env=clean_environment(tmp_path, **settings), capture_output=True,
                          text=True, timeout=60, check=False)


def test_the_originals_example_settings_start(start_server):
    """A provider named and no key: said loudly, and captions stay local."""
    server = start_server(CLOUD_PROVIDER="openrouter", OPENROUTER_API_KEY="",
                          OPENROUTER_MODEL="openai/gpt-4o-mini")
    assert "OPENROUTER_API_KEY" in server.log_text()
    assert server.upload(png(1), quality="high")["receipt"]["reason"] == "no_provider"
    assert server.client.get("/healthz").json()["cloud"] == []


def test_the_originals_mock_provider(start_server):
    server = start_server(CLOUD_PROVIDER="mock")
    image = server.upload(png(1), quality="high")
    assert image["receipt"]["provider"] == "fake" and image["origin"] == "cloud"
    assert "MOCK" in image["notice"]


@pytest.mark.parametrize("settings, words", [
    ({"CLOUD_PROVIDER": "skynet"}, ["CLOUD_PROVIDER", "skynet", "openrouter"]),
    ({"CLOUD_PROVIDER": "fake,fake"}, ["twice"]),
    ({"CLOUD_PROVIDER": "openrouter", "OPENROUTER_API_KEY": "k", "OPENROUTER_MODEL": "x/y"},
     ["x/y", "price", "--prices"]),
    ({"CLOUD_PROVIDER": "openai_compatible"}, ["IMGROUTER_COMPATIBLE_URL"]),
    ({"CLOUD_PROVIDER": "fake", "IMGROUTER_PRICES": "/nowhere.yaml"}, ["/nowhere.yaml"]),
    ({"CAPTION_CONFIDENCE_THRESHOLD": "much"}, ["CAPTION_CONFIDENCE_THRESHOLD", "0 to 1"]),
    ({"CLOUD_PROVIDER": "openrouter", "OPENROUTER_API_KEY": "a\nb"}, ["blank"]),
])
def test_wrong_settings_are_told(binary, tmp_path, settings, words):
    done = serve(binary, tmp_path, **settings)
    assert done.returncode in (1, 2), done
    for word in words:
        assert word in done.stderr, done.stderr
    assert done.stderr.count("imgrouter:") == 1


# Folders

def test_a_folder_is_indexed_at_the_best_quality(binary, route, provider, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(3):
        (folder / f"{seed}.png").write_bytes(png(seed))
    server = route(CAPTION_CONFIDENCE_THRESHOLD="0.2")
    environment = clean_environment(tmp_path)

    def index(*words):
        done = subprocess.run([binary, "index", "--server", server.url, "--data",
                               str(tmp_path / "ledger"), *words, str(folder)], env=environment,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    index()
    assert provider.attempts == 0
    index("--quality", "high")
    assert len(provider.requests) == 3
    images = server.client.get("/images").json()["images"]
    assert [image["origin"] for image in images] == ["cloud"] * 3
    index("--quality", "high")
    assert provider.attempts == 3
