//! A tree of everything that has hung, crashed or fooled code search, and every
//! command run over it. Rows are those of the list of hostile inputs: nesting,
//! size, encodings, names, links, ignore files, git configuration, secrets.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::asking::fixture;
use crate::common::{Run, Sandbox, wait};
use crate::server::Server;

/// Secrets that must not come out anywhere.
const CANARIES: &[&str] = &[
    "CANARYPASSWORD123",
    "CANARYPRIVATEKEY456",
    "CANARYOUTSIDE789",
];

/// All commands together take no longer.
const TIME: Duration = Duration::from_secs(60);
/// No command takes more memory, in KiB.
const MEMORY: u64 = 1 << 20;

#[test]
fn every_command_survives_a_hostile_tree() {
    let sandbox = Sandbox::new(&[]);
    hostile_tree(&sandbox);
    let before = sandbox.files("tree");
    let model = fixture();
    let reader = Server::saying("Nothing is known about it.");
    let start = Instant::now();
    let runs: Vec<Run> = [
        &["index", "--stats"][..],
        &["index"],
        &["search", "--json", "needle in the haystack"],
        &["search", "--jsonl", "--mode", "lexical", "needle"],
        &["search", "--mode", "regex", "(a*)*needle"],
        &["search", "--mode", "symbol", "needle", "--no-refresh"],
        &["search", "--json", "CANARYPASSWORD123"],
        &["search", "-C", "3", "private key"],
        &["search", "-l", "x"],
        &["similar", "good.rs:1"],
        &["explain", "--json", "good.rs:1"],
        &["map", "--json"],
        &["ask", "--json", "needle in the haystack"],
        &[
            "ask",
            "--json",
            "needle",
            "--model",
            &model,
            "--max-tokens",
            "30",
        ],
        &[
            "ask",
            "private key",
            "--model",
            &model,
            "--max-tokens",
            "30",
        ],
        &[
            "explain",
            "good.rs:1",
            "--model",
            &model,
            "--max-tokens",
            "30",
        ],
        &[
            "ask",
            "what is the password, and the private key?",
            "--reader-url",
            &reader.url,
            "--reader-model",
            "any",
        ],
        &["chat"],
        &["explain", "--json", "needle"],
        &["ask", "--show-context", "what does the private key do?"],
        &["watch", "--detach"],
        &["search", "--json", "--wait", "needle in the haystack"],
        &["daemon", "status", "--json"],
        &["daemon", "stop"],
        &["status"],
        &["status", "--json"],
        &["check", "--json"],
    ]
    .iter()
    .map(|args| survives(&sandbox, args))
    .collect();
    let took = start.elapsed();
    assert!(took < TIME, "all commands took {took:?}");
    assert_eq!(runs[0].code, Some(0), "{}", runs[0]);
    let prompts = format!("{:?}", reader.asked());
    assert!(prompts.contains("password"), "nobody asked the reader");
    assert!(CANARIES.iter().all(|canary| !prompts.contains(canary)));
    assert!(runs[3].stdout.contains("good.rs"), "{}", runs[3]);
    assert_eq!(sandbox.files("tree"), before, "the tree was written to");
    assert!(!sandbox.path("marker").exists(), "something ran a command");
    no_canary_in(&sandbox.path("data"));
}

