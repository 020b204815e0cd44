"""Debian's Prometheus with the configuration that ships, pointed at a server of the tests."""
import shutil
import subprocess

import httpx
import pytest
import yaml
from postgres_server import free_port
from server_process import ROOT, wait_until

FOLDER = ROOT / "deploy" / "prometheus"


def needs_prometheus(program):
    return pytest.mark.skipif(shutil.which(program) is None,
                              reason=f"{program} is not installed (Debian package prometheus)")


class PrometheusServer:
    """What ships, except that it looks every second and at this address."""

    def __init__(self, folder, target):
        config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
        (job,) = config["scrape_configs"]
        job["static_configs"] = [{"targets": [target]}]
        job["scrape_timeout"] = "1s"
        folder.mkdir()
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.log_path = folder / "log"
        port = free_port()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder / 'prometheus.yml'}",
                 f"--storage.tsdb.path={folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage"],
                stdout=log, stderr=subprocess.STDOUT)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=20)
        try:
            wait_until(self.has_scraped, 30)
        except BaseException:
            self.stop()
            raise

    def has_scraped(self):
        assert self.process.poll() is None, self.log_path.read_text(errors="replace")
        try:
            return any(value == 1 for _, value in self.query("up"))
        except httpx.TransportError:
            return False

    def get(self, path, **parameters):
        answer = self.client.get(path, params=parameters)
        if answer.status_code == 503:  # it is still starting
            raise httpx.TransportError("not ready")
        assert answer.status_code == 200, (parameters, answer.text)
        return answer.json()["data"]

    def query(self, expression):
        """[(labels, value), …] of this moment."""
        found = self.get("/query", query=expression)
        assert found["resultType"] == "vector", expression
        return [(each["metric"], float(each["value"][1])) for each in found["result"]]

    def alerts(self, state):
        return {each["labels"]["alertname"] for each in self.get("/alerts")["alerts"]
                if each["state"] == state}

    def stop(self):
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
