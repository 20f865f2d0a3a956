//! `fathom lsp`: a client speaks to the built program.

mod answers;
pub mod client;
mod documents;
mod ends;
mod navigation;
mod protocol;

/// Code that calls across files and languages.
pub const CALLS: &[(&str, &str)] = &[
    (
        "src/lock.rs",
        "//! Locks.\n\n/// Takes the lock [now](command:evil).\npub fn acquire(path: &str) -> bool {\n    let höhe = \"𝄞\"; open(path) && wait(höhe)\n}\n\nfn open(path: &str) -> bool {\n    !path.is_empty()\n}\n\nfn wait(_: &str) -> bool {\n    true\n}\n\npub struct Guard;\n\nimpl Guard {\n    pub fn release(&self) -> bool {\n        open(\"x\")\n    }\n}\n",
    ),
    (
        "src/main.rs",
        "mod lock;\n\nfn main() {\n    lock::acquire(\"a\");\n    lock::acquire(\"b\");\n}\n",
    ),
    (
        "tests/lock.rs",
        "#[test]\nfn is_taken() {\n    assert!(acquire(\"a\"));\n}\n",
    ),
    (
        "py/lock.py",
        "def acquire(path):\n    \"\"\"Takes it.\"\"\"\n    return release(path)\n\n\ndef release(path):\n    return path\n",
    ),
];
