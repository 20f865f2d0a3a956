//! Several agents at once search a repository that changes all the time: none fails or waits for
//! ever, and each answer shows one generation.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::common::{SMALL, Sandbox};
use crate::watch::Daemon;

/// Processes that search at the same time.
const CLIENTS: usize = 8;
/// Searches of each.
const ROUNDS: usize = 8;

/// Two functions with one number, which is never different in the two; long enough to be two chunks.
fn save(sandbox: &Sandbox, number: u64) {
    let lines: String = (0..60)
        .map(|line| format!("    let step_{line} = {number} + {line};\n"))
        .collect();
    let half = |side: &str| format!("pub fn {side}_half() -> u64 {{\n{lines}    {number}\n}}\n");
    let between =
        "/// Between the halves.\npub fn between(input: u64) -> u64 {\n    input + 1\n}\n";
    let both = [half("left"), between.into(), half("right")].join("\n");
    let beside = sandbox.path("tmp/pair.rs");
    std::fs::write(&beside, both).unwrap();
    std::fs::rename(beside, sandbox.tree().join("src/pair.rs")).unwrap();
}

/// The number in both halves, as a search shows them, and the generation that was searched.
fn halves(sandbox: &Sandbox, mode: &str) -> (u64, u64) {
    let args = ["search", "--json", "-g", "pair.rs", "--mode", mode];
    let query = match mode {
        "regex" => "_half\\(",
        "symbol" => "*_half",
        _ => "left_half right_half",
    };
    let run = sandbox.run(&[&args[..], &[query]].concat()).expect_code(0);
    let json = run.json();
    let texts = json["results"].as_array().unwrap().iter();
    let texts: Vec<&str> = texts
        .filter_map(|one| one["text"].as_str())
        .filter(|text| text.contains("_half()"))
        .collect();
    let number = |text: &str| -> u64 {
        let line = text.lines().find(|line| line.contains("step_0 =")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        words[3].parse().unwrap()
    };
    assert_eq!(texts.len(), 2, "{mode}: {run}");
    assert_eq!(number(texts[0]), number(texts[1]), "{mode}: {run}");
    (number(texts[0]), json["generation"].as_u64().unwrap())
}

/// Searches again and again: no generation comes back, and if nobody is in the way of writing,
/// what was saved before is found.
fn client(sandbox: &Sandbox, saved: &AtomicU64, fresh: bool) {
    let mut last = 0;
    for round in 0..ROUNDS {
        let mode = ["lexical", "regex", "hybrid"][round % 3];
        let before = saved.load(Ordering::SeqCst);
        let (number, generation) = halves(sandbox, mode);
        let is_fresh = number >= before;
        assert!(is_fresh || !fresh, "{mode}: {number}, not {before}");
        assert!(generation >= last, "{mode}: from {last} to {generation}");
        last = generation;
    }
}

fn searched_while_it_changes(sandbox: &Sandbox, fresh: bool) -> u64 {
    let (saved, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    save(sandbox, 0);
    std::thread::scope(|scope| {
        let editor = scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let number = saved.load(Ordering::SeqCst) + 1;
                save(sandbox, number);
                saved.store(number, Ordering::SeqCst);
                // A branch is switched now and then.
                for file in (0..60).filter(|_| number % 16 == 0) {
                    let text = format!("pub fn part_{file}_{number}() -> u64 {{\n    {file}\n}}\n");
                    sandbox.write(&format!("src/part{file}.rs"), &text);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| client(sandbox, &saved, fresh)))
            .collect();
        let ended: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        stop.store(true, Ordering::SeqCst);
        editor.join().unwrap();
        ended.into_iter().for_each(|client| client.unwrap());
    });
    saved.into_inner()
}

#[test]
fn eight_clients_search_while_the_daemon_indexes() {
    let sandbox = Sandbox::new(SMALL);
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until_fresh();
    let saves = searched_while_it_changes(&sandbox, true);
    let status = daemon.until_fresh();
    assert!(saves > 5, "only {saves} saves");
    assert_eq!(
        status["repositories"][0]["errors"],
        Value::from(0),
        "{status:#}"
    );
    assert_eq!(halves(&sandbox, "lexical").0, saves);
    sandbox.run(&["check"]).expect_code(0);
}

#[test]
fn eight_clients_search_and_index_by_themselves() {
    let sandbox = Sandbox::new(SMALL);
    save(&sandbox, 0);
    sandbox.run(&["index"]).expect_code(0);
    let saves = searched_while_it_changes(&sandbox, false);
    assert_eq!(halves(&sandbox, "lexical").0, saves);
    sandbox.run(&["check"]).expect_code(0);
}
