//! Bounded load on a running `fathom serve`: how long searches take and how many there are a second.
//!
//! ```text
//! cargo run --release --example load -- http://127.0.0.1:7171 [CLIENTS] [SECONDS] [MODE]
//! ```
//!
//! Each client has one connection and asks one question after the other, no two the same. One
//! warms up first; then one client alone is measured, then all at once. Exits 1 if anything but
//! 200 was answered.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

const WHAT: [&str; 25] = [
    "read a file",
    "parse the header",
    "take the lock",
    "spawn a task",
    "merge segments",
    "hash the bytes",
    "encode a string",
    "split the line",
    "close the connection",
    "retry the request",
    "sort the results",
    "compress a block",
    "allocate memory",
    "check the signature",
    "walk the tree",
    "convert the number",
    "count the tokens",
    "flush the buffer",
    "skip whitespace",
    "compare versions",
    "find the path",
    "write the index",
    "cancel the timer",
    "decode the stream",
    "drop the handle",
];
const HOW: [&str; 20] = [
    "where do we",
    "how does it",
    "what is used to",
    "which function can",
    "who may",
    "when does the code",
    "is there a way to",
    "the place to",
    "a helper to",
    "errors when we",
    "tests that",
    "the fastest way to",
    "options to",
    "what happens if we",
    "types that",
    "the loop to",
    "a macro to",
    "unsafe code to",
    "a trait to",
    "why do we",
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let url = args
        .first()
        .expect("the address of a server")
        .trim_end_matches('/')
        .to_owned();
    let number = |at: usize, default: u32| -> u32 {
        args.get(at).map_or(default, |text| text.parse().unwrap())
    };
    let (clients, seconds) = (number(1, 8), u64::from(number(2, 10)));
    let mode = args.get(3).cloned().unwrap_or_default();
    let load = Load {
        url: format!("{url}/v1/search"),
        mode,
        next: AtomicUsize::new(0),
    };
    load.run(1, Duration::from_secs(2));
    load.run(1, Duration::from_secs(seconds)).print("1 client");
    let all = load.run(clients, Duration::from_secs(seconds));
    all.print(&format!("{clients} clients"));
    if all.statuses.keys().any(|status| *status != 200) {
        std::process::exit(1);
    }
}

struct Load {
    url: String,
    mode: String,
    next: AtomicUsize,
}

struct Measured {
    millis: Vec<f64>,
    statuses: BTreeMap<u16, usize>,
    seconds: f64,
}

impl Load {
    fn run(&self, clients: u32, time: Duration) -> Measured {
        let began = Instant::now();
        let each = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..clients)
                .map(|_| scope.spawn(|| self.client(began + time)))
                .collect();
            clients
                .into_iter()
                .flat_map(|client| client.join().unwrap())
                .collect::<Vec<_>>()
        });
        let seconds = began.elapsed().as_secs_f64();
        let mut statuses = BTreeMap::new();
        for (status, _) in &each {
            *statuses.entry(*status).or_default() += 1;
        }
        let mut millis: Vec<f64> = each.into_iter().map(|(_, millis)| millis).collect();
        millis.sort_by(f64::total_cmp);
        Measured {
            millis,
            statuses,
            seconds,
        }
    }

    /// Status and milliseconds of each request until then.
    fn client(&self, until: Instant) -> Vec<(u16, f64)> {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent: ureq::Agent = config.build().into();
        let mut answers = Vec::new();
        while Instant::now() < until {
            let n = self.next.fetch_add(1, Ordering::SeqCst);
            let query = format!(
                "{} {}",
                HOW[n % HOW.len()],
                WHAT[n / HOW.len() % WHAT.len()]
            );
            let body = json!({"query": query, "mode": self.mode, "top_k": 10});
            let began = Instant::now();
            let answer = agent
                .post(&self.url)
                .header("Content-Type", "application/json")
                .send(body.to_string());
            let mut answer = answer.unwrap();
            let status = answer.status().as_u16();
            let text = answer.body_mut().read_to_string().unwrap();
            assert!(text.starts_with('{'), "{text}");
            answers.push((status, began.elapsed().as_secs_f64() * 1e3));
        }
        answers
    }
}

impl Measured {
    fn print(&self, what: &str) {
        let count = self.millis.len();
        let at = |share: f64| self.millis[((count as f64 * share) as usize).min(count - 1)];
        println!(
            "{what}: {count} requests, {:.1} a second, p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, longest {:.1} ms, statuses {:?}",
            count as f64 / self.seconds,
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0),
            self.statuses
        );
    }
}
