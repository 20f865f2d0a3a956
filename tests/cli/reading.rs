//! Answers by the model that the project makes itself, through the built program.

use serde_json::Value;

use crate::answers::piped;
use crate::asking::{fixture, indexed};
use crate::common::Sandbox;

/// Files of this repository as they once were.
fn code() -> Sandbox {
    let file = |name: &str| {
        let path = format!("answerer/tests/fixtures/code/{name}.rs.txt");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        (
            format!("src/{name}.rs"),
            std::fs::read_to_string(path).unwrap(),
        )
    };
    let files = ["cost", "decode", "ngrams", "text"].map(file);
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    indexed(&files)
}

/// Asks the model, whatever the tiers before it say.
fn ask(sandbox: &Sandbox, question: &str, more: &[&str]) -> Value {
    let model = fixture();
    let args = [
        "ask",
        "--json",
        "-k1",
        "--model",
        &model,
        "--max-tokens",
        "300",
    ];
    let args = [&args[..], &["--confidence-threshold", "2", question], more].concat();
    sandbox.run(&args).expect_code(0).json()
}

const QUESTIONS: [&str; 8] = [
    "where is `overlap`",
    "where is `agreement`",
    "where is `take_complete`",
    "where is Counts",
    "how is the cost of a pass measured",
    "where are n-grams counted",
    "what does `rank` decide",
    "what ends an answer at a stop text",
];

/// The model is as small as can be and errs; how often is what matters.
#[test]
fn citations_are_verified_from_the_question_to_the_answer() {
    let sandbox = code();
    let (mut cited, mut quoted, mut drafted) = (0, 0, 0);
    for question in QUESTIONS {
        let json = ask(&sandbox, question, &[]);
        let checked = |kind: &str| json["checked"][kind]["verified"].as_u64().unwrap();
        cited += u64::from(checked("citations") > 0);
        quoted += u64::from(checked("quotes") > 0);
        drafted += json["stats"]["drafts"][0]["accepted"].as_u64().unwrap();
        for source in json["sources"].as_array().unwrap() {
            let path = source["path"].as_str().unwrap();
            let text = std::fs::read_to_string(sandbox.tree().join(path)).unwrap();
            assert!(source["end_line"].as_u64().unwrap() <= text.lines().count() as u64);
        }
        // Without drafts it says the same.
        let plain = ask(&sandbox, question, &["--no-lookup"]);
        assert_eq!(plain["answer"], json["answer"]);
        assert_eq!(plain["stats"]["drafts"], serde_json::json!([]));
    }
    assert!(
        cited >= 6 && quoted >= 2 && drafted > 40,
        "{cited} {quoted} {drafted}"
    );
}

#[test]
fn the_rules_are_computed_once_for_all_runs() {
    let sandbox = code();
    let cached = |question| {
        ask(&sandbox, question, &[])["stats"]["cached_tokens"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(cached(QUESTIONS[0]), 0);
    let again = cached(QUESTIONS[1]);
    assert!(again > 200, "{again}");
}

#[test]
fn options_reach_the_model() {
    let sandbox = code();
    let model = fixture();
    let adapter = model.replace("reader-tiny", "adapter-tiny");
    let answer = |more: &[&str]| ask(&sandbox, QUESTIONS[0], more)["answer"].clone();
    let plain = answer(&[]);
    assert_eq!(answer(&["--lora", &format!("{adapter}=0")]), plain);
    assert_ne!(answer(&["--lora", &adapter]), plain);
    assert_eq!(answer(&["--draft", &model]), plain);
    assert_eq!(answer(&["--threads", "1"]), plain);
    for small in [
        &["--context", "700"][..],
        &["--override-kv", "qwen2.context_length=int:700"],
    ] {
        let args = [
            "ask",
            "--model",
            &model,
            QUESTIONS[0],
            "--confidence-threshold",
            "2",
        ];
        let run = sandbox.run(&[&args[..], small].concat()).expect_code(2);
        assert!(
            run.stderr.contains("that a context of 700 leaves for code"),
            "{run}"
        );
    }
}

#[test]
fn an_explanation_quotes_and_is_cached() {
    let sandbox = code();
    let model = fixture();
    let args = ["explain", "--json", "--model", &model, "Ngrams::agreement"];
    let first = sandbox.run(&args).expect_code(0).json();
    assert_eq!(first["cards"][0]["name"], "Ngrams::agreement");
    assert!(
        first["prose"]["stats"]["answer_tokens"].as_u64().unwrap() > 0,
        "{first}"
    );
    let second = sandbox.run(&args).expect_code(0).json();
    assert_eq!(second["prose"]["kept"], true);
    for same in [
        "answer",
        "sources",
        "checked",
        "answer_confidence",
        "doubtful",
    ] {
        assert_eq!(second["prose"][same], first["prose"][same], "{same}");
    }
}

#[test]
fn of_a_trace_the_first_place_is_told_about() {
    let sandbox = code();
    let model = fixture();
    let explain = ["explain", "--json", "--model", &model];
    let card = |name: &str| {
        let args = [&explain[..], &["--no-reader", name]].concat();
        sandbox.run(&args).expect_code(0).json()["cards"][0].clone()
    };
    let (first, second) = (card("Ngrams::agreement"), card("Ngrams::push"));
    let frame = |card: &Value| {
        format!(
            "  at {}:{}\n",
            card["path"].as_str().unwrap(),
            card["start_line"]
        )
    };
    let trace = frame(&first) + &frame(&second);
    let run = piped(&sandbox, &explain, &trace).expect_code(0).json();
    assert_eq!(run["cards"].as_array().unwrap().len(), 2, "{run}");
    let alone = sandbox.run(&[&explain[..], &["Ngrams::agreement"]].concat());
    let alone = alone.expect_code(0).json();
    assert_eq!(alone["prose"]["kept"], true, "{alone}");
    assert_eq!(alone["prose"]["answer"], run["prose"]["answer"]);
}
