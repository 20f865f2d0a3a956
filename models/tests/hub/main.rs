//! Fetching from a hub that fails in every way that a hub, a network or a disk can.

#![allow(clippy::unwrap_used, missing_docs)]

mod fake;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fake::{COMMIT, FakeHub, Faults, model, sha256};
use fathom_models::hub::{Event, Hub, HubError, HubOptions, Retry, Token};
use tempfile::TempDir;

const NAME: &str = "owner/some-model";
const FILE: &str = "some-model-q4_k_m.gguf";

/// A hub with one file, and a cache to fetch it into.
struct Bench {
    hub: FakeHub,
    cache: TempDir,
    bytes: Vec<u8>,
}

impl Bench {
    fn new(size: usize) -> Bench {
        let bytes = model(size, 7);
        Bench {
            hub: FakeHub::serve(NAME, &[(FILE, bytes.clone())]),
            cache: tempfile::tempdir().unwrap(),
            bytes,
        }
    }

    fn with(size: usize, faults: Faults) -> Bench {
        let bench = Bench::new(size);
        bench.hub.faults(faults);
        bench
    }

    fn client(&self, token: Option<&str>) -> Hub {
        Hub::new(HubOptions {
            endpoint: self.hub.endpoint(),
            token: token.and_then(Token::new),
            offline: false,
            cache: self.cache.path().to_owned(),
            retry: Retry {
                failures: 4,
                first_wait: Duration::from_millis(2),
                longest_wait: Duration::from_millis(20),
                silence: Duration::from_secs(5),
            },
        })
    }

    /// Fetches the file; where it is and the events on the way.
    fn fetch(&self) -> (Result<PathBuf, HubError>, Vec<String>) {
        self.fetch_as(None, "main", &AtomicBool::new(false))
    }

    fn fetch_as(
        &self,
        token: Option<&str>,
        revision: &str,
        cancel: &AtomicBool,
    ) -> (Result<PathBuf, HubError>, Vec<String>) {
        let hub = self.client(token);
        let mut events = Vec::new();
        let fetched = hub.repository(NAME, revision, cancel).and_then(|found| {
            let files: Vec<_> = found.files.iter().collect();
            hub.fetch(&found, &files, false, cancel, &mut |event| match event {
                Event::Bytes { done, .. } if done > 100_000 && self.cancels(cancel) => {}
                Event::Bytes { .. } => {}
                other => events.push(format!("{other:?}")),
            })
        });
        (fetched.map(|files| files[0].path.clone()), events)
    }

    /// Tests that interrupt use a revision of their own.
    fn cancels(&self, cancel: &AtomicBool) -> bool {
        if self.cache.path().join("cancel").exists() {
            cancel.store(true, Ordering::Relaxed);
        }
        true
    }

    fn error(&self) -> String {
        let error = self.fetch().0.unwrap_err().to_string();
        error.replace(&self.hub.endpoint(), "[HUB]")
    }

    /// What came, and nothing else, is in the cache.
    #[track_caller]
    fn expect_whole(&self, fetched: Result<PathBuf, HubError>) {
        assert!(fs::read(fetched.unwrap()).unwrap() == self.bytes);
        assert_eq!(self.blobs(), [sha256(&self.bytes)]);
    }

    /// Names in `blobs`.
    fn blobs(&self) -> Vec<String> {
        let folder = self.cache.path().join("models--owner--some-model/blobs");
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }
}

#[test]
fn a_file_comes_into_the_layout_of_the_hubs_own_cache() {
    let bench = Bench::new(300_000);
    bench.expect_whole(bench.fetch().0);
    let repository = bench.cache.path().join("models--owner--some-model");
    let link = repository.join("snapshots").join(COMMIT).join(FILE);
    let target = fs::read_link(&link).unwrap();
    let blob = format!("../../blobs/{}", sha256(&bench.bytes));
    assert_eq!(target.to_str(), Some(blob.as_str()));
    let main = fs::read_to_string(repository.join("refs/main")).unwrap();
    assert_eq!(main, COMMIT);
    // Again: described, but not fetched.
    bench.hub.asked();
    bench.expect_whole(bench.fetch().0);
    let paths: Vec<String> = bench
        .hub
        .asked()
        .into_iter()
        .map(|asked| asked.path)
        .collect();
    assert_eq!(
        paths,
        [format!("/api/models/{NAME}/revision/main?blobs=true")]
    );
}

