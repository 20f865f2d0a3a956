//! The command line itself: help, completions, manual, doctor.

use std::process::Command;

use crate::common::{SMALL, Sandbox};

#[test]
fn completions_are_scripts_that_their_shells_accept() {
    let sandbox = Sandbox::new(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = sandbox.run(&["completions", shell]).expect_code(0);
        assert!(run.stdout.contains("files-with-matches"), "{shell}");
    }
    let script = sandbox.run(&["completions", "bash"]).stdout;
    let bash = Command::new("bash").args(["-n", "-c", &script]).status();
    assert!(bash.unwrap().success());
}

#[test]
fn the_manual_names_every_command_and_variable() {
    let sandbox = Sandbox::new(&[]);
    let page = sandbox
        .run(&["man"])
        .expect_code(0)
        .stdout
        .replace('\\', "");
    for word in [
        ".TH fathom",
        "FATHOM INDEX",
        "FATHOM SEARCH",
        "FATHOM SIMILAR",
        "FATHOM ASK",
        "FATHOM CHAT",
        "FATHOM EVAL",
        "--reader-url",
        "FATHOM_READER_KEY",
        "--max-tokens",
        "FATHOM_DATA_DIR",
        "NO_COLOR",
        "EXIT STATUS",
        "130",
    ] {
        assert!(page.contains(word), "{word}");
    }
}

#[test]
fn every_command_explains_itself() {
    let sandbox = Sandbox::new(&[]);
    let help = sandbox.run(&["--help"]).expect_code(0).stdout;
    for command in [
        "index",
        "search",
        "similar",
        "ask",
        "chat",
        "explain",
        "map",
        "serve",
        "status",
        "check",
        "clear",
        "doctor",
        "model",
        "completions",
        "man",
        "eval",
    ] {
        assert!(
            help.contains(&format!("\n  {command} ")),
            "{command} in\n{help}"
        );
        let run = sandbox.run(&[command, "--help"]).expect_code(0);
        assert!(run.stdout.contains("Usage: fathom"), "{run}");
    }
}

#[test]
fn doctor_says_what_is_wrong_and_what_to_do() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["doctor"]).expect_code(0);
    let nowhere = sandbox.path("nowhere.so");
    let variables = [("ORT_DYLIB_PATH", nowhere.to_str().unwrap())];
    let run = sandbox.run_with(&variables, &["doctor"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stdout.contains("fail  ONNX Runtime"), "{run}");
    let run = sandbox.run_with(&[("FATHOM_DATA_DIR", "/dev/null/x")], &["doctor"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stdout.contains("fail  data folder"), "{run}");
}
