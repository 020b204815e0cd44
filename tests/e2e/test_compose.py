"""deploy/compose.yaml and deploy/Dockerfile, as far as they can be tested without a container
engine: by the Compose specification's own schema, and against the tree that they name."""
import fnmatch
import importlib.resources
import json
import pathlib
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml
from server_process import ROOT

DEPLOY = ROOT / "deploy"
PORTS = {"api": [8001], "postgres": [5432], "qdrant": [6333], "prometheus": [9090],
         "grafana": [3000], "jaeger": [16686, 4318]}
PROFILES = {"api": None, "postgres": ["pgvector"], "qdrant": ["qdrant"],
            "prometheus": ["observe"], "grafana": ["observe"], "jaeger": ["observe"]}


def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def services():
    return compose()["services"].items()


def filled_in(text, values):
    """${NAME:-default} replaced, as Compose does it."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda m: values.get(m[1]) or m[2], text)


def environment(service, values):
    return {name: filled_in(value, values) for name, value in
            compose()["services"][service]["environment"].items() if value is not None}


def example():
    lines = (DEPLOY / "example.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def dockerfile():
    """Instructions, each on one line; comments left out."""
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    return re.sub(r"\\\n\s*", " ", text)


def test_the_specification_takes_it():
    schemas = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((schemas / "compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(compose())] == []
    broken = compose()
    broken["services"]["api"]["port"] = broken["services"]["api"].pop("ports")
    assert not validator.is_valid(broken)


def test_services_ports_and_profiles():
    assert {name: service.get("profiles") for name, service in services()} == PROFILES
    for name, service in services():
        assert service["ports"] == [f"127.0.0.1:{port}:{port}" for port in PORTS[name]], name
        assert service["restart"] == "unless-stopped", name
        assert service["deploy"]["resources"]["limits"]["memory"], name
        if "build" not in service:  # the very version, to be had again tomorrow
            assert re.search(r":v?\d+\.\d+\.\d+(-pg\d+)?$", service["image"]), name
    assert "HEALTHCHECK" in dockerfile() and ":8001/readyz" in dockerfile()


def test_what_services_wait_for_is_there():
    for name, service in services():
        for other, condition in service.get("depends_on", {}).items():
            target = compose()["services"][other]
            assert condition["condition"] == "service_healthy" and target["healthcheck"]
            # Who is started without that profile must not wait for it.
            is_always_there = set(service.get("profiles", [])) & set(target["profiles"])
            assert condition.get("required", True) == bool(is_always_there), (name, other)


def test_mounts_exist():
    used = set()
    for name, service in services():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).is_dir() and volume.endswith(":ro"), volume
            else:
                used.add(source)
    assert used == compose()["volumes"].keys()
    command = compose()["services"]["prometheus"]["command"]
    (config,) = [word.split("=")[1] for word in command if word.startswith("--config.file=")]
    assert config == "/etc/prometheus/prometheus.yml"  # ./prometheus is mounted there
    assert (DEPLOY / "prometheus" / "prometheus.yml").exists()
    home = environment("grafana", {})["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DEPLOY / "grafana" / pathlib.Path(home).relative_to("/etc/grafana")).exists()


def hosts(text):
    return re.findall(r"(?:@|//|[-\[ ])([a-z]+):(\d+)", text)


def test_services_name_each_other_rightly():
    texts = [json.dumps(environment("api", example())),
             (DEPLOY / "prometheus" / "prometheus.yml").read_text(),
             *(path.read_text() for path in DEPLOY.glob("grafana/provisioning/*/*.yml"))]
    named = {name for text in texts for name in hosts(text)} - {("alertmanager", "9093")}
    expected = {(name, str(port)) for name, ports in PORTS.items() for port in ports
                if name != "grafana"}
    assert named == expected


def test_the_api_is_given_settings_that_exist(binary):
    table = subprocess.run([binary, "version", "--settings"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    settings = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", table))
    (environment_line,) = [line for line in dockerfile().splitlines() if line.startswith("ENV ")]
    given = set(compose()["services"]["api"]["environment"])
    given |= set(re.findall(r"(\w+)=", environment_line)) - {"XDG_CACHE_HOME"}
    assert given <= settings
    # Alone, it expects nothing of servers that are not there.
    alone = environment("api", {})
    assert alone["VECTOR_BACKEND"] == "sqlite" and alone["OTEL_EXPORTER_OTLP_ENDPOINT"] == ""


def test_the_example_turns_everything_on():
    values = example()
    assert set(values["COMPOSE_PROFILES"].split(",")) == {"pgvector", "observe"}
    api = environment("api", values | {"POSTGRES_PASSWORD": "secret"})
    assert api["VECTOR_BACKEND"] == "pgvector"
    assert api["DATABASE_URL"] == "postgresql://imgrouter:secret@postgres:5432/imgrouter"
    assert api["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://jaeger:4318"
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    assert asked == values.keys() - {"COMPOSE_PROFILES"}
    assert {values["POSTGRES_PASSWORD"], values["GRAFANA_PASSWORD"]} == {""}
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/deploy/.env" in ignored  # it will have passwords


def runtime_packages():
    (line,) = [line for line in dockerfile().splitlines() if "apt-get install" in line]
    return set(line.split("--no-install-recommends", 1)[1].split("&&")[0].split())


def test_the_image_has_the_libraries_that_the_program_needs(binary):
    release = pathlib.Path("/etc/os-release").read_text()
    if "VERSION_CODENAME=bookworm" not in release or not shutil.which("readelf"):
        pytest.skip("packages are looked up on Debian 12 alone, with readelf (package binutils)")
    dynamic = subprocess.run(["readelf", "--dynamic", binary], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    loaded = subprocess.run(["ldd", binary], check=True, text=True, stdout=subprocess.PIPE).stdout
    places = dict(re.findall(r"(\S+) => /\S+?/([^/\s]+)/[^/\s]+ ", loaded))
    packages = set()
    for library in set(re.findall(r"NEEDED.*\[(.*)\]", dynamic)) & places.keys():
        found = subprocess.run(["dpkg-query", "--search", f"*/{places[library]}/{library}"],
                               check=True, text=True, stdout=subprocess.PIPE).stdout
        packages.add(found.split(":")[0])
    assert packages - {"libc6"} == runtime_packages() - {"ca-certificates", "curl"}


def is_sent(path):
    """Whether Dockerfile.dockerignore lets this file of the tree through."""
    lines = [line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
             if not line.startswith("#")]
    assert lines[0] == "*"
    return any(fnmatch.fnmatch(path, line[1:]) or path.startswith(line[1:] + "/")
               for line in lines[1:])


def test_the_image_is_built_by_the_tools_of_the_tree(tmp_path):
    """Its packages are those of tools/packages.txt, and what it copies is all that CMake wants."""
    text = dockerfile()
    assert "FROM debian:12-slim AS build" in text and "RUN tools/install_packages.sh build" in text
    copied = []
    for line in text.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, target = line.split()[1:]
            for source in sources:
                place = tmp_path / target / pathlib.Path(source).name \
                    if target.endswith("/") else tmp_path / target
                place.parent.mkdir(parents=True, exist_ok=True)
                copied.append(source)
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place)
                else:
                    shutil.copy(ROOT / source, place)
    assert all(is_sent(source) for source in copied)
    assert "apt-get" in (tmp_path / "tools" / "install_packages.sh").read_text()
    done = subprocess.run(["cmake", "--preset", "release", "-DIMGROUTER_TESTS=OFF"], cwd=tmp_path,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def test_the_image_runs_as_nobody_in_particular():
    last = dockerfile().rsplit("FROM ", 1)[1]
    assert re.search(r"^USER imgrouter$", last, re.MULTILINE)
    assert last.index("USER imgrouter") < last.index("ENTRYPOINT")
    api = compose()["services"]["api"]
    assert api["read_only"] and api["cap_drop"] == ["ALL"]
    written = {volume.split(":")[1] for volume in api["volumes"]}
    (volumes,) = re.findall(r"^VOLUME (.*)$", last, re.MULTILINE)
    assert written == set(json.loads(volumes))
    for folder in re.findall(r"(?:IMGROUTER_DATA|XDG_CACHE_HOME)=(\S+)", last):
        assert folder in written
