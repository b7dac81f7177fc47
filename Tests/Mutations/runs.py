# SPDX-License-Identifier: Apache-2.0
"""Runs tests of a copy of the tree, several at a time, and says which failed.

The built test bundle is run as it is: `swift test` takes seconds to begin, and lets no other run beside it.
"""
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

# Far above what the slowest suite takes; the tests' child processes have limits of their own, multiplied by PATIENCE.
TIME_LIMIT_SECONDS = 300
PATIENCE = 5
# The program is built and tested with a commit, so that there is one to be shown.
COMMIT = {"INGOT_COMMIT": "0123456789ab"}
# What holds the sources themselves against rules, or the list of plants against them, fails wherever something is planted.
SKIPPED = r"MutationListTests|HouseTests\."


class Run:
    """One run of the tests that match a pattern, to its end or to the first that fails."""

    running: set["Run"] = set()

    def __init__(self, copy: Path, tests: str, switch: str = "", arguments: tuple[str, ...] = ()):
        self.folder = tempfile.TemporaryDirectory(prefix="ingot-", ignore_cleanup_errors=True)
        bundle = next((copy / ".build/debug").glob("*PackageTests.xctest"))
        environment = {**COMMIT, "INGOT_PLANT": switch, "INGOT_TEST_PATIENCE": str(PATIENCE), "TMPDIR": self.folder.name}
        self.process = subprocess.Popen(
            [bundle, "--testing-library", "swift-testing", "--filter", tests, "--skip", SKIPPED, *arguments],
            cwd=copy, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )
        self.output: list[str] = []
        Run.running.add(self)

    def first_failure(self, seconds: int = TIME_LIMIT_SECONDS) -> str | None:
        """What failed first; `None` when all passed. Not to end, or to end in another way, is to fail."""
        late = threading.Event()
        timer = threading.Timer(seconds, lambda: (late.set(), self.stop()))
        timer.start()
        failed = next(filter(None, map(self.issue, self.lines())), None)
        timer.cancel()
        self.end()
        if failed or self.process.returncode == 0:
            return failed
        return f"not ended after {seconds} s" if late.is_set() else self.crash()

    def lines(self):
        for line in self.process.stdout:
            self.output.append(line)
            yield re.sub(r"\x1b\[[0-9;]*m", "", line)

    @staticmethod
    def issue(line: str) -> str | None:
        """The test that a line says to have failed."""
        match = re.search(r"\S Test (?!run with)(.+?) recorded an issue", line)
        return match.group(1).strip('"`') if match else None

    def crash(self) -> str:
        if self.process.returncode > 0:
            return f"an end with {self.process.returncode}"
        cause = re.search(r"Fatal error: (.*)", "".join(self.output))
        return f"a crash: {cause.group(1) if cause else signal.Signals(-self.process.returncode).name}"

    def end(self):
        self.stop()
        self.process.wait()
        Run.running.discard(self)
        self.folder.cleanup()

    def stop(self):
        """Ends the run with all that it has started: children are in groups of their own, but in its session."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                session = stat.read_text().rpartition(")")[2].split()[3]
                if session == str(self.process.pid):
                    os.kill(int(stat.parent.name), signal.SIGKILL)
            except (OSError, IndexError):
                continue

    @classmethod
    def stop_all(cls):
        for run in list(cls.running):
            run.stop()


def baseline(copy: Path, tests: str) -> tuple[set[str], set[str], str]:
    """Runs tests to the end: all that were run, those that failed, and the last lines of what was written."""
    with tempfile.NamedTemporaryFile() as events:
        run = Run(copy, tests, arguments=("--event-stream-output-path", events.name, "--event-stream-version", "0"))
        for _ in run.lines():
            pass
        run.end()
        payloads = [json.loads(line)["payload"] for line in events.read().decode().splitlines()]
    ran = {payload["testID"] for payload in payloads if payload.get("kind") == "testStarted"}
    failed = {
        payload["testID"] for payload in payloads
        if payload.get("kind") == "issueRecorded" and not payload["issue"].get("isKnown")
    }
    return ran, failed, "".join(run.output[-20:])