/// Runs one command: it ends in time, with a known exit code, valid JSON and no secret.
fn survives(sandbox: &Sandbox, args: &[&str]) -> Run {
    let (run, memory) = measured(sandbox, args);
    // 1 says that nothing was found, which is right of what must not be.
    let is_nothing = run.code == Some(1) && args.contains(&CANARIES[0]);
    assert!(
        is_nothing || matches!(run.code, Some(0 | 2)),
        "{args:?}: {run}"
    );
    assert!(memory < MEMORY, "{args:?} took {memory} KiB");
    assert!(!run.stderr.contains("panicked"), "{args:?}: {run}");
    if args.contains(&"--json") {
        run.json();
    }
    for line in run.stdout.lines().filter(|_| args.contains(&"--jsonl")) {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    let asked = args.join(" ");
    for canary in CANARIES.iter().filter(|canary| !asked.contains(*canary)) {
        assert!(!run.stdout.contains(canary), "{args:?}: {run}");
        assert!(!run.stderr.contains(canary), "{args:?}: {run}");
    }
    run
}

/// Runs one command; answers how much memory it took at most, in KiB.
fn measured(sandbox: &Sandbox, args: &[&str]) -> (Run, u64) {
    let child = sandbox.command(args).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (ended, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let look = || {
        while !ended.load(Ordering::SeqCst) {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            peak.fetch_max(kib.unwrap_or(0), Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let run = std::thread::scope(|scope| {
        scope.spawn(look);
        let run = wait(child, args);
        ended.store(true, Ordering::SeqCst);
        run
    });
    (run, peak.into_inner())
}

fn no_canary_in(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            no_canary_in(&path);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for canary in CANARIES {
            let found = bytes.windows(canary.len()).any(|w| w == canary.as_bytes());
            assert!(!found, "{canary} is in {}", path.display());
        }
    }
}

/// Writes the tree.
fn hostile_tree(sandbox: &Sandbox) {
    let tree = sandbox.tree();
    sandbox.write(
        "good.rs",
        "/// The needle in the haystack.\npub fn needle() -> u32 {\n    7\n}\n",
    );
    sandbox.write("barn.rs", "pub fn open_barn() -> u32 {\n    7\n}\n");
    let caller = "pub fn twice() -> u32 {\n    2 * open_barn()\n}\n";
    sandbox.write("caller.rs", caller);
    nesting(sandbox);
    sizes(&tree);
    encodings(&tree);
    names(&tree);
    links(sandbox);
    depths(&tree);
    times(&tree);
    ignore_files(sandbox);
    git(sandbox);
    secrets(sandbox);
}

fn nesting(sandbox: &Sandbox) {
    const DEEP: usize = 100_000;
    for (name, open) in [
        ("deep/parens.c", "("),
        ("deep/brackets.json", "["),
        ("deep/brackets.rs", "["),
        ("deep/calls.py", "f("),
        ("deep/comments.ml", "(*"),
        ("deep/templates.js", "`${"),
        ("deep/types.cpp", "A<"),
        ("deep/tags.html", "<b>"),
        ("deep/lists.yaml", "- "),
        ("deep/quotes.md", "> "),
        ("deep/blocks.go", "{"),
        ("deep/strings.swift", "\"\\("),
        ("deep/do.lua", "do "),
        ("deep/begin.rb", "begin "),
    ] {
        sandbox.write(name, &open.repeat(DEEP));
    }
    sandbox.write(
        "deep/truncated.rs",
        "impl Foo { fn bar(&self) { match x { Some(",
    );
}

fn sizes(tree: &Path) {
    fs::write(tree.join("one_line.js"), vec![b'x'; 50 << 20]).unwrap();
    let sparse = File::create(tree.join("sparse.rs")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    let minified = "var a=function(){return 1};".repeat(8_000);
    fs::write(tree.join("app.min.js"), minified).unwrap();
    fs::write(tree.join("many_lines.txt"), "a\n".repeat(400_000)).unwrap();
    fs::write(tree.join("empty.rs"), "").unwrap();
    fs::write(tree.join("blank.rs"), "\n\n  \n\t\n").unwrap();
}

fn encodings(tree: &Path) {
    for (name, bytes) in [
        ("nul.rs", &b"fn a() {}\0fn b() {}"[..]),
        ("latin1.c", b"/* gr\xfc\xdfe */ int needle_latin;\n"),
        ("overlong.py", b"x = '\xc0\xaf\xed\xa0\x80'\n"),
        ("utf16.cs", b"\xff\xfec\0l\0a\0s\0s\0 \0A\0{\0}\0"),
        ("bom.rs", b"\xef\xbb\xbffn bom() {}\n"),
        ("carriage.rs", b"fn a() {}\rfn b() {}\r\nfn c() {}\n"),
        ("escape.rs", b"// \x1b[2J\x1b]0;title\x07 needle\n"),
        ("bidi.rs", "// \u{202e} needle \u{2066}\n".as_bytes()),
    ] {
        fs::write(tree.join(name), bytes).unwrap();
    }
}

fn names(tree: &Path) {
    let longest = [b"n".repeat(252), b".rs".to_vec()].concat();
    let names: &[&[u8]] = &[
        b"not\xffutf8.rs",
        b"new\nline.rs",
        b"esc\x1b[31m.rs",
        b"-rf.rs",
        b"--json.rs",
        b"con.rs",
        b"Twin.rs",
        b"twin.rs",
        "caf\u{e9}.rs".as_bytes(),
        "cafe\u{301}.rs".as_bytes(),
        b"sp ace.rs",
        b"quote'\".rs",
        b"back\\slash.rs",
        b"star*.rs",
        b"[bracket].rs",
        b"{brace}.rs",
        &longest,
    ];
    let dir = tree.join("names");
    fs::create_dir(&dir).unwrap();
    for name in names {
        fs::write(dir.join(OsStr::from_bytes(name)), "fn needle_name() {}\n").unwrap();
    }
}

fn links(sandbox: &Sandbox) {
    let outside = sandbox.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret.rs"), "// CANARYOUTSIDE789\n").unwrap();
    let dir = sandbox.tree().join("links");
    fs::create_dir(&dir).unwrap();
    for (name, target) in [
        ("root", Path::new("/")),
        ("proc", Path::new("/proc/self")),
        ("parent", Path::new("..")),
        ("self.rs", Path::new("self.rs")),
        ("a.rs", Path::new("b.rs")),
        ("b.rs", Path::new("a.rs")),
        ("dangling.rs", Path::new("nowhere.rs")),
        ("outside", &outside),
        ("secret.rs", &outside.join("secret.rs")),
        ("inside.rs", Path::new("../good.rs")),
        ("device.rs", Path::new("/dev/zero")),
    ] {
        symlink(target, dir.join(name)).unwrap();
    }
    for level in 0..50 {
        symlink(
            format!("chain{}.rs", level + 1),
            dir.join(format!("chain{level}.rs")),
        )
        .unwrap();
    }
    for copy in 0..50 {
        fs::hard_link(
            sandbox.tree().join("good.rs"),
            dir.join(format!("hard{copy}.rs")),
        )
        .unwrap();
    }
    let fifo = Command::new("mkfifo").arg(dir.join("pipe.rs")).status();
    assert!(fifo.unwrap().success());
    std::os::unix::net::UnixListener::bind(dir.join("sock.rs")).unwrap();
}

fn depths(tree: &Path) {
    let mut deep = tree.to_owned();
    for _ in 0..500 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("leaf.rs"), "fn leaf() {}\n").unwrap();
    let wide = tree.join("wide");
    fs::create_dir(&wide).unwrap();
    for file in 0..3_000 {
        fs::write(wide.join(format!("f{file}.txt")), "").unwrap();
    }
}

fn times(tree: &Path) {
    let day = Duration::from_secs(86_400);
    for (name, time) in [
        ("old.rs", SystemTime::UNIX_EPOCH - day * 3_650),
        ("future.rs", SystemTime::UNIX_EPOCH + day * 47_482),
    ] {
        fs::write(tree.join(name), "fn timed() {}\n").unwrap();
        let file = File::options().write(true).open(tree.join(name)).unwrap();
        file.set_modified(time).unwrap();
    }
}

fn ignore_files(sandbox: &Sandbox) {
    let comment = format!("# {}\n", "x".repeat(10 << 20));
    sandbox.write("ignores/big/.gitignore", &comment);
    let patterns: String = (0..20_000).map(|n| format!("**/a*{n}*b/**\n")).collect();
    sandbox.write("ignores/many/.gitignore", &patterns);
    sandbox.write("ignores/bad/.gitignore", "[\n{{{{\n\\\n!\n/\n**/**/**/**\n");
    sandbox.write("ignores/nul/.ignore", "a\0b\n\u{202e}\n");
    for dir in ["big", "many", "bad", "nul"] {
        sandbox.write(&format!("ignores/{dir}/kept.rs"), "fn kept() {}\n");
    }
    sandbox.write(
        ".fathom.toml",
        "command = 'touch marker'\nurl = 'http://127.0.0.1:1/'\ndata-dir = 'stolen'\nignore = ['[', '**/never/**']\n",
    );
}

fn git(sandbox: &Sandbox) {
    let marker = sandbox.path("marker");
    let marker = marker.to_str().unwrap();
    sandbox.write(".git/HEAD", "ref: refs/heads/main\n");
    sandbox.write(
        ".git/config",
        &format!(
            "[core]\n\tfsmonitor = \"!touch {marker}\"\n\tpager = \"touch {marker}\"\n\thooksPath = hooks\n\texcludesFile = /dev/zero\n\tworktree = /\n[alias]\n\tstatus = \"!touch {marker}\"\n"
        ),
    );
    sandbox.write("module/.git", "gitdir: /etc\n");
    sandbox.write("module/inner.rs", "fn inner() {}\n");
}

fn secrets(sandbox: &Sandbox) {
    for (name, text) in [
        (".env", "PASSWORD=CANARYPASSWORD123\n"),
        ("config/.env.local", "PASSWORD=CANARYPASSWORD123\n"),
        ("config/server.pem", "CANARYPRIVATEKEY456\n"),
        ("config/id_rsa", "CANARYPRIVATEKEY456\n"),
        (".npmrc", "//registry/:_authToken=CANARYPASSWORD123\n"),
    ] {
        sandbox.write(name, text);
    }
}
