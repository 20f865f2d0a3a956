"""Times `fathom mcp`: from the start of the process to the answer to `initialize`, and from
there to the answer to the first search, which loads the model and looks for changed files.

    python3 tests/clients/mcp_times.py FATHOM REPOSITORY [ROUNDS]
"""

import json
import statistics
import subprocess
import sys
import time

CLIENT = {"name": "times", "version": "1"}
INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT}


class Server:
    def __init__(self, program, repository):
        command = [program, "mcp", repository]
        pipe = subprocess.PIPE
        self.began = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe)
        self.last = 0

    def ask(self, method, params):
        """Milliseconds until the answer, and the answer."""
        self.last += 1
        message = {"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}
        began = time.perf_counter()
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer["id"] == self.last and "result" in answer, answer
        return 1e3 * (time.perf_counter() - began), answer["result"]

    def search(self, query):
        took, result = self.ask("tools/call", {"name": "search", "arguments": {"query": query}})
        assert result["structuredContent"]["results"], result
        return took

    def end(self):
        """Milliseconds from the end of stdin to the end of the process."""
        began = time.perf_counter()
        self.process.stdin.close()
        self.process.wait()
        return 1e3 * (time.perf_counter() - began)


def main(program, repository, rounds="20"):
    times = {"initialize": [], "first search": [], "second search": [], "end": []}
    for _ in range(int(rounds)):
        server = Server(program, repository)
        server.ask("initialize", INITIALIZE)
        times["initialize"].append(1e3 * (time.perf_counter() - server.began))
        times["first search"].append(server.search("where is the timeout of a connection set"))
        times["second search"].append(server.search("how are errors turned into text"))
        times["end"].append(server.end())
    for what, taken in times.items():
        taken.sort()
        print(f"{what}: median {statistics.median(taken):.0f} ms, most {taken[-1]:.0f} ms")


main(*sys.argv[1:])