#[test]
fn a_connection_cut_anywhere_is_continued() {
    let size = 400_000;
    for cut in [1 << 16, 65_537, 100_001, 399_999] {
        let faults = Faults {
            cut: Some(cut),
            ..Faults::default()
        };
        let bench = Bench::with(size, faults);
        bench.expect_whole(bench.fetch().0);
        let from: Vec<usize> = bench
            .hub
            .asked()
            .iter()
            .filter_map(|asked| asked.from)
            .collect();
        // The redirect's second request has the range too.
        let expected: Vec<usize> = (1..size.div_ceil(cut)).flat_map(|n| [n * cut; 2]).collect();
        assert_eq!(from, expected, "cut after {cut}");
    }
}

#[test]
fn an_interrupted_fetch_is_continued_by_the_next() {
    let size = 3_000_000;
    let bench = Bench::with(
        size,
        Faults {
            pause: Duration::from_millis(5),
            ..Faults::default()
        },
    );
    fs::write(bench.cache.path().join("cancel"), "").unwrap();
    let (fetched, _) = bench.fetch();
    assert!(matches!(fetched, Err(HubError::Cancelled)));
    assert_eq!(bench.blobs(), [format!("{}.part", sha256(&bench.bytes))]);
    fs::remove_file(bench.cache.path().join("cancel")).unwrap();
    bench.hub.asked();
    let (fetched, events) = bench.fetch();
    bench.expect_whole(fetched);
    assert!(events[0].starts_with("Resuming"), "{events:?}");
    assert!(
        bench
            .hub
            .asked()
            .iter()
            .any(|asked| asked.from > Some(100_000))
    );
}

#[test]
fn a_part_that_is_wrong_is_fetched_anew() {
    for wrong in [model(1000, 8), model(500_000, 9)] {
        let bench = Bench::new(200_000);
        let blobs = bench.cache.path().join("models--owner--some-model/blobs");
        fs::create_dir_all(&blobs).unwrap();
        fs::write(blobs.join(format!("{}.part", sha256(&bench.bytes))), wrong).unwrap();
        bench.expect_whole(bench.fetch().0);
    }
}

#[test]
fn servers_without_ranges_and_descriptions_without_hashes_will_do() {
    for faults in [
        Faults {
            no_ranges: true,
            cut: Some(150_000),
            cuts: Some(1),
            ..Faults::default()
        },
        Faults {
            no_hashes: true,
            ..Faults::default()
        },
    ] {
        let bench = Bench::with(200_000, faults);
        bench.expect_whole(bench.fetch().0);
    }
}

#[test]
fn what_passes_is_waited_for() {
    for (times, status) in [(3, 429), (3, 500), (1, 503), (2, 504)] {
        let due = Some((times, status, "Retry-After: 1\r\n"));
        for faults in [
            Faults {
                status: due,
                ..Faults::default()
            },
            Faults {
                api_status: due,
                ..Faults::default()
            },
        ] {
            let bench = Bench::with(1000, faults);
            bench.expect_whole(bench.fetch().0);
        }
    }
}

