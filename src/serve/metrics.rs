//! Figures for Prometheus: what was asked, how long it took, what was refused.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fathom_indexes::Counts;

/// Upper bounds of the classes of durations, in seconds.
const BOUNDS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// What was asked since the server began.
#[derive(Default)]
pub struct Metrics {
    routes: Mutex<BTreeMap<String, Route>>,
}

#[derive(Clone, Default)]
struct Route {
    statuses: BTreeMap<u16, u64>,
    /// Durations up to each bound, and longer ones.
    classes: [u64; BOUNDS.len() + 1],
    seconds: f64,
}

/// How a repository is.
pub struct Gauge {
    /// Name of its folder.
    pub name: String,
    /// Generation of its index.
    pub generation: u64,
    /// What is in it.
    pub counts: Counts,
}

impl Metrics {
    /// Counts an answer.
    pub fn count(&self, route: &str, status: u16, took: Duration) {
        let mut routes = self.lock();
        let route = routes.entry(route.to_owned()).or_default();
        *route.statuses.entry(status).or_default() += 1;
        let seconds = took.as_secs_f64();
        let class = BOUNDS.iter().position(|bound| seconds <= *bound);
        route.classes[class.unwrap_or(BOUNDS.len())] += 1;
        route.seconds += seconds;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Route>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In Prometheus' text format.
    pub fn text(&self, uptime: Duration, in_flight: usize, repositories: &[Gauge]) -> String {
        let mut text = String::new();
        let routes = self.lock().clone();
        head(
            &mut text,
            "fathom_requests_total",
            "counter",
            "Answers by route and status.",
        );
        for (name, route) in &routes {
            for (status, count) in &route.statuses {
                let labels = format!("route=\"{name}\",status=\"{status}\"");
                line(&mut text, "fathom_requests_total", &labels, *count as f64);
            }
        }
        let name = "fathom_request_seconds";
        head(&mut text, name, "histogram", "Time until an answer begins.");
        for (of, route) in &routes {
            route.write(&mut text, name, of);
        }
        for (name, help, value) in [
            (
                "fathom_uptime_seconds",
                "Time since the server began.",
                uptime.as_secs_f64(),
            ),
            (
                "fathom_requests_in_flight",
                "Requests being answered.",
                in_flight as f64,
            ),
        ] {
            head(&mut text, name, "gauge", help);
            line(&mut text, name, "", value);
        }
        type Value = fn(&Gauge) -> f64;
        let gauges: [(&str, &str, Value); 4] = [
            (
                "fathom_index_generation",
                "Generation of the index.",
                |one| one.generation as f64,
            ),
            ("fathom_index_files", "Files in the index.", |one| {
                one.counts.files as f64
            }),
            (
                "fathom_index_chunks",
                "Different chunks in the index.",
                |one| one.counts.distinct as f64,
            ),
            (
                "fathom_index_encoded_chunks",
                "Chunks that have vectors.",
                |one| one.counts.encoded as f64,
            ),
        ];
        for (name, help, value) in gauges {
            head(&mut text, name, "gauge", help);
            for one in repositories {
                let labels = format!("repository=\"{}\"", label(&one.name));
                line(&mut text, name, &labels, value(one));
            }
        }
        text
    }
}

impl Route {
    fn write(&self, text: &mut String, name: &str, of: &str) {
        let mut sum = 0;
        for (class, count) in self.classes.iter().enumerate() {
            sum += count;
            let bound = BOUNDS.get(class).map_or("+Inf".to_owned(), f64::to_string);
            let labels = format!("route=\"{of}\",le=\"{bound}\"");
            line(text, &format!("{name}_bucket"), &labels, sum as f64);
        }
        let labels = format!("route=\"{of}\"");
        line(text, &format!("{name}_sum"), &labels, self.seconds);
        line(text, &format!("{name}_count"), &labels, sum as f64);
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, name: &str, labels: &str, value: f64) {
    let _ = match labels {
        "" => writeln!(text, "{name} {value}"),
        labels => writeln!(text, "{name}{{{labels}}} {value}"),
    };
}

/// A label's value, which may hold anything.
fn label(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_add_up() {
        let metrics = Metrics::default();
        for (status, millis) in [(200, 2), (200, 40), (400, 60_000)] {
            metrics.count("/v1/search", status, Duration::from_millis(millis));
        }
        let gauge = Gauge {
            name: "a\"b\n".into(),
            generation: 3,
            counts: Counts::default(),
        };
        let text = metrics.text(Duration::from_secs(5), 1, &[gauge]);
        for expected in [
            "fathom_requests_total{route=\"/v1/search\",status=\"200\"} 2\n",
            "fathom_request_seconds_bucket{route=\"/v1/search\",le=\"0.001\"} 0\n",
            "fathom_request_seconds_bucket{route=\"/v1/search\",le=\"0.05\"} 2\n",
            "fathom_request_seconds_bucket{route=\"/v1/search\",le=\"+Inf\"} 3\n",
            "fathom_request_seconds_sum{route=\"/v1/search\"} 60.042\n",
            "fathom_uptime_seconds 5\n",
            "fathom_index_generation{repository=\"a\\\"b\\n\"} 3\n",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }
}
