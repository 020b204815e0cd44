"""Commands as they run in a terminal."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios

from server_process import wait_until


class Terminal:
    """A command on a pseudo-terminal of its own, as its session's foreground; a cell of text is so many pixels wide
    and high, 0: the terminal does not tell."""

    def __init__(self, command, environment, rows=24, columns=80, cell=(0, 0)):
        self.main, self.side = pty.openpty()
        fcntl.ioctl(self.side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, columns * cell[0], rows * cell[1]))
        self.before = termios.tcgetattr(self.side)
        self.output = b""
        self.process = subprocess.Popen(
            command, stdin=self.side, stdout=self.side, stderr=self.side, env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def read(self, seconds=0.1):
        while select.select([self.main], [], [], seconds)[0]:
            self.output += os.read(self.main, 65536)

    def wait_for(self, text):
        def is_there():
            self.read()
            return text in self.output
        wait_until(is_there)

    def frames(self):
        return [frame.decode() for frame in self.output.split(b"\x1b[H")[1:]]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.main)
        os.close(self.side)
