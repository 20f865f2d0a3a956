"""Fuzzes the HTTP interface by its own OpenAPI document: no request may be answered 5xx, or by what
the document does not describe.

    make fuzz-http SECONDS=300        (or: tests/web/fuzz.py target/release/fathom 300)
"""

import os
import subprocess
import sys

from served import Served, use

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def main(program, seconds):
    environment = {**os.environ, "PYTHONPATH": str(use("schemathesis"))}
    served = Served(program, more=["--max-requests", "64", "--max-answers", "16", "--max-body", "8388608"])
    try:
        command = [sys.executable, "-m", "schemathesis.cli", "fuzz", f"{served.url}openapi.json"]
        options = ["--max-time", seconds, "--checks", CHECKS, "--request-timeout", "60", "--generation-database", "none"]
        failed = subprocess.run([*command, *options], env=environment, cwd=served.folder, check=False).returncode
        if served.process.poll() is not None:
            sys.exit("the server has ended")
    finally:
        served.stop()
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "300")
