//! `fathom model`: fetching from a hub on the loopback, importing, verifying, removing.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Run, Sandbox, check, finish, wait};
use crate::fake_hub::{BRANCH, COMMIT, FakeHub, Faults, model, sha256};

/// A profile's repository and file.
const REPOSITORY: &str = "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF";
const FILE: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
const NAME: &str = "qwen2.5-coder-0.5b";

fn fixture(name: &str) -> Vec<u8> {
    fs::read(format!("answerer/tests/fixtures/{name}.gguf")).unwrap()
}

/// A sandbox and a hub that has a tiny model under the name of a large one.
struct Bench {
    sandbox: Sandbox,
    hub: FakeHub,
}

impl Bench {
    fn new(faults: Faults) -> Bench {
        Bench::with(fixture("reader-tiny"), faults)
    }

    fn with(bytes: Vec<u8>, faults: Faults) -> Bench {
        let hub = FakeHub::serve(REPOSITORY, &[(FILE, bytes)]);
        hub.faults(faults);
        Bench {
            sandbox: Sandbox::new(&[]),
            hub,
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let args = [&["model"], args].concat();
        let mut command = self.sandbox.command(&args);
        command.env("HF_ENDPOINT", self.hub.endpoint());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        self.shown(finish(self.command(args), args))
    }

    fn run_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Run {
        let mut command = self.command(args);
        command.envs(variables.iter().copied());
        self.shown(finish(command, args))
    }

    /// Without the hub's port.
    fn shown(&self, run: Run) -> Run {
        Run {
            stdout: run
                .stdout
                .replace(&self.hub.endpoint(), "[HUB]")
                .replace(&sha256(&fixture("reader-tiny")), "[HASH]"),
            stderr: run.stderr.replace(&self.hub.endpoint(), "[HUB]"),
            ..run
        }
    }

    fn blobs(&self) -> Vec<(PathBuf, u64)> {
        let folder = "cache/huggingface/hub/models--Qwen--Qwen2.5-Coder-0.5B-Instruct-GGUF/blobs";
        match self.sandbox.path(folder).exists() {
            true => self.sandbox.files(folder),
            false => Vec::new(),
        }
    }

    /// Waits until so much of the file is there.
    fn wait_for_part(&self, bytes: u64) {
        let began = Instant::now();
        while self.blobs().first().is_none_or(|(_, size)| *size < bytes) {
            assert!(began.elapsed() < Duration::from_secs(30), "nothing comes");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_model_lives_from_pull_to_remove() {
    let bench = Bench::new(Faults::default());
    check!(bench.sandbox, bench.run(&["pull", NAME]), @r"
    exit 0
    --- stdout
    [SANDBOX]/cache/huggingface/hub/models--Qwen--Qwen2.5-Coder-0.5B-Instruct-GGUF/snapshots/5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
    --- stderr
    qwen2.5-coder-0.5b-instruct-q4_k_m.gguf from [HUB]/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF at 5b5b5b5b5b5b, 870 kB
    licence: apache-2.0 (https://example.test/licence)
    ");
    check!(bench.sandbox, bench.run(&["pull", NAME]), @r"
    exit 0
    --- stdout
    [SANDBOX]/cache/huggingface/hub/models--Qwen--Qwen2.5-Coder-0.5B-Instruct-GGUF/snapshots/5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
    --- stderr
    qwen2.5-coder-0.5b-instruct-q4_k_m.gguf from [HUB]/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF at 5b5b5b5b5b5b, 870 kB
    licence: apache-2.0 (https://example.test/licence)
    it was here already
    ");
    check!(bench.sandbox, bench.run(&["list"]), @r"
    exit 0
    --- stdout
    default                 encoder                              bundled    Apache-2.0; with codebook
    qwen2.5-coder-0.5b      reader              870 kB  Q8_0     hub cache  apache-2.0

    to fetch with `fathom model pull NAME`:
    qwen2.5-coder-1.5b      reader             1.12 GB  Q4_K_M              Apache-2.0
    qwen2.5-coder-3b        reader             2.10 GB  Q4_K_M              Qwen Research Licence (not for commercial use)
    qwen3-4b                reader             2.50 GB  Q4_K_M              Apache-2.0
    qwen2.5-coder-7b        reader             4.68 GB  Q4_K_M              Apache-2.0
    qwen3-coder-30b-a3b     reader            32.48 GB  Q8_0                Apache-2.0
    lateon-code             late-interaction   ~160 MB                      Apache-2.0; code, 137M parameters, 128 dimensions
    lateon-code-edge        late-interaction    ~20 MB                      Apache-2.0; code, 17M parameters, 48 dimensions
    answerai-colbert-small  late-interaction    ~35 MB                      Apache-2.0; prose, 33M parameters, 96 dimensions
    gte-moderncolbert       late-interaction   ~160 MB                      Apache-2.0; prose, 149M parameters, 128 dimensions
    embeddinggemma          dense              ~330 MB                      Gemma terms of use; multilingual, 308M parameters, 768 dimensions or 512, 256, 128 of them (`embeddinggemma:256`)
    all-minilm-l6-v2        dense               ~91 MB                      Apache-2.0; English prose, 23M parameters, 384 dimensions
    ms-marco-minilm-l6      cross-encoder       ~91 MB                      Apache-2.0; English web questions, 23M parameters
    ms-marco-minilm-l12     cross-encoder      ~134 MB                      Apache-2.0; English web questions, 33M parameters
    jina-reranker-v2        cross-encoder      ~281 MB                      CC-BY-NC-4.0; multilingual and code, 278M parameters
    bge-reranker-v2-m3      cross-encoder      ~570 MB                      Apache-2.0; multilingual, 568M parameters
    --- stderr
    ");
    check!(bench.sandbox, bench.run(&["show", NAME]), @r"
    exit 0
    --- stdout
    name          qwen2.5-coder-0.5b
    model         fathom reader fixture
    architecture  qwen2
    parameters    756 thousand
    quantisation  Q8_0
    context       8192 tokens
    prompt lookup works
    licence       apache-2.0
    size          870 kB
    place         hub cache
    origin        [HUB]/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF at 5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b
    file          [SANDBOX]/cache/huggingface/hub/models--Qwen--Qwen2.5-Coder-0.5B-Instruct-GGUF/snapshots/5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
    hash          [HASH]
    --- stderr
    ");
    check!(bench.sandbox, bench.run(&["verify"]), @r"
    exit 0
    --- stdout
    ok    qwen2.5-coder-0.5b  [SANDBOX]/cache/huggingface/hub/models--Qwen--Qwen2.5-Coder-0.5B-Instruct-GGUF/snapshots/5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
    --- stderr
    ");
    check!(bench.sandbox, bench.run(&["remove", NAME]), @r"
    exit 0
    --- stdout
    removed `qwen2.5-coder-0.5b`, 870 kB are free
    --- stderr
    ");
    check!(bench.sandbox, bench.run(&["show", NAME]), @r"
    exit 2
    --- stdout
    --- stderr
    error: `qwen2.5-coder-0.5b` is not on this machine (`qwen2.5-coder-0.5b-instruct-q4_k_m.gguf` is not in `[SANDBOX]/data/fathom/models`, `[SANDBOX]/cache/huggingface/hub`); run `fathom model pull qwen2.5-coder-0.5b` to fetch it, or put the file there, or give the path of a GGUF file instead
    ");
    let left = bench.sandbox.files("cache/huggingface");
    let left: Vec<_> = left
        .iter()
        .filter(|(path, _)| path.extension().is_none_or(|e| e != "lock"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(bench.sandbox.files("data/fathom/models").is_empty());
}

#[test]
fn what_was_pulled_is_described_in_json() {
    let bench = Bench::new(Faults::default());
    let id = format!("{REPOSITORY}:Q4_K_M");
    let pulled = bench.run(&["pull", "--json", &id]).expect_code(0).json();
    let shown = bench.run(&["show", "--json", NAME]).expect_code(0).json();
    assert_eq!(pulled["model"], shown);
    assert_eq!(shown["architecture"], "qwen2");
    assert_eq!(shown["prompt_lookup"], true);
    assert_eq!(shown["licence"], "apache-2.0");
    assert_eq!(shown["origin"], format!("[HUB]/{REPOSITORY} at {COMMIT}"));
    assert_eq!(shown["files"][0]["hash"], "[HASH]");
    let list = bench.run(&["list", "--json"]).expect_code(0).json();
    assert_eq!(list["models"][0]["kind"], "encoder");
    assert_eq!(list["models"][1], shown);
    let available = list["available"].as_array().unwrap();
    assert!(available.iter().all(|model| model["name"] != NAME));
    let verified = bench.run(&["verify", "--json"]).expect_code(0).json();
    assert_eq!(verified["ok"], true);
    assert_eq!(verified["files"][0]["hash_was_known"], true);
}

#[test]
fn what_cannot_be_pulled_says_what_to_do() {
    let told = |faults, args: &[&str]| {
        let run = Bench::new(faults).run(&[&["pull", "-q"], args].concat());
        assert!(run.stdout.is_empty(), "{run}");
        run.expect_code(2).stderr
    };
    let gated = Faults {
        token: Some("hf_secret"),
        ..Faults::default()
    };
    insta::assert_snapshot!(told(gated, &[NAME]), @"error: `Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF` is gated: its authors ask you to accept their terms; open [HUB]/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF, accept them, make a token at [HUB]/settings/tokens, and set HF_TOKEN to it");
    insta::assert_snapshot!(told(Faults::default(), &["qwen2.5-coder-0.5b:q2_k"]), @"error: `Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF` has no file `qwen2.5-coder-0.5b-instruct-q2_k.gguf`; it has `qwen2.5-coder-0.5b-instruct-q4_k_m`: name one of them, as in `Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF:q4_k_m`");
    insta::assert_snapshot!(told(Faults::default(), &["nobody/nothing"]), @"error: there is no repository `nobody/nothing` at [HUB]; look at its spelling, or set HF_TOKEN if it is private");
    insta::assert_snapshot!(told(Faults::default(), &["qwen2.5-coder-0.5b@v9"]), @"error: `Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF` has no revision `v9`; [HUB]/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF lists its branches and tags");
    insta::assert_snapshot!(told(Faults::default(), &["./x.gguf"]), @r"
    error: `./x.gguf` is a file, not a model of the hub
    hint: run `fathom model import FILE` to copy a file
    ");
    insta::assert_snapshot!(told(Faults::default(), &["nobody"]), @"error: `nobody` is no reader model; give the path of a GGUF file, a hub id (`owner/name:Q4_K_M`) or one of qwen2.5-coder-0.5b, qwen2.5-coder-1.5b, qwen2.5-coder-3b, qwen3-4b, qwen2.5-coder-7b, qwen3-coder-30b-a3b");
    let page = Faults {
        page: Some("text/html"),
        ..Faults::default()
    };
    insta::assert_snapshot!(told(page, &[NAME]), @"error: [HUB]/cdn/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf answers with a web page; a proxy or a login page of your network may stand in between: look at [HUB]/cdn/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf in a browser, set HTTPS_PROXY, or run `fathom model import FILE` on a file that you got in another way");
    let bench = Bench::new(Faults::default());
    let offline = bench
        .run_with(&[("HF_HUB_OFFLINE", "1")], &["pull", NAME])
        .expect_code(2);
    insta::assert_snapshot!(offline.stderr, @"error: `Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF` is not in the cache, and HF_HUB_OFFLINE forbids to fetch it; unset it, or run `fathom model import FILE` on files that you have");
    assert!(bench.hub.asked().is_empty());
    let elsewhere = bench
        .run_with(&[("HF_ENDPOINT", "hub.test")], &["pull", NAME])
        .expect_code(2);
    insta::assert_snapshot!(elsewhere.stderr, @"error: `hub.test` is not the address of a hub; set HF_ENDPOINT to one such as `https://huggingface.co`, or unset it");
}

/// The hub has no byte of it to give.
#[test]
fn size_and_licence_are_told_before_a_byte_is_fetched() {
    let nothing = Faults {
        status: Some((usize::MAX, 404, "X-Error-Code: EntryNotFound\r\n")),
        ..Faults::default()
    };
    let told = Bench::new(nothing).run(&["pull", NAME]).expect_code(2);
    insta::assert_snapshot!(told.stderr, @r"
    qwen2.5-coder-0.5b-instruct-q4_k_m.gguf from [HUB]/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF at 5b5b5b5b5b5b, 870 kB
    licence: apache-2.0 (https://example.test/licence)
    error: `Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF` has no file `qwen2.5-coder-0.5b-instruct-q4_k_m.gguf`; [HUB]/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF lists its files
    ");
}

#[test]
fn a_branch_is_pulled_and_noted() {
    let bench = Bench::new(Faults::default());
    let name = format!("{REPOSITORY}@v1");
    let pulled = bench.run(&["pull", &name]).expect_code(0);
    assert!(pulled.stderr.contains(&BRANCH[..12]), "{pulled}");
    assert!(pulled.stdout.contains(BRANCH), "{pulled}");
    let shown = bench.run(&["show", "--json", &name]).expect_code(0).json();
    assert_eq!(shown["origin"], format!("[HUB]/{REPOSITORY} at {BRANCH}"));
    // The other revision is another model, as far as it is here.
    bench.run(&["pull", NAME]).expect_code(0);
    for (name, commit) in [(&*name, BRANCH), (NAME, COMMIT)] {
        let shown = bench.run(&["show", "--json", name]).expect_code(0).json();
        let origin = format!("[HUB]/{REPOSITORY} at {commit}");
        assert_eq!(shown["origin"], origin, "{name}");
    }
}

#[test]
fn the_token_is_sent_and_never_shown() {
    let bench = Bench::new(Faults {
        token: Some("hf_secret"),
        ..Faults::default()
    });
    let stored = bench.sandbox.path("cache/huggingface/token");
    fs::create_dir_all(stored.parent().unwrap()).unwrap();
    fs::write(stored, "hf_secret\n").unwrap();
    for variables in [
        &[][..],
        &[("HF_TOKEN", "hf_secret")],
        &[("HF_TOKEN", "hf_wrong")],
    ] {
        let wrong = variables.contains(&("HF_TOKEN", "hf_wrong"));
        let run = bench.run_with(variables, &["pull", "--again", NAME]);
        let run = run.expect_code(if wrong { 2 } else { 0 });
        assert!(!run.to_string().contains("hf_"), "{run}");
    }
    let notes = fs::read_to_string(
        bench
            .sandbox
            .path("data/fathom/models")
            .join(NAME)
            .join("model.json"),
    );
    assert!(!notes.unwrap().contains("hf_"));
}

#[test]
fn ctrl_c_keeps_what_came() {
    let slow = Faults {
        pause: Duration::from_millis(20),
        ..Faults::default()
    };
    let bench = Bench::with(model(8 << 20, 3), slow);
    let child = bench.command(&["pull", NAME]).spawn().unwrap();
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    bench.wait_for_part(1 << 20);
    kill_process(pid, Signal::INT).unwrap();
    let run = wait(child, &["pull"]).expect_code(130);
    assert!(run.stderr.contains("what came is kept"), "{run}");
    let (part, kept) = bench.blobs().remove(0);
    assert!(part.extension().unwrap() == "part" && kept >= 1 << 20);
    bench.hub.faults(Faults::default());
    bench.hub.asked();
    // Not a sound model, as its warning says, but the hub's own bytes.
    let run = bench.run(&["pull", NAME]).expect_code(0);
    assert!(run.stderr.contains("no sound model"), "{run}");
    let from = bench
        .hub
        .asked()
        .iter()
        .filter_map(|asked| asked.from)
        .max();
    assert_eq!(from, Some(kept as usize));
    assert_eq!(bench.blobs().len(), 1);
}

#[test]
fn a_killed_pull_is_continued() {
    let slow = Faults {
        pause: Duration::from_millis(20),
        ..Faults::default()
    };
    let bench = Bench::with(model(8 << 20, 3), slow);
    let mut child: Child = bench.command(&["pull", NAME]).spawn().unwrap();
    bench.wait_for_part(1 << 20);
    child.kill().unwrap();
    child.wait().unwrap();
    bench.hub.faults(Faults::default());
    bench.hub.asked();
    bench.run(&["pull", NAME]).expect_code(0);
    let from = bench
        .hub
        .asked()
        .iter()
        .filter_map(|asked| asked.from)
        .max();
    assert!(from >= Some(1 << 20), "{from:?}");
}

#[test]
fn two_processes_fetch_once() {
    let slow = Faults {
        pause: Duration::from_millis(30),
        ..Faults::default()
    };
    let bench = Bench::new(slow);
    let children = [(); 2].map(|()| bench.command(&["pull", NAME]).spawn().unwrap());
    let runs = children.map(|child| wait(child, &["pull"]).expect_code(0));
    let waited = runs
        .iter()
        .filter(|run| run.stderr.contains("another process fetches"))
        .count();
    assert_eq!(waited, 1, "{}\n{}", runs[0], runs[1]);
    let fetches = bench
        .hub
        .asked()
        .into_iter()
        .filter(|asked| asked.path.starts_with("/cdn/"));
    assert_eq!(fetches.count(), 1);
    bench.run(&["verify"]).expect_code(0);
}

#[test]
fn a_full_disk_keeps_what_came() {
    let bench = Bench::with(model(4 << 20, 5), Faults::default());
    // No process of this shell may write a file of more than 2 MiB.
    let script = r#"trap "" XFSZ; ulimit -f 2048; exec "$0" model pull "$1""#;
    let limited = bench.command(&[]);
    let mut shell = Command::new("bash");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_fathom"), NAME]);
    shell.env_clear().envs(
        limited
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = shell.output().unwrap();
    let run = Run::from(output).expect_code(2);
    assert!(
        run.stderr
            .contains("make room and run the same command again"),
        "{run}"
    );
    assert!(bench.blobs()[0].1 <= 2 << 20);
    bench.run(&["pull", NAME]).expect_code(0);
    assert_eq!(bench.blobs()[0].1, 4 << 20);
}

#[test]
fn more_than_the_disk_has_is_not_begun() {
    let bench = Bench::new(Faults::default());
    // As the hub's description says; nothing of it is ever sent.
    bench.hub.declare(1 << 60);
    let run = bench.run(&["pull", "-q", NAME]).expect_code(2);
    assert!(run.stderr.contains("are needed in"), "{run}");
    assert!(run.stderr.contains("set HF_HUB_CACHE"), "{run}");
    assert!(bench.blobs().is_empty());
}

#[test]
fn models_come_from_files_folders_and_archives() {
    let bench = Bench::new(Faults::default());
    let tree = bench.sandbox.tree();
    fs::write(tree.join("My Reader-q8_0.gguf"), fixture("reader-tiny")).unwrap();
    fs::create_dir(tree.join("folder")).unwrap();
    fs::write(
        tree.join("folder/recurrent.gguf"),
        fixture("recurrent-tiny"),
    )
    .unwrap();
    let mut archive = tar::Builder::new(fs::File::create(tree.join("a.tar")).unwrap());
    archive
        .append_path_with_name(tree.join("folder/recurrent.gguf"), "deep/in/packed.gguf")
        .unwrap();
    archive.finish().unwrap();
    check!(bench.sandbox, bench.run(&["import", "My Reader-q8_0.gguf"]), @r"
    exit 0
    --- stdout
    imported `my-reader-q8_0` (870 kB); use it with `--model my-reader-q8_0`
    --- stderr
    licence: Apache-2.0
    ");
    check!(bench.sandbox, bench.run(&["import", "--name", "mine", "folder"]), @r"
    exit 0
    --- stdout
    imported `mine` (74 kB); use it with `--model mine`
    --- stderr
    licence: Apache-2.0
    ");
    check!(bench.sandbox, bench.run(&["import", "a.tar"]), @r"
    exit 0
    --- stdout
    imported `packed` (74 kB); use it with `--model packed`
    --- stderr
    licence: Apache-2.0
    ");
    check!(bench.sandbox, bench.run(&["import", "a.tar"]), @r"
    exit 0
    --- stdout
    imported `packed` (74 kB, was here already); use it with `--model packed`
    --- stderr
    licence: Apache-2.0
    ");
    let list = bench.run(&["list", "--json"]).json();
    let names = list["models"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["default", "mine", "my-reader-q8_0", "packed"]);
    let lookup = |name| bench.run(&["show", "--json", name]).json()["prompt_lookup"].clone();
    assert_eq!(
        (lookup("mine"), lookup("my-reader-q8_0")),
        (false.into(), true.into())
    );
    bench.run(&["verify"]).expect_code(0);
    assert!(bench.hub.asked().is_empty());
    bench
        .run(&["remove", "mine", "my-reader-q8_0", "packed"])
        .expect_code(0);
    assert!(bench.sandbox.files("data/fathom/models").is_empty());
    assert!(tree.join("folder/recurrent.gguf").exists());
}

#[test]
fn what_cannot_be_imported_leaves_nothing() {
    let bench = Bench::new(Faults::default());
    let tree = bench.sandbox.tree();
    let whole = fixture("reader-tiny");
    for (file, bytes) in [
        ("page.gguf", &b"<html>"[..]),
        ("cut.gguf", &whole[..whole.len() / 2]),
        ("empty/readme", b""),
        ("two/a.gguf", &whole),
        ("two/b.gguf", &whole),
        ("part/a-00001-of-00002.gguf", &whole),
        ("again/qwen.gguf", &whole),
        ("other/qwen.gguf", &fixture("recurrent-tiny")),
    ] {
        fs::create_dir_all(tree.join(file).parent().unwrap()).unwrap();
        fs::write(tree.join(file), bytes).unwrap();
    }
    for (args, why) in [
        (
            &["page.gguf"][..],
            "it is not a GGUF file (it begins with `<htm`)",
        ),
        (&["cut.gguf"], "it is cut off"),
        (&["empty"], "there is no GGUF file in `empty`"),
        (&["two"], "holds several models (`a.gguf`, `b.gguf`)"),
        (&["part"], "lacks `a-00002-of-00002.gguf`"),
        (
            &["part/a-00001-of-00002.gguf"],
            "lacks `a-00002-of-00002.gguf`",
        ),
        (&["nowhere.gguf"], "cannot read `nowhere.gguf`"),
        (
            &["--name", "../x", "two/a.gguf"],
            "cannot be the name of a model",
        ),
    ] {
        let run = bench.run(&[&["import"], args].concat()).expect_code(2);
        assert!(run.stderr.contains(why), "{args:?}: {run}");
    }
    let models = bench.sandbox.path("data/fathom/models");
    assert!(!models.exists() || bench.sandbox.files("data/fathom/models").is_empty());
    bench.run(&["import", "again"]).expect_code(0);
    let taken = bench.run(&["import", "other"]).expect_code(2);
    assert!(taken.stderr.contains("fathom model remove qwen"), "{taken}");
    bench.run(&["verify", "qwen"]).expect_code(0);
}

#[test]
fn damage_is_found_and_mended() {
    let bench = Bench::new(Faults::default());
    bench.run(&["pull", NAME]).expect_code(0);
    let blob = bench.blobs().remove(0).0;
    let mut bytes = fs::read(&blob).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&blob, &bytes).unwrap();
    let run = bench.run(&["verify"]).expect_code(2);
    assert!(run.stdout.contains("its hash is"), "{run}");
    assert!(
        run.stdout
            .contains(&format!("run `fathom model pull --again {NAME}`")),
        "{run}"
    );
    bench.run(&["pull", "--again", NAME]).expect_code(0);
    bench.run(&["verify"]).expect_code(0);
    fs::write(&blob, &bytes[..1000]).unwrap();
    let run = bench.run(&["list"]).expect_code(0);
    assert!(
        run.stdout.contains("damaged: its header is damaged"),
        "{run}"
    );
    bench.run(&["show", NAME]).expect_code(2);
    // Another length is not taken for the file.
    bench.run(&["pull", NAME]).expect_code(0);
    bench.run(&["verify"]).expect_code(0);
}

#[test]
fn files_of_other_tools_stay() {
    let bench = Bench::new(Faults::default());
    bench.run(&["pull", NAME]).expect_code(0);
    // As if another tool had fetched it.
    fs::remove_dir_all(bench.sandbox.path("data/fathom/models")).unwrap();
    let run = bench.run(&["remove", NAME]).expect_code(2);
    assert!(run.stderr.contains("add `--shared`"), "{run}");
    bench.run(&["pull", NAME]).expect_code(0);
    bench.run(&["remove", NAME]).expect_code(2);
    fs::write(bench.sandbox.tree().join("x.gguf"), fixture("reader-tiny")).unwrap();
    let run = bench.run(&["remove", "./x.gguf"]).expect_code(2);
    assert!(run.stderr.contains("delete the file yourself"), "{run}");
    let run = bench.run(&["remove", "default"]).expect_code(2);
    assert!(run.stderr.contains("part of the program"), "{run}");
    bench.run(&["remove", "--shared", NAME]).expect_code(0);
    assert!(bench.blobs().is_empty());
}

#[test]
fn models_in_parts_are_one_model() {
    let parts = [
        "big-Q8_0-00001-of-00002.gguf",
        "big-Q8_0-00002-of-00002.gguf",
    ];
    let hub = FakeHub::serve(
        "some/Big-GGUF",
        &[
            (parts[0], fixture("reader-tiny")),
            (parts[1], fixture("recurrent-tiny")),
            ("README.md", b"# Big".to_vec()),
        ],
    );
    let bench = Bench {
        sandbox: Sandbox::new(&[]),
        hub,
    };
    let pulled = bench
        .run(&["pull", "--json", "some/Big-GGUF:q8_0"])
        .expect_code(0)
        .json();
    assert_eq!(pulled["model"]["files"].as_array().unwrap().len(), 2);
    assert_eq!(pulled["model"]["name"], "some/Big-GGUF");
    bench.run(&["verify", "some/Big-GGUF:Q8_0"]).expect_code(0);
    let run = bench
        .run(&["pull", "-q", "some/Big-GGUF:q2_k"])
        .expect_code(2);
    assert!(run.stderr.contains("as in `some/Big-GGUF:Q8_0`"), "{run}");
    bench.run(&["remove", "some/Big-GGUF:Q8_0"]).expect_code(0);
    assert!(bench.sandbox.files("data/fathom/models").is_empty());
}

#[test]
fn a_model_is_recommended_with_reasons() {
    let bench = Bench::new(Faults::default());
    let args = ["recommend", "--threads", "4", "--memory"];
    check!(bench.sandbox, bench.run(&[&args[..], &["8"]].concat()), @r"
    exit 0
    --- stdout
    8.0 GB of memory, of which a model may take 4.8; 4 threads
    speeds are a cautious guess; `fathom model bench MODEL` measures this machine
      qwen2.5-coder-0.5b     0.8 GB    32.7 tokens/s  a stronger one fits
    * qwen2.5-coder-1.5b     1.6 GB    10.4 tokens/s  recommended
      qwen2.5-coder-3b       2.8 GB     5.2 tokens/s  licence: Qwen Research Licence (not for commercial use)
      qwen3-4b               4.2 GB     4.0 tokens/s  about 4 tokens/s on 4 cores
      qwen2.5-coder-7b       5.8 GB     2.1 tokens/s  takes 5.8 GB, too much of 8 GB
      qwen3-coder-30b-a3b   36.8 GB     4.8 tokens/s  takes 36.8 GB, too much of 8 GB
    fetch it with `fathom model pull qwen2.5-coder-1.5b`
    --- stderr
    ");
    bench.run(&[&args[..], &["0.5"]].concat()).expect_code(1);
    let json = bench.run(&["recommend", "--json"]).json();
    assert!(json["machine"]["memory"].as_u64() > Some(0));
}

#[cfg(feature = "llama")]
#[test]
fn a_model_is_measured() {
    let bench = Bench::new(Faults::default());
    bench.run(&["pull", NAME]).expect_code(0);
    let args = ["bench", "--json", "--prompt", "256", "--answer", "8", NAME];
    let json = bench.run(&args).expect_code(0).json();
    assert!(
        json["prefill_tokens_per_second"].as_f64() > Some(0.0),
        "{json}"
    );
    assert!(
        json["decode_tokens_per_second"].as_f64() > Some(0.0),
        "{json}"
    );
    assert!(json["prompt_tokens"].as_u64() <= Some(256), "{json}");
    let costs = json["costs"].as_array().unwrap();
    assert!(costs.len() >= 3 && costs[0]["cost"] == 1.0, "{json}");
}
