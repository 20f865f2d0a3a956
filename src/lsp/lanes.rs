//! Threads that answer: what is quick never waits behind what is slow.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What is done in one of the threads.
pub type Job = Box<dyn FnOnce() + Send>;

/// Which requests wait for which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Answered from the catalog: hover, definitions, references.
    Quick,
    /// Searches; the first one loads the model.
    Search,
    /// Has a reader answer, one after the other.
    Reader,
}

/// The threads.
pub struct Lanes {
    quick: Sender<Job>,
    search: Sender<Job>,
    reader: Sender<Job>,
}

impl Lanes {
    /// Begins them.
    ///
    /// # Errors
    /// If the system gives no more threads.
    pub fn start() -> std::io::Result<Lanes> {
        Ok(Lanes {
            quick: lane("quick", 2)?,
            search: lane("search", 1)?,
            reader: lane("reader", 1)?,
        })
    }

    /// Has a job done. Lanes end with the process, not before.
    pub fn run(&self, lane: Lane, job: Job) {
        let sender = match lane {
            Lane::Quick => &self.quick,
            Lane::Search => &self.search,
            Lane::Reader => &self.reader,
        };
        // Threads end only when the last sender is gone.
        let _ = sender.send(job);
    }
}

fn lane(name: &str, threads: usize) -> std::io::Result<Sender<Job>> {
    let (sender, jobs) = channel::<Job>();
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..threads {
        let jobs = jobs.clone();
        let thread = thread::Builder::new().name(format!("lsp {name}"));
        thread.spawn(move || work(&jobs))?;
    }
    Ok(sender)
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // Whoever hands in a job answers for its panics; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    #[test]
    fn a_panic_in_a_job_leaves_its_lane_to_the_next() {
        let lanes = Lanes::start().unwrap();
        for lane in [Lane::Quick, Lane::Search, Lane::Reader] {
            for _ in 0..5 {
                lanes.run(lane, Box::new(|| panic!("a fault")));
            }
            let (sender, done) = channel();
            lanes.run(lane, Box::new(move || sender.send(lane).unwrap()));
            assert_eq!(done.recv_timeout(Duration::from_secs(10)), Ok(lane));
        }
    }
}
