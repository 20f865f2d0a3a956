//! Encoder models: import, pull, selection, a change of models, reranking.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{Run, SMALL, Sandbox};
use crate::fake_hub::{BRANCH, COMMIT, FakeHub};
use crate::watch::{Daemon, becomes};

const QUERY: &str = "where is a file opened";
/// Long enough to be judged.
const LONG: &str = "takes the lock of the only writer and waits for it while another process still has the file open";

pub fn fixture(name: &str) -> PathBuf {
    Path::new("encoders/tests/fixtures")
        .canonicalize()
        .unwrap()
        .join(name)
}

/// A sandbox with these models imported.
pub fn with(models: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new(SMALL);
    for model in models {
        let folder = fixture(model);
        let args = ["model", "import", folder.to_str().unwrap()];
        sandbox.run(&args).expect_code(0);
    }
    sandbox
}

pub fn select(sandbox: &Sandbox, models: &[&str]) -> Run {
    let args = [&["model", "use"], models].concat();
    sandbox.run(&args).expect_code(0)
}

pub fn status(sandbox: &Sandbox) -> Value {
    sandbox.run(&["status", "--json"]).expect_code(0).json()
}

/// Name of the model that answers, and of the one that is to.
pub fn answering(sandbox: &Sandbox) -> (String, Option<String>) {
    let status = status(sandbox);
    let name = |id: &Value| {
        id.as_str()
            .map(|id| id.split('@').next().unwrap().to_owned())
    };
    (
        name(&status["profile"]).unwrap(),
        name(&status["next_profile"]),
    )
}

#[test]
fn an_encoder_lives_from_import_to_remove() {
    let sandbox = with(&["colbert-export"]);
    let shown = sandbox.run(&["model", "show", "colbert-export", "--json"]);
    let shown = shown.expect_code(0).json();
    assert_eq!(shown["kind"], "late-interaction");
    assert_eq!(
        (&shown["token_dim"], &shown["dense_dim"]),
        (&16.into(), &0.into())
    );
    let listed = sandbox.run(&["model", "list"]).expect_code(0).stdout;
    for line in [
        "colbert-export          late-interaction",
        "lateon-code             late-interaction   ~160 MB",
        "embeddinggemma          dense",
        "jina-reranker-v2        cross-encoder",
    ] {
        assert!(listed.contains(line), "{line}\n{listed}");
    }
    let again = fixture("colbert-export");
    let again = sandbox.run(&["model", "import", again.to_str().unwrap()]);
    assert!(again.expect_code(0).stdout.contains("was here already"));
    sandbox.run(&["model", "verify"]).expect_code(0);
    let graph = sandbox.path("data/fathom/models/colbert-export/model.onnx");
    let mut bytes = fs::read(&graph).unwrap();
    bytes[1000] ^= 1;
    fs::write(&graph, bytes).unwrap();
    let verified = sandbox.run(&["model", "verify", "colbert-export"]);
    let verified = verified.expect_code(2).stdout;
    assert!(
        verified.contains("fathom model remove colbert-export"),
        "{verified}"
    );
    sandbox
        .run(&["model", "remove", "colbert-export"])
        .expect_code(0);
    assert!(!sandbox.path("data/fathom/models/colbert-export").exists());
    let gone = sandbox
        .run(&["model", "use", "colbert-export"])
        .expect_code(2);
    assert!(gone.stderr.contains("is not on this machine"), "{gone}");
}

#[test]
fn a_daemon_goes_on_with_the_models_that_are_selected_later() {
    let sandbox = with(&["colbert-export"]);
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until_fresh();
    select(&sandbox, &["colbert-export"]);
    sandbox.run(&["search", QUERY]).expect_code(0);
    daemon.until("the other index answers", |_| {
        answering(&sandbox) == ("colbert-export".to_owned(), None)
    });
    let status = daemon.until_fresh();
    assert_eq!(
        status["pid"].as_i64(),
        Some(daemon.pid().as_raw_nonzero().get().into())
    );
    sandbox.write("src/new.rs", "pub fn brand_new() {}\n");
    becomes(&sandbox, "brand_new", &["src/new.rs"]);
}

