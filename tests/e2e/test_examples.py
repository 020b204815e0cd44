"""The examples of /openapi.json are what a server with the demo models answers."""
import pytest
from server_process import ROOT, Server, clean_environment, wait_until

PICTURES = ROOT / "examples" / "pictures"
# What is different from one run to the next, or on another processor: only its type is compared.
VARIES = {"created_at", "request_id", "uptime_s", "kernel_tier", "threads", "precision", "version",
          "tags", "next_cursor", "index_bytes", "stages", "queue", "batch_size", "count"}
TOLERANCE = 0.02  # of scores, whose last digits are the arithmetic's


def picture(name):
    return name, (PICTURES / name).read_bytes(), "image/png" if name.endswith(".png") else "image/jpeg"


def check_like(example, answer, where):
    """The same members of the same types, and the same values where these do not vary."""
    name = where.rsplit(".", 1)[-1]
    if isinstance(example, dict):
        assert set(example) == set(answer), where
        for key, value in example.items():
            check_like(value, answer[key], f"{where}.{key}")
    elif isinstance(example, list):
        assert isinstance(answer, list), where
        if name not in VARIES:
            assert len(example) == len(answer), where
        for each, (ours, theirs) in enumerate(zip(example, answer)):
            check_like(ours, theirs, f"{where}.{each}")
    elif name in VARIES or name.endswith(("_ms", "_s")) or ".stages." in where or ".queue." in where:
        if example is not None and answer is not None:
            assert isinstance(answer, (int, float) if isinstance(example, (int, float))
                              else type(example)), where
    elif isinstance(example, float):
        assert answer == pytest.approx(example, abs=TOLERANCE), where
    else:
        assert example == answer, where


@pytest.fixture(scope="module")
def exchanges(binary, tmp_path_factory):
    """{what is asked: the answer}, all of one server."""
    folder = tmp_path_factory.mktemp("examples")
    server = Server(binary, str(folder / "data"), [],
                    clean_environment(folder, USE_MOCK_MODELS="auto"), folder / "log")
    try:
        yield ask_all(server.client)
    finally:
        server.stop()


def ask_all(client):
    asked = {"uploadImage": client.post("/images", files={"file": picture("square-above-circle.png")})}
    image = asked["uploadImage"].json()["id"]
    asked["uploadImages"] = client.post("/images/batch", files=[
        ("file", picture("boat-at-night.jpg")), ("file", ("notes.txt", b"text", "text/plain"))])
    for path in sorted(PICTURES.iterdir()):
        if path.name not in ("square-above-circle.png", "boat-at-night.jpg"):
            client.post("/images", files={"file": picture(path.name)})
    asked |= {
        "getImage": client.get(f"/images/{image}"),
        "listImages": client.get("/images", params={"limit": 1}),
        "search": client.get("/search", params={"q": "a boat at night", "k": 1}),
        "getImageDuplicates": client.get(f"/images/{image}/duplicates"),
        "getHealth": client.get("/healthz"),
        "getReadiness": client.get("/readyz"),
        "getMetricsSummary": client.get("/metrics/summary"),
        "openapi": client.get("/openapi.json"),
        # Problems, by what is to blame.
        "400": client.get("/images?cursor=%01"),
        "404": client.get("/images/0123456789abcdef"),
        "404 of a job": client.get("/jobs/0f8fad5bd9cb469fa16570867728950e"),
        "413": client.post("/images", content=bytes(30_000_000), headers={"Content-Type": "image/png"}),
        "415": client.post("/images", content=b"text", headers={"Content-Type": "image/png"}),
        "502": client.post("/images", json={"url": "http://picture.invalid/a.jpg"}),
        "file": client.post("/images", files={"x": b""}),
        "caption": client.patch(f"/images/{image}", json={"caption": ""}),
        "limit": client.get("/images?limit=0"),
        "q": client.get("/search"),
        "days": client.get("/costs?days=0"),
        "size": client.get(f"/images/{image}/thumbnail?size=5"),
        "format": client.get("/metrics/summary?format=x"),
        "state": client.get("/jobs?state=x"),
        "k": client.get("/search?q=x&k=0"),
    }
    return asked


@pytest.mark.parametrize("operation", [
    "uploadImage", "uploadImages", "getImage", "listImages", "search", "getImageDuplicates",
    "getHealth", "getReadiness", "getMetricsSummary"])
def test_an_example_is_what_is_answered(exchanges, operation):
    document = exchanges["openapi"].json()
    described = next(each for methods in document["paths"].values() for each in methods.values()
                     if each["operationId"] == operation)
    example = described["responses"]["200"]["content"]["application/json"]["example"]
    answer = exchanges[operation]
    assert answer.status_code == 200
    check_like(example, answer.json(), operation)


def test_problems_say_what_their_examples_say(exchanges):
    schemas = exchanges["openapi"].json()["components"]["schemas"]
    for example in schemas["Problem"]["examples"]:
        name = str(example["status"]) + (" of a job" if "job " in example["detail"] else "")
        if name in exchanges:
            check_like(example, exchanges[name].json(), f"problem {name}")
    blamed = [example["errors"][0]["loc"][1] for example in schemas["FieldProblem"]["examples"]]
    assert len(set(blamed)) == len(blamed)
    for name, example in zip(blamed, schemas["FieldProblem"]["examples"]):
        check_like(example, exchanges[name].json(), f"problem of {name}")


def test_a_job_goes_as_its_examples_do(start_server):
    client = start_server(USE_MOCK_MODELS="auto").client
    examples = client.get("/openapi.json").json()["components"]["schemas"]
    accepted, done = examples["Job"]["examples"]
    answer = client.post("/images?async=true", files={"file": picture("square-above-circle.png")})
    job = answer.json()["id"]
    varying = {"id", "created_at", "started_at", "finished_at"}
    assert answer.headers["location"] == f"/jobs/{job}"
    check_like({**accepted, "id": job}, answer.json(), "job")
    wait_until(lambda: client.get(f"/jobs/{job}").json()["state"] == "done")
    page = examples["JobList"]["examples"][0]
    for example, answer in ((done, client.get(f"/jobs/{job}").json()),
                            (page["jobs"][0], client.get("/jobs").json()["jobs"][0])):
        assert all(answer[name] for name in varying)
        check_like({**example, **{name: answer[name] for name in varying}}, answer, "job")


def test_examples_of_requests_are_taken(start_server):
    """Bodies as they stand in the document."""
    server = start_server(USE_MOCK_MODELS="true")
    document = server.client.get("/openapi.json").json()
    image = server.upload(picture("square-above-circle.png")[1])["id"]
    change = document["paths"]["/images/{id}"]["patch"]["requestBody"]["content"]["application/json"]
    answer = server.client.patch(f"/images/{image}", json=change["example"])
    assert answer.status_code == 200
    assert answer.json()["caption"] == change["example"]["caption"]
    # Nothing is there to be fetched; but it is an address.
    upload = document["paths"]["/images"]["post"]["requestBody"]["content"]["application/json"]
    assert server.client.post("/images", json=upload["example"]).status_code in (502, 504)
    batch = document["paths"]["/images/batch"]["post"]["requestBody"]["content"]["application/json"]
    results = server.client.post("/images/batch", json=batch["example"]).json()["results"]
    assert [result["problem"]["status"] for result in results] in ([502], [504])
    # The image that parameters name is the one of the examples.
    assert image == document["paths"]["/images/{id}"]["get"]["parameters"][0]["example"]