#[test]
fn what_does_not_pass_is_told_with_the_next_step() {
    let of_file = |status, headers| Faults {
        status: Some((99, status, headers)),
        ..Faults::default()
    };
    let of_api = |status, headers| Faults {
        api_status: Some((99, status, headers)),
        ..Faults::default()
    };
    let told = |faults| Bench::with(100_000, faults).error();
    insta::assert_snapshot!(told(of_api(401, "")), @"[HUB] refuses `owner/some-model` without a token (status 401); it may not exist, or be private: look at its spelling, or set HF_TOKEN");
    insta::assert_snapshot!(told(of_api(401, "X-Error-Code: RepoNotFound\r\n")), @"there is no repository `owner/some-model` at [HUB]; look at its spelling, or set HF_TOKEN if it is private");
    insta::assert_snapshot!(told(of_api(403, "X-Error-Code: GatedRepo\r\n")), @"`owner/some-model` is gated: its authors ask you to accept their terms; open [HUB]/owner/some-model, accept them, make a token at [HUB]/settings/tokens, and set HF_TOKEN to it");
    insta::assert_snapshot!(told(of_api(404, "X-Error-Code: RevisionNotFound\r\n")), @"`owner/some-model` has no revision `main`; [HUB]/owner/some-model lists its branches and tags");
    insta::assert_snapshot!(told(of_file(404, "X-Error-Code: EntryNotFound\r\n")), @"`owner/some-model` has no file `some-model-q4_k_m.gguf`; [HUB]/owner/some-model lists its files");
    insta::assert_snapshot!(told(of_file(429, "")), @"[HUB]/owner/some-model/resolve/5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b/some-model-q4_k_m.gguf: status 429 (too many requests; with HF_TOKEN set, more are allowed); gave up after 4 tries; run the same command again later");
    insta::assert_snapshot!(told(of_file(503, "")), @"[HUB]/owner/some-model/resolve/5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b/some-model-q4_k_m.gguf: status 503 (the server has a problem); gave up after 4 tries; run the same command again later");
    insta::assert_snapshot!(told(of_file(418, "")), @"[HUB]/owner/some-model/resolve/5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b/some-model-q4_k_m.gguf answers with status 418; look whether HF_ENDPOINT (or a proxy) is what you want");
    let page = |kind| Faults {
        page: Some(kind),
        ..Faults::default()
    };
    insta::assert_snapshot!(told(page("text/html; charset=utf-8")), @"[HUB]/cdn/owner/some-model/some-model-q4_k_m.gguf answers with a web page; a proxy or a login page of your network may stand in between: look at [HUB]/cdn/owner/some-model/some-model-q4_k_m.gguf in a browser, set HTTPS_PROXY, or run `fathom model import FILE` on a file that you got in another way");
    insta::assert_snapshot!(told(page("application/octet-stream")), @"[HUB]/cdn/owner/some-model/some-model-q4_k_m.gguf answers with a web page; a proxy or a login page of your network may stand in between: look at [HUB]/cdn/owner/some-model/some-model-q4_k_m.gguf in a browser, set HTTPS_PROXY, or run `fathom model import FILE` on a file that you got in another way");
    insta::assert_snapshot!(told(Faults { flip: true, ..Faults::default() }), @"`some-model-q4_k_m.gguf` came with the hash 7aed67355ec452f8bac2119c06faa4e61d055756cb37e357a62306b0f71272b2, but the hub says 8ccee9d49db9403e2f41929e7b536af99500a230b0f8860df14990115c67c88f; it was deleted: run the same command again, and if that does not help, a proxy or a mirror changes the file");
    insta::assert_snapshot!(told(Faults { cut: Some(0), ..Faults::default() }), @"[HUB]/owner/some-model/resolve/5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b/some-model-q4_k_m.gguf: broken off: Peer disconnected; gave up after 4 tries; run the same command again later");
}

#[test]
fn nothing_wrong_stays_in_the_cache() {
    let flip = Faults {
        flip: true,
        ..Faults::default()
    };
    let page = Faults {
        page: Some("binary/octet-stream"),
        ..Faults::default()
    };
    for faults in [flip, page] {
        let bench = Bench::with(100_000, faults);
        bench.fetch().0.unwrap_err();
        let whole = bench.blobs().iter().any(|name| !name.ends_with(".part"));
        assert!(!whole, "{:?}", bench.blobs());
        bench.hub.faults(Faults::default());
        bench.expect_whole(bench.fetch().0);
    }
}