#[test]
fn archives_hold_encoders_packed_or_not() {
    let sandbox = Sandbox::new(SMALL);
    let plain = sandbox.path("tmp/pylate.tar");
    let mut archive = tar::Builder::new(fs::File::create(&plain).unwrap());
    archive
        .append_dir_all("some/mine", fixture("pylate"))
        .unwrap();
    archive.finish().unwrap();
    let packed = sandbox.path("tmp/other.tar.gz");
    let file = fs::File::create(&packed).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::copy(&mut fs::File::open(&plain).unwrap(), &mut gzip).unwrap();
    gzip.finish().unwrap();
    for (path, name, expected) in [(&plain, None, "mine"), (&packed, Some("packed"), "packed")] {
        let mut args = vec!["model", "import", path.to_str().unwrap()];
        args.extend(name.iter().flat_map(|name| ["--name", name]));
        let imported = sandbox.run(&args).expect_code(0).stdout;
        let told = format!("imported `{expected}` (late-interaction");
        assert!(imported.contains(&told), "{imported}");
    }
    let model = sandbox.path("data/fathom/models/mine");
    assert!(model.join("onnx/model.onnx").is_file() && !model.join("model.safetensors").exists());
}

#[test]
fn what_makes_no_model_leaves_nothing() {
    let sandbox = Sandbox::new(SMALL);
    let broken = sandbox.path("tmp/broken");
    fs::create_dir_all(&broken).unwrap();
    for file in ["tokenizer.json", "onnx_config.json"] {
        fs::copy(fixture("colbert-export").join(file), broken.join(file)).unwrap();
    }
    let run = sandbox.run(&["model", "import", broken.to_str().unwrap()]);
    let run = run.expect_code(2);
    assert!(run.stderr.contains("export it first"), "{run}");
    let left: Vec<_> = fs::read_dir(sandbox.path("data/fathom/models"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_named_model_is_pulled_and_its_licence_told() {
    let sandbox = Sandbox::new(SMALL);
    let bytes = |file: &str| fs::read(fixture("colbert-export").join(file)).unwrap();
    let hub = FakeHub::serve(
        "lightonai/LateOn-Code",
        &[
            ("README.md", b"not needed".to_vec()),
            ("model.safetensors", vec![0; 100]),
            ("onnx_config.json", bytes("onnx_config.json")),
            ("tokenizer.json", bytes("tokenizer.json")),
            ("model_int8.onnx", bytes("model.onnx")),
        ],
    );
    let endpoint = hub.endpoint();
    let run = |args: &[&str]| sandbox.run_with(&[("HF_ENDPOINT", &endpoint)], args);
    let pulled = run(&["model", "pull", "lateon-code"]).expect_code(0);
    assert!(pulled.stderr.contains("licence: "), "{pulled}");
    assert!(!pulled.stderr.contains("README"), "{pulled}");
    assert!(
        pulled
            .stdout
            .contains("models--lightonai--LateOn-Code/snapshots")
    );
    for name in ["lateon-code", "lightonai/LateOn-Code"] {
        let shown = run(&["model", "show", name, "--json"])
            .expect_code(0)
            .json();
        assert_eq!(
            (&shown["name"], &shown["place"]),
            (&"lateon-code".into(), &"hub cache".into())
        );
    }
    run(&["model", "verify", "lateon-code"]).expect_code(0);
    let used = select(&sandbox, &["lateon-code"]);
    assert!(used.stderr.contains("is licensed under"), "{used}");
    assert!(used.stderr.contains("of memory"), "{used}");
    assert!(!sandbox.found(&[QUERY]).is_empty());
    assert_eq!(answering(&sandbox), ("lateon-code".into(), None));
    run(&["model", "remove", "lateon-code"]).expect_code(0);
    let folder = sandbox.path("cache/huggingface/hub/models--lightonai--LateOn-Code");
    assert!(!folder.exists());
}

/// Two revisions of a model side by side: each is found by its name, and says which it is.
#[test]
fn a_branch_is_pulled_and_noted() {
    let sandbox = Sandbox::new(SMALL);
    let bytes = |file: &str| fs::read(fixture("colbert-export").join(file)).unwrap();
    let files = [
        ("onnx_config.json", bytes("onnx_config.json")),
        ("tokenizer.json", bytes("tokenizer.json")),
        ("model_int8.onnx", bytes("model.onnx")),
    ];
    let hub = FakeHub::serve("lightonai/LateOn-Code", &files);
    let endpoint = hub.endpoint();
    let run = |args: &[&str]| sandbox.run_with(&[("HF_ENDPOINT", &endpoint)], args);
    for (name, commit) in [("lateon-code", COMMIT), ("lateon-code@v1", BRANCH)] {
        let pulled = run(&["model", "pull", name]).expect_code(0);
        let told = format!("/lightonai/LateOn-Code at {},", &commit[..12]);
        assert!(pulled.stderr.contains(&told), "{pulled}");
        let folder = format!("models--lightonai--LateOn-Code/snapshots/{commit}\n");
        assert!(pulled.stdout.ends_with(&folder), "{pulled}");
    }
    for (name, commit) in [
        ("lateon-code", COMMIT),
        ("lateon-code@v1", BRANCH),
        ("lightonai/LateOn-Code@v1", BRANCH),
        (&format!("lateon-code@{BRANCH}"), BRANCH),
    ] {
        let shown = run(&["model", "show", name, "--json"]).expect_code(0);
        let origin = format!("{endpoint}/lightonai/LateOn-Code at {commit}");
        assert_eq!(shown.json()["origin"], *origin, "{name}");
    }
    let note = fs::read_to_string(sandbox.path("data/fathom/models/lateon-code/model.json"));
    assert!(note.unwrap().contains(r#""revision": "v1""#));
    run(&["model", "use", "lateon-code@v1"]).expect_code(0);
    run(&["index"]).expect_code(0);
    let config = fs::read_to_string(sandbox.path("config/fathom/config.toml")).unwrap();
    assert!(config.contains("\"lateon-code@v1\""), "{config}");
    assert_eq!(answering(&sandbox), ("lateon-code".into(), None));
}

#[test]
fn a_change_of_models_leaves_no_moment_without_answers() {
    let sandbox = with(&["colbert-export", "gemma-modules"]);
    sandbox.run(&["index"]).expect_code(0);
    let late = |sandbox: &Sandbox| sandbox.run(&["search", "--mode", "late", QUERY]);
    for (models, before, after) in [
        (&["colbert-export"][..], "default", "colbert-export"),
        (
            &["colbert-export", "gemma-modules"],
            "colbert-export",
            "colbert-export",
        ),
        (&["default"], "colbert-export", "default"),
    ] {
        select(&sandbox, models);
        let (answers, next) = answering(&sandbox);
        assert_eq!((answers.as_str(), next.as_deref()), (before, Some(after)));
        // A file that is new while the old model answers is found by it.
        let name = format!("new_{}.rs", models.len() + before.len());
        sandbox.write(&name, "fn opened_anew(path: &str) -> File { open(path) }\n");
        let found = late(&sandbox).expect_code(0);
        assert!(
            found.stderr.contains("answers until the index of"),
            "{found}"
        );
        assert!(found.stdout.contains(&name), "{found}");
        sandbox.run(&["index"]).expect_code(0);
        assert_eq!(answering(&sandbox), (after.to_owned(), None));
        let found = late(&sandbox).expect_code(0);
        assert!(!found.stderr.contains("answers until"), "{found}");
    }
    // What was made before is still there.
    select(&sandbox, &["colbert-export"]);
    let again = sandbox.run(&["index"]).expect_code(0);
    assert!(!again.stderr.contains("encoded: 4"), "{again}");
    let unused = |sandbox: &Sandbox| status(sandbox)["unused_indexes"].as_array().unwrap().len();
    assert_eq!(unused(&sandbox), 1);
    let told = sandbox.run(&["status"]).expect_code(0).stdout;
    assert!(told.contains("1 by other models"), "{told}");
    let cleared = sandbox.run(&["clear", "--unused"]).expect_code(0);
    assert!(cleared.stderr.contains("deleted 1 unused"), "{cleared}");
    assert_eq!(unused(&sandbox), 0);
    assert!(!late(&sandbox).expect_code(0).stdout.is_empty());
    sandbox.run(&["clear"]).expect_code(0);
    assert_eq!(sandbox.files("data/fathom/repos"), []);
}

#[test]
fn two_models_make_one_kind_of_vectors_each() {
    let sandbox = with(&["colbert-export", "gemma-modules"]);
    select(&sandbox, &["colbert-export", "gemma-modules"]);
    sandbox.run(&["index"]).expect_code(0);
    let models = status(&sandbox)["models"].clone();
    let kinds: Vec<&str> = (0..2)
        .map(|at| models[at]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["late-interaction", "dense"]);
    for mode in ["hybrid", "late", "dense"] {
        assert!(
            !sandbox.found(&["--mode", mode, QUERY]).is_empty(),
            "{mode}"
        );
    }
    sandbox.run(&["check"]).expect_code(0);
    sandbox.run(&["doctor"]).expect_code(0);
    for (model, works, fails, lacking) in [
        ("colbert-export", "late", "dense", "dense vectors"),
        ("gemma-modules", "dense", "late", "token vectors"),
    ] {
        select(&sandbox, &[model]);
        sandbox.run(&["index"]).expect_code(0);
        for mode in ["hybrid", works] {
            assert!(
                !sandbox.found(&["--mode", mode, QUERY]).is_empty(),
                "{mode}"
            );
        }
        let run = sandbox
            .run(&["search", "--mode", fails, QUERY])
            .expect_code(2);
        assert!(run.stderr.contains(lacking), "{run}");
        let (file, _) = SMALL[0];
        sandbox
            .run(&["similar", &format!("{file}:1")])
            .expect_code(0);
        sandbox.run(&["check"]).expect_code(0);
    }
}

#[test]
fn dense_vectors_are_as_long_as_the_user_says() {
    let sandbox = Sandbox::new(SMALL);
    let folder = fixture("gemma-onnx");
    let folder = folder.to_str().unwrap();
    let import = ["model", "import", folder, "--name", "embeddinggemma"];
    let imported = sandbox.run(&import).expect_code(0);
    assert!(imported.stderr.contains("Gemma terms of use"), "{imported}");
    select(&sandbox, &["default", "embeddinggemma:256"]);
    sandbox.run(&["index"]).expect_code(0);
    let profile = status(&sandbox)["profile"].as_str().unwrap().to_owned();
    assert!(profile.contains("+embeddinggemma:256@"), "{profile}");
    assert!(!sandbox.found(&["--mode", "dense", QUERY]).is_empty());
    let wrong = sandbox.run(&["model", "use", "default", "embeddinggemma:300"]);
    let wrong = wrong.expect_code(2).stderr;
    assert!(
        wrong.contains("can have 768, 512, 256, 128 numbers, not 300"),
        "{wrong}"
    );
}

#[test]
fn a_model_in_fathoms_own_layout_keeps_its_codebook() {
    let sandbox = Sandbox::new(SMALL);
    let folder = Path::new("encoders/models/default").canonicalize().unwrap();
    let import = [
        "model",
        "import",
        folder.to_str().unwrap(),
        "--name",
        "mine",
    ];
    sandbox.run(&import).expect_code(0);
    select(&sandbox, &["mine"]);
    sandbox.run(&["index"]).expect_code(0);
    assert!(!sandbox.found(&["--mode", "late", QUERY]).is_empty());
    assert!(judged(&sandbox, &[LONG]), "the judge comes along");
    sandbox.run(&["check"]).expect_code(0);
}

#[test]
fn long_questions_are_judged() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    for (args, expected) in [
        (&[LONG][..], true),
        (&["--mode", "late", LONG], true),
        (&["--mode", "dense", LONG], false),
        (&["--mode", "lexical", LONG], false),
        (&[QUERY], false),
    ] {
        assert_eq!(judged(&sandbox, args), expected, "{args:?}");
    }
}

/// Whether the judge has a part in a result's score.
fn judged(sandbox: &Sandbox, args: &[&str]) -> bool {
    let args = [&["search", "--json", "--explain-score"], args].concat();
    let found = sandbox.run(&args).expect_code(0).json();
    let results = found["results"].as_array().unwrap();
    results.iter().any(|one| one["scores"]["judge"].is_number())
}

#[test]
fn selections_that_cannot_be_are_refused() {
    let sandbox = with(&["colbert-export", "cross-bert"]);
    for (models, why) in [
        (&["nobody"][..], "`nobody` is not on this machine"),
        (&["lateon-code"], "run `fathom model pull lateon-code`"),
        (
            &["colbert-export", "colbert-export:8"],
            "only dense vectors can be cut",
        ),
        (
            &["cross-bert", "default", "colbert-export"],
            "gives no dense vectors",
        ),
    ] {
        let args = [&["model", "use"], models].concat();
        let run = sandbox.run(&args).expect_code(2);
        assert!(run.stderr.contains(why), "{run}");
    }
    assert!(!sandbox.path("config/fathom/config.toml").exists());
    fs::create_dir_all(sandbox.path("config/fathom")).unwrap();
    let file = sandbox.path("config/fathom/config.toml");
    fs::write(&file, "# mine\ntop-k = 3 # three\n").unwrap();
    select(&sandbox, &["colbert-export", "default"]);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# mine\ntop-k = 3 # three\n"), "{text}");
    assert!(
        text.contains("encoder = [\"colbert-export\", \"default\"]"),
        "{text}"
    );
    select(&sandbox, &["default"]);
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "# mine\ntop-k = 3 # three\n"
    );
    fs::write(&file, "provider = \"abacus\"\n").unwrap();
    let run = sandbox.run(&["search", QUERY]).expect_code(2);
    assert!(
        run.stderr.contains("one of cpu, cuda, coreml, directml"),
        "{run}"
    );
}

/// The tested runtime computes on the processor only.
#[test]
fn a_provider_that_is_not_there_is_not_replaced_in_silence() {
    let sandbox = with(&["colbert-export", "cross-bert"]);
    sandbox.run(&["index"]).expect_code(0);
    let file = sandbox.path("config/fathom/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    for provider in ["cuda", "coreml", "directml"] {
        let told = |run: &Run, beginning: &str| {
            let what = format!("{beginning}this ONNX Runtime does not compute with `{provider}`: ");
            assert!(run.stderr.contains(&what), "{run}");
            assert!(run.stderr.contains("or `provider = \"cpu\"`"), "{run}");
        };
        for encoder in ["default", "colbert-export"] {
            let text = format!("encoder = \"{encoder}\"\nprovider = \"{provider}\"\n");
            fs::write(&file, text).unwrap();
            let late = sandbox.run(&["search", "--mode", "late", QUERY]);
            told(&late.expect_code(2), "error: ");
            let hybrid = sandbox.run(&["search", QUERY]).expect_code(0);
            told(&hybrid, "warning: searching by words only: ");
        }
        // The index of the other model is not there yet.
        told(&sandbox.run(&["index"]).expect_code(2), "error: ");
        let text = format!("reranker = \"cross-bert\"\nprovider = \"{provider}\"\n");
        fs::write(&file, text).unwrap();
        let reranked = sandbox.run(&["search", "--rerank", QUERY]).expect_code(2);
        told(&reranked, "error: ");
    }
}

#[test]
fn a_cross_encoder_reranks_where_it_is_told_to() {
    let sandbox = with(&["cross-bert"]);
    let reranked = |args: &[&str]| -> bool {
        let args = [&["search", "--json", "--explain-score"], args, &[QUERY]].concat();
        sandbox
            .run(&args)
            .expect_code(0)
            .stdout
            .contains("\"rerank\"")
    };
    let without = sandbox.run(&["search", "--rerank", QUERY]).expect_code(2);
    assert!(
        without.stderr.contains("no reranker is selected"),
        "{without}"
    );
    let used = select(&sandbox, &["cross-bert"]);
    assert!(used.stdout.contains("selected `cross-bert`"), "{used}");
    assert!(!reranked(&[]) && reranked(&["--rerank"]));
    let one = sandbox.found(&["--rerank", "-k", "1", QUERY]);
    assert_eq!(one.len(), 1);
    let file = sandbox.path("config/fathom/config.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("rerank = true\n{text}")).unwrap();
    assert!(reranked(&[]) && !reranked(&["--no-rerank"]));
    let regex = ["search", "--mode", "regex", "fn"];
    sandbox.run(&regex).expect_code(0);
    sandbox
        .run(&["model", "use", "--no-reranker"])
        .expect_code(0);
    assert!(!reranked(&[]));
}

#[test]
fn what_a_cross_encoder_is_worth_is_measured() {
    let sandbox = with(&["cross-bert"]);
    let labels = sandbox.path("labels");
    fs::create_dir_all(labels.join("annotations")).unwrap();
    let repositories = r#"[{"name": "tree", "language": "rust"}]"#;
    fs::write(labels.join("repos.json"), repositories).unwrap();
    let questions =
        format!(r#"[{{"query": "{QUERY}", "category": "semantic", "relevant": ["nowhere.rs"]}}]"#);
    fs::write(labels.join("annotations/tree.json"), questions).unwrap();
    let (labels, sources) = (labels.display().to_string(), sandbox.path(""));
    let sources = sources.to_str().unwrap();
    let args = ["eval", &labels, "--sources", sources, "--rerank", "--json"];
    let without = sandbox.run(&args).expect_code(2);
    assert!(
        without.stderr.contains("no reranker is selected"),
        "{without}"
    );
    select(&sandbox, &["cross-bert"]);
    let found = |mode: &str| {
        let json = sandbox.run(&[&args[..], &["--mode", mode]].concat()).json();
        let modes = json["modes"].as_object().unwrap();
        modes.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found("hybrid"), "hybrid hybrid+");
    assert_eq!(found("lexical"), "lexical");
}
