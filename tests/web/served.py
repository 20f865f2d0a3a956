"""A small repository with hostile names and code in it, a reader that always says the same, and
`fathom serve` on both."""

import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", pathlib.Path(__file__).resolve().parents[2] / "target"))


def use(package):
    """Makes what `scripts/web.sh` installed importable; the folder."""
    folders = [found for found in (TARGET / "web").glob(f"{package}-*") if (found / ".complete").exists()]
    if not folders:
        sys.exit(f"{package} is missing; run `scripts/web.sh browser` and `scripts/web.sh fuzz`")
    sys.path.insert(0, str(folders[-1]))
    return folders[-1]


HOSTILE = '<img src=x onerror="window.stolen=1">.rs'
FILES = {
    "src/lock.rs": """//! Locks.

use std::fs::File;

/// Takes the writer lock and waits for it.
///
/// Returns whether the file could be made.
pub fn acquire_lock(path: &str) -> bool {
    // One writer at a time.
    File::create(path).is_ok()
}

/// Gives the lock back.
pub fn release_lock(path: &str) {
    let _ = std::fs::remove_file(path);
}
""",
    "src/store.rs": """use crate::lock::{acquire_lock, release_lock};

pub struct Store {
    path: String,
}

impl Store {
    /// Writes while it has the writer lock.
    pub fn write(&self, text: &str) -> bool {
        if !acquire_lock(&self.path) {
            return false;
        }
        let length = text.len() + 42;
        release_lock(&self.path);
        length > 0
    }
}
""",
    "src/colour.py": '''def parse_colour(text):
    """Parses a hexadecimal colour such as #ff0000."""
    return int(text[1:], 16)  # base 16
''',
    "docs/guide.md": "# Guide\n\n## Installation\n\nRun the installer, then restart the service.\n",
    f"src/{HOSTILE}": """// <script>window.stolen=2</script> \u202e reversed
/// Entropy of <b onmouseover="window.stolen=3">bytes</b>. </pre><script>window.stolen=4</script>
pub fn hostile_entropy() -> &'static str {
    "javascript:alert(1) <iframe src=https://evil.example/></iframe>"
}
""",
}
ANSWER = """`acquire_lock` waits for the writer lock [1].
```rust
pub fn acquire_lock(path: &str) -> bool {
```
**Store** uses it. See ![x](https://evil.example/x.png) <img src=x onerror="window.stolen=5"> and [a link](javascript:alert(1)).
"""


class Reader(http.server.BaseHTTPRequestHandler):
    """An OpenAI-compatible server that always says the same."""

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        shown = re.search(r"\[(\d+)\] src/lock\.rs", asked)
        answer = ANSWER.replace("[1]", f"[{shown[1]}]") if shown else ANSWER
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for at in range(0, len(answer), 7):
            piece = answer[at : at + 7]
            logprobs = {"content": [{"token": piece, "logprob": -0.05}]}
            self.event({"choices": [{"delta": {"content": piece}, "finish_reason": None, "logprobs": logprobs}]})
        self.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def event(self, value):
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())

    def log_message(self, *_):
        pass


class Served:
    """A repository, a reader, and the program that serves them."""

    def __init__(self, program, more=(), variables={}):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fathom-web-"))
        self.tree = self.folder / "tree"
        for path, text in FILES.items():
            file = self.tree / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.reader = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Reader)
        threading.Thread(target=self.reader.serve_forever, daemon=True).start()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(pathlib.Path.home() / ".cache")),
            **{name: value for name, value in os.environ.items() if name == "ORT_DYLIB_PATH"},
            **variables,
        }
        url = f"http://127.0.0.1:{self.reader.server_port}/v1"
        subprocess.run([program, "index", "-q", self.tree], env=environment, check=True)
        command = [program, "serve", "--listen", "127.0.0.1:0", "--reader-url", url, *more, self.tree]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.match(r"listening on (http://\S+)", line):
                self.url = found[1]
                break
        else:
            sys.exit("the server did not start")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.reader.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)
