//! A server that many ask at once, or whose tree changes under its hands.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::serving::small;

/// Where nobody may read, and what is there.
const SECRET: &str = "nobody may read this";

/// Does something again and again, beside what is tried meanwhile.
fn beside<T>(again: impl Fn() + Send + Sync, threads: usize, tried: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    let (again, over) = (&again, &over);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    again();
                }
            });
        }
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(tried));
        over.store(true, Ordering::SeqCst);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn whether_it_is_well_is_told_under_load_too() {
    let (_sandbox, served) = small(&["--max-requests", "4"]);
    let search = json!({"query": "where is the lock taken"});
    let searches = || {
        let status = served.post("/v1/search", &search).status;
        assert!(matches!(status, 200 | 429 | 503), "{status}");
    };
    let mut times = beside(searches, 8, || {
        let asked = (0..21).map(|_| {
            let began = Instant::now();
            assert_eq!(served.get("/healthz").status, 200);
            began.elapsed()
        });
        asked.collect::<Vec<_>>()
    });
    times.sort_unstable();
    assert!(times[10] < Duration::from_millis(50), "{times:?}");
}

#[test]
fn many_texts_at_once_are_refused() {
    let (_sandbox, served) = small(&[]);
    let texts = vec!["a text"; 1000];
    for (path, body) in [
        ("/v1/embeddings", json!({"input": texts})),
        ("/v1/rerank", json!({"query": "x", "documents": texts})),
    ] {
        let answer = served.post(path, &body);
        assert_eq!(answer.problem(), (400, "bad-request".into()), "{path}");
        assert!(answer.body.contains("at most 256"), "{answer:?}");
    }
}

#[test]
fn a_folder_that_turns_into_a_link_leads_nowhere() {
    let (sandbox, served) = small(&[]);
    let (source, aside) = (sandbox.tree().join("src"), sandbox.path("aside"));
    let outside = sandbox.path("outside");
    std::fs::create_dir(&outside).unwrap();
    let text = format!("// acquire_lock canary_word {SECRET}\n");
    std::fs::write(outside.join("lock.rs"), text).unwrap();
    let swap = || {
        std::fs::rename(&source, &aside).unwrap();
        symlink(&outside, &source).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        std::fs::remove_file(&source).unwrap();
        std::fs::rename(&aside, &source).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    };
    beside(swap, 1, || {
        let end = Instant::now() + Duration::from_secs(4);
        while Instant::now() < end {
            for query in ["canary_word", "acquire_lock"] {
                let search = json!({"query": query, "mode": "lexical"});
                let answer = served.post("/v1/search", &search);
                assert!(!answer.body.contains(SECRET), "{answer:?}");
            }
            let answer = served.get("/v1/text?path=src/lock.rs");
            assert!(!answer.body.contains(SECRET), "{answer:?}");
        }
    });
    let search = json!({"query": "canary_word", "mode": "lexical"});
    assert_eq!(
        served.post("/v1/search", &search).json()["results"],
        json!([])
    );
}
