#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Types a line and the tabulator key in a shell that has the program's completions, and prints what the shell made of it.

usage: shell_completions.py SHELL PROGRAM FOLDER   (SHELL is bash, zsh or fish; lines come on standard input)
The shell stands in FOLDER. In place of PROGRAM a script of its name runs the finished line: it prints its arguments, which
are printed here, a line each line.
"""
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import time

MARK = "completed:"
READY = "shell-is-ready"


def main():
    shell, program, folder = sys.argv[1:]
    script = subprocess.run(
        [program, "--generate-completion-script", shell], capture_output=True, check=True, text=True).stdout
    lines = sys.stdin.read().splitlines()
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        (home / "bin").mkdir()
        double = home / "bin/ingot"
        double.write_text(f'#!/bin/sh\nprintf "{MARK}"; printf "<%s>" "$@"; echo .\n')
        double.chmod(0o755)
        environment = {
            "HOME": str(home), "PATH": f"{home}/bin:/usr/local/bin:/usr/bin:/bin", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        if shell == "fish":
            results = [fish(home, script, line, folder, environment) for line in lines]
        else:
            results = typed(shell, home, script, lines, folder, environment)
    print("\n".join(results))


def fish(home, script, line, folder, environment):
    """The candidates for a line's end, as fish's own command lists them."""
    (home / "ingot.fish").write_text(script)
    code = f"source {home}/ingot.fish; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    return " ".join(candidate.split("\t")[0] for candidate in done.stdout.splitlines())


def typed(shell, home, script, lines, folder, environment):
    """The arguments that the program gets when each line was typed, with the tabulator behind it, and the return key."""
    if shell == "bash":
        (home / "ingot.bash").write_text(script)
        start, command = f"source {home}/ingot.bash", ["bash", "--noprofile", "--norc", "-i"]
    else:
        (home / "functions").mkdir()
        (home / "functions/_ingot").write_text(script)
        start = f"fpath=({home}/functions $fpath); autoload -Uz compinit; compinit -u -D"
        command = ["zsh", "-f", "-i"]
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvpe(command[0], command, environment)
    results = []
    try:
        # Words in quotes, so that the echo of what is typed is not the answer.
        send(terminal, f"{start}; echo shell-is''-ready\r")
        wait(terminal, READY)
        for line in lines:
            send(terminal, line + "\t")
            time.sleep(0.3)
            send(terminal, "\r")
            results.append(re.findall(re.escape(MARK) + r"(.*)\.", wait(terminal, MARK, ".\r\n"))[-1])
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return results


def send(terminal, text):
    os.write(terminal, text.encode())


def wait(terminal, *words):
    """What the terminal shows until it has shown some words, one behind the other."""
    shown, end = "", time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65536).decode(errors="replace")
        place = 0
        for word in words:
            place = shown.find(word, place) + 1
            if place == 0:
                break
        if place:
            return shown
    sys.exit(f"the shell has shown: {shown}")


main()
