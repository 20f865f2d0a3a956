//! Measures what fetching a file costs beside a plain download of the same bytes
//! from the same server: resumable parts, SHA-256, links and locks against
//! writing what comes. Both end with the bytes on disk. A pause after each 64 KiB
//! makes the loopback as slow as a network.
//!
//! ```text
//! cargo run --release -p fathom-models --example pull_speed [-- MEGABYTES [PAUSE_MICROSECONDS]]
//! ```
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/hub/fake.rs"]
mod fake;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use fake::{FakeHub, Faults, model};
use fathom_models::hub::{Hub, HubOptions, Retry};

const NAME: &str = "owner/some-model";
const FILE: &str = "some-model-q4_k_m.gguf";
const ROUNDS: usize = 9;

fn main() {
    let argument = |at, default| {
        let given = std::env::args().nth(at);
        given.map_or(default, |text| text.parse::<usize>().unwrap())
    };
    let (megabytes, pause) = (argument(1, 100), argument(2, 0));
    let hub = FakeHub::serve(NAME, &[(FILE, model(megabytes * 1_000_000, 1))]);
    hub.faults(Faults {
        pause: Duration::from_micros(pause as u64),
        ..Faults::default()
    });
    let (mut plain, mut pulled) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        // In turns, as the machine may be busy with other things by turns.
        let folder = tempfile::tempdir().unwrap();
        let one = download(&hub, &folder.path().join("plain"));
        let other = pull(&hub, &folder.path().join("cache"));
        // The first round sets things up.
        if round > 0 {
            plain.push(one);
            pulled.push(other);
        }
    }
    let (plain, pulled) = (median(plain), median(pulled));
    println!("plain download  {:7.1} ms", plain.as_secs_f64() * 1e3);
    println!("fathom's        {:7.1} ms", pulled.as_secs_f64() * 1e3);
    println!(
        "ratio           {:7.2}",
        pulled.as_secs_f64() / plain.as_secs_f64()
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What `curl -L -o` does, and a sync.
fn download(hub: &FakeHub, path: &Path) -> Duration {
    let began = Instant::now();
    let url = format!("{}/{NAME}/resolve/main/{FILE}", hub.endpoint());
    let mut reply = ureq::get(&url).call().unwrap();
    let mut file = BufWriter::with_capacity(1 << 18, File::create(path).unwrap());
    io::copy(&mut reply.body_mut().as_reader(), &mut file).unwrap();
    file.into_inner().unwrap().sync_all().unwrap();
    began.elapsed()
}

fn pull(hub: &FakeHub, cache: &Path) -> Duration {
    let began = Instant::now();
    let client = Hub::new(HubOptions {
        endpoint: hub.endpoint(),
        token: None,
        offline: false,
        cache: cache.to_owned(),
        retry: Retry::default(),
    });
    let cancel = AtomicBool::new(false);
    let found = client.repository(NAME, "main", &cancel).unwrap();
    let files: Vec<_> = found.files.iter().collect();
    client
        .fetch(&found, &files, false, &cancel, &mut |_| {})
        .unwrap();
    began.elapsed()
}
