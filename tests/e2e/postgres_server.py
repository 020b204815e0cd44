"""Real PostgreSQL servers with pgvector, in folders of their own, for the tests of the store on them:
those of PyPI's pgserver (PostgreSQL 16, pgvector 0.6), and those of Debian 13 (17, 0.8) unpacked by
debootstrap."""
import importlib.util
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

START_TIMEOUT_S = 60
NOBODY = "nobody"  # PostgreSQL refuses to run as root
DEBIAN_PACKAGES = "postgresql-17,postgresql-17-pgvector"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class PostgresServer:
    """One server on a port of 127.0.0.1, with the users postgres (no password)."""

    def __init__(self, folder, command, user=None):
        """`command(name)` begins the command line of PostgreSQL's program `name`, to be run as
        `user`, for whom `folder` is `self.data` (in a chroot: as it is called there)."""
        self.command = command
        self.user = user
        self.log = open(folder / "postgres.log", "ab")
        self.port = free_port()
        self.process = None

    def initialize(self, data):
        self.data = data
        subprocess.run([*self.command("initdb"), "-D", data, "-U", "postgres", "--auth=trust",
                        "--encoding=UTF8", "--locale=C", "--no-sync"],
                       check=True, stdout=self.log, stderr=self.log, user=self.user, cwd="/")
        self.start()

    def start(self):
        # Without fsync only the machine's end could lose something, and it does not end here.
        self.process = subprocess.Popen(
            [*self.command("postgres"), "-D", self.data, "-p", str(self.port), "-k", "",
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=60"],
            stdout=self.log, stderr=self.log, user=self.user, cwd="/")
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.query("SELECT 1", check=False) != "1":
            assert self.process.poll() is None, "PostgreSQL did not start; see postgres.log"
            assert time.monotonic() < deadline, "PostgreSQL did not answer; see postgres.log"
            time.sleep(0.05)

    def end(self, number=signal.SIGQUIT):
        """SIGQUIT: at once, as a crash; SIGINT: in good order, though nobody is waited for."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    def freeze(self):
        self._signal_all(signal.SIGSTOP)

    def thaw(self):
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for process in [pid, *map(int, children)]:
            os.kill(process, number)

    def url(self, database="postgres"):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def query(self, sql, database="postgres", check=True):
        answer = subprocess.run([*psql(), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1",
                                 self.url(database)], input=sql, text=True, capture_output=True)
        assert not check or answer.returncode == 0, answer.stderr
        return answer.stdout.strip()


def pgserver_folder():
    package = importlib.util.find_spec("pgserver")
    if package is None:
        pytest.skip("PyPI's pgserver is not installed; it has no wheel for this Python or processor")
    return pathlib.Path(package.origin).parent


def psql():
    return [str(pgserver_folder() / "pginstall" / "bin" / "psql")]


def own_by_nobody(folder):
    user = pwd.getpwnam(NOBODY)
    os.chown(folder, user.pw_uid, user.pw_gid)


def start_pgserver(folder):
    """PostgreSQL 16 with pgvector 0.6 in `folder`, which is new."""
    programs = pgserver_folder()
    is_root = os.geteuid() == 0
    if is_root:  # where the package lies, another user may not be able to read
        folder.chmod(0o755)
        for name in ("pgserver", "pgserver.libs"):
            shutil.copytree(programs.parent / name, folder / name)
        programs = folder / "pgserver"
    server = PostgresServer(folder, lambda name: [str(programs / "pginstall" / "bin" / name)],
                            NOBODY if is_root else None)
    data = folder / "data"
    data.mkdir(mode=0o700)
    if is_root:
        own_by_nobody(data)
    server.initialize(str(data))
    return server


def debian_mirror():
    """The first of this machine's own sources for Debian's packages, or None."""
    folder = pathlib.Path("/etc/apt")
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        text = path.read_text() if path.is_file() else ""
        for line in re.sub(r"#.*", "", text).splitlines():
            found = re.match(r"(?:deb\s.*?|URIs:\s*)(https?://\S+/debian/?)(?:\s|$)", line)
            if found:
                return found.group(1)
    return None


def start_debian(folder):
    """PostgreSQL 17 with pgvector 0.8 of Debian 13, in a chroot in `folder`."""
    mirror = debian_mirror()
    if os.geteuid() != 0:
        pytest.skip("only root can unpack Debian 13")
    if shutil.which("debootstrap") is None:
        pytest.skip("debootstrap is not installed")
    if mirror is None:
        pytest.skip("this machine has no source of Debian packages")
    root = folder / "debian"
    log = folder / "debootstrap.log"
    with open(log, "wb") as out:
        code = subprocess.run(["debootstrap", "--variant=minbase", f"--include={DEBIAN_PACKAGES}",
                               "trixie", str(root), mirror], stdout=out, stderr=out).returncode
    if code != 0:
        pytest.skip(f"debootstrap failed: {log.read_text()[-300:]}")
    server = PostgresServer(
        folder, lambda name: ["chroot", "--userspec=postgres", str(root),
                              f"/usr/lib/postgresql/17/bin/{name}"])
    data = root / "var/lib/postgresql/test"
    data.mkdir(mode=0o700)
    shutil.chown(data, *(int(root.joinpath("var/lib/postgresql").stat().st_uid),) * 2)
    server.initialize("/var/lib/postgresql/test")
    return server