#[test]
fn the_token_opens_the_door_and_goes_nowhere_else() {
    let bench = Bench::new(100_000);
    let cdn = FakeHub::serve(NAME, &[(FILE, bench.bytes.clone())]);
    bench.hub.faults(Faults {
        token: Some("hf_secret"),
        elsewhere: Some(cdn.endpoint()),
        ..Faults::default()
    });
    let error = bench.error();
    assert!(error.contains("is gated"), "{error}");
    let cancel = AtomicBool::new(false);
    let (wrong, _) = bench.fetch_as(Some("hf_other"), "main", &cancel);
    let wrong = wrong.unwrap_err().to_string();
    assert!(
        wrong.contains("the token that is set has not been let in"),
        "{wrong}"
    );
    assert!(!wrong.contains("hf_other"), "{wrong}");
    let (fetched, _) = bench.fetch_as(Some("hf_secret"), "main", &cancel);
    bench.expect_whole(fetched);
    let elsewhere = cdn.asked();
    assert_eq!(elsewhere.len(), 1);
    assert_eq!(elsewhere[0].authorization, None);
    // The same host on another port is another origin, the hub itself is not.
    bench.hub.faults(Faults {
        token: Some("hf_secret"),
        ..Faults::default()
    });
    fs::remove_dir_all(bench.cache.path().join("models--owner--some-model")).unwrap();
    bench.hub.asked();
    bench.expect_whole(bench.fetch_as(Some("hf_secret"), "main", &cancel).0);
    let with_token = bench.hub.asked();
    assert!(with_token.iter().all(|asked| asked.authorization.is_some()));
    assert_eq!(format!("{:?}", Token::new("hf_secret")), "Some(Token(…))");
}

#[test]
fn two_at_once_fetch_once() {
    let bench = Bench::with(
        2_000_000,
        Faults {
            pause: Duration::from_millis(10),
            ..Faults::default()
        },
    );
    let both: Vec<_> = std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(|| bench.fetch()));
        threads
            .map(|thread| thread.join().unwrap())
            .into_iter()
            .collect()
    });
    let waited = both.iter().filter(|(_, events)| !events.is_empty()).count();
    assert_eq!(waited, 1);
    for (fetched, _) in both {
        bench.expect_whole(fetched);
    }
    let fetches = bench
        .hub
        .asked()
        .into_iter()
        .filter(|asked| asked.path.starts_with("/cdn/"));
    assert_eq!(fetches.count(), 1);
}

#[test]
fn names_from_the_hub_cannot_leave_the_cache() {
    for name in ["../../outside.gguf", "/etc/outside.gguf", "a/../../b.gguf"] {
        let hub = FakeHub::serve(NAME, &[(name, model(100, 1))]);
        let bench = Bench {
            hub,
            ..Bench::new(10)
        };
        let error = bench.error();
        assert!(error.contains("which cannot be"), "{error}");
    }
}

#[test]
fn other_revisions_have_their_own_notes() {
    let bench = Bench::new(1000);
    let cancel = AtomicBool::new(false);
    for (revision, noted) in [("v1", true), (COMMIT, false)] {
        bench.expect_whole(bench.fetch_as(None, revision, &cancel).0);
        let note = format!("models--owner--some-model/refs/{revision}");
        assert_eq!(bench.cache.path().join(note).exists(), noted, "{revision}");
    }
    let (fetched, _) = bench.fetch_as(None, "nowhere", &cancel);
    assert!(matches!(fetched, Err(HubError::NoRevision { .. })));
}

#[test]
fn silence_is_a_broken_connection_and_can_be_cancelled() {
    let bench = Bench::with(
        3_000_000,
        Faults {
            pause: Duration::from_secs(60),
            ..Faults::default()
        },
    );
    let cancel = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let fetching = scope.spawn(|| bench.fetch_as(None, "main", &cancel).0);
        std::thread::sleep(Duration::from_millis(300));
        let began = std::time::Instant::now();
        cancel.store(true, Ordering::Relaxed);
        let fetched = fetching.join().unwrap();
        assert!(matches!(fetched, Err(HubError::Cancelled)));
        assert!(began.elapsed() < Duration::from_secs(2));
    });
}
