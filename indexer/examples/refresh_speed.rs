//! Times the lexical part: `refresh_speed DIR` indexes DIR into a temporary
//! store, then refreshes it with nothing changed and with one file touched.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use fathom_encoders::{Profile, TextEncoder};
use fathom_indexer::pipeline::{IndexOptions, RefreshReport, refresh};
use fathom_indexes::{Store, StoreOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args().nth(1).ok_or("usage: refresh_speed DIR")?;
    let data = tempfile::tempdir()?;
    let profile = Profile::bundled();
    let options = StoreOptions {
        profile_id: profile.id().to_string(),
        token_dim: profile.token_dim(),
        dense_dim: profile.dense_dim(),
        codebook: None,
    };
    let start = Instant::now();
    let text = TextEncoder::open(&profile)?;
    println!("tokenizer {:?}", start.elapsed());
    let start = Instant::now();
    let store = Store::open(&data.path().join("store"), &options)?;
    println!("store {:?}", start.elapsed());
    let run = |name: &str| -> Result<RefreshReport, Box<dyn Error>> {
        let cpu = cpu_time();
        let report = refresh(
            Path::new(&root),
            &store,
            &text,
            &IndexOptions::default(),
            &AtomicBool::new(false),
            &|_| {},
        )?;
        println!(
            "{name}: {:?} wall, {:?} cpu; {report:?}",
            report.took,
            cpu_time() - cpu
        );
        Ok(report)
    };
    run("first")?;
    println!("{:?}", store.snapshot()?.counts());
    std::thread::sleep(Duration::from_millis(2100));
    run("racy")?;
    run("nothing changed")?;
    run("nothing changed")?;
    Ok(())
}

/// User and system time of this process so far.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks: u64 = [11, 12]
        .iter()
        .filter_map(|&at| fields.get(at)?.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
