"""The real program as a process of its own, for the fixtures in conftest.py."""
import os
import pathlib
import select
import signal
import subprocess
import time

import httpx
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN_MODELS = ROOT / "tests" / "golden" / "models"
START_TIMEOUT_S = 60  # a sanitized build on a busy machine
STOP_TIMEOUT_S = 60


class Server:
    """One run of `imgrouter serve`."""

    def __init__(self, binary, data, arguments, environment, log_path):
        self.data = data
        self.log_path = log_path
        self.log = open(log_path, "wb")
        self.process = subprocess.Popen(
            [binary, "serve", "--host", "127.0.0.1", "--port", "0", "--data", data, *arguments],
            stdout=subprocess.PIPE, stderr=self.log, env=environment)
        self.is_expected_to_fail = False
        self.url = self._wait_for_address()
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def _wait_for_address(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                line = self.process.stdout.readline().decode()
                if line.startswith("listening on http://"):
                    return line.split()[-1]
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"the server did not start:\n{self.log_text()}")

    def log_text(self):
        return pathlib.Path(self.log_path).read_text(errors="replace")

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def upload(self, picture, **parameters):
        """The answer to POST /images, which has to be a success."""
        answer = self.client.post("/images", params=parameters,
                                  files={"file": ("a.png", picture, "image/png")})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def signal(self, number):
        os.kill(self.process.pid, number)

    def wait(self):
        code = self.process.wait(STOP_TIMEOUT_S)
        self.process.stdout.close()
        self.client.close()
        self.log.close()
        return code

    def stop(self):
        """Asks the server to end; it has to end well."""
        if self.process.returncode is not None:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"SIGTERM did not end the server:\n{self.log_text()}")
        assert code == 0, f"the server ended with {code}:\n{self.log_text()}"

    def kill(self):
        """As a power cut for the process: no chance to tidy up."""
        self.signal(signal.SIGKILL)
        self.wait()


def clean_environment(home, **settings):
    """Nothing of the caller's settings, no hub, no proxy; mocks answer unless a test says
    otherwise. The demo models are this tree's, also for a build elsewhere."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("IMGROUTER_", "HF_", "OPENCLIP_", "QDRANT_", "CLOUD_",
                                                "CAPTION_", "OPENROUTER_", "OPENAI_", "AWS_",
                                                "GOOGLE_", "OTEL_"))
                   and name.lower() not in ("use_mock_models", "vector_backend", "http_proxy",
                                            "https_proxy", "all_proxy", "no_proxy")}
    environment.update({"HOME": str(home), "HF_HOME": str(home / "hf"), "HF_HUB_OFFLINE": "1",
                        "IMGROUTER_DEMO_MODELS": str(ROOT / "models" / "demo"),
                        "USE_MOCK_MODELS": "true"})
    environment.update({name: str(value) for name, value in settings.items()})
    return environment


def model_arguments(models):
    """What starts the server on mocks or on one of the small random models of tests/golden."""
    if models == "mock":
        return {}
    return {"arguments": ["--models", str(GOLDEN_MODELS / models)], "USE_MOCK_MODELS": "false"}


def small_models():
    return sorted(folder.name for folder in GOLDEN_MODELS.iterdir() if folder.is_dir()) \
        if GOLDEN_MODELS.exists() else []


def is_ready(client):
    return client.get("/readyz").status_code == 200


def wait_until(is_true, seconds=20):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
