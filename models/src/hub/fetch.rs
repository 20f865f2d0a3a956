//! Fetching files of a repository into the cache.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::api::quoted;
use super::cache::is_relative;
use super::http::Subject;
use super::part::{Expected, Part, part_path};
use super::retry::{Failure, Patience, pause};
use super::{Hub, HubError, RemoteFile, Repository};
use crate::digest::Digest;
use crate::space;

/// What happens while files are fetched.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// Another process fetches the same file.
    Waiting {
        /// Path in the repository.
        file: &'a str,
    },
    /// What came in an earlier run is read.
    Resuming {
        /// Bytes read.
        done: u64,
    },
    /// Bytes are there.
    Bytes {
        /// Of all files.
        done: u64,
        /// Of all files.
        total: u64,
    },
    /// Something failed and is tried again.
    Retrying {
        /// What failed.
        reason: &'a str,
        /// When.
        wait: Duration,
    },
}

/// A file in the cache.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Path in the repository.
    pub file: String,
    /// Where it is.
    pub path: PathBuf,
    /// Size in bytes.
    pub size: u64,
    /// Its hash.
    pub digest: Digest,
    /// Whether it was there before.
    pub was_there: bool,
}

/// Receives events.
type OnEvent<'a> = &'a mut dyn FnMut(Event<'_>);

impl Hub {
    /// Brings files of a repository into the cache, each checked by its hash.
    /// What came is kept when it is interrupted, and continued the next time.
    /// With `again`, files that are there are fetched nevertheless.
    ///
    /// # Errors
    /// If a file cannot be fetched or written; those before it stay.
    pub fn fetch(
        &self,
        repository: &Repository,
        files: &[&RemoteFile],
        again: bool,
        cancel: &AtomicBool,
        on: OnEvent<'_>,
    ) -> Result<Vec<Fetched>, HubError> {
        let wanted = files
            .iter()
            .map(|file| self.expected(repository, file, cancel));
        let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
        self.check_room(repository, &wanted, again)?;
        let total = wanted.iter().map(|expected| expected.size).sum();
        let mut fetched = Vec::new();
        let mut before = 0;
        for expected in &wanted {
            let mut job = Job {
                hub: self,
                repository,
                expected,
                again,
                cancel,
                before,
                total,
                on,
            };
            fetched.push(job.run()?);
            before += expected.size;
        }
        let cache = self.cache();
        cache.set_ref(&repository.name, &repository.revision, &repository.commit)?;
        Ok(fetched)
    }

    /// Size and hash of a file; asks for its headers if its description has none.
    fn expected(
        &self,
        repository: &Repository,
        file: &RemoteFile,
        cancel: &AtomicBool,
    ) -> Result<Expected, HubError> {
        if !is_relative(&file.path) {
            return Err(HubError::Hostile {
                what: "file",
                name: file.path.clone(),
            });
        }
        let (size, digest) = match file.content {
            Some(content) => content,
            None => self.probe(repository, &file.path, cancel)?,
        };
        Ok(Expected {
            file: file.path.clone(),
            size,
            digest,
        })
    }

    fn probe(
        &self,
        repository: &Repository,
        file: &str,
        cancel: &AtomicBool,
    ) -> Result<(u64, Digest), HubError> {
        let path = resolve_path(repository, file);
        let subject = subject(repository, file);
        let url = format!("{}{path}", self.options.endpoint);
        let reply = self.persist(&url, cancel, || self.get(&path, 0, &subject, cancel))?;
        let etag = reply.linked.etag.as_deref().unwrap_or_default();
        let size = reply.linked.size.or(reply.body.content_length());
        let known = size.zip(etag.parse().ok());
        known.ok_or_else(|| HubError::Unexpected {
            url,
            what: "without the file's size and hash".to_owned(),
        })
    }

    fn check_room(
        &self,
        repository: &Repository,
        wanted: &[Expected],
        again: bool,
    ) -> Result<(), HubError> {
        let cache = self.cache();
        let missing = |expected: &Expected| {
            let blob = cache.blob(&repository.name, &expected.digest);
            let size = |path: PathBuf| fs::metadata(path).map_or(0, |meta| meta.len());
            match !again && size(blob.clone()) == expected.size {
                true => 0,
                false => expected.size.saturating_sub(size(part_path(&blob))),
            }
        };
        let needed: u64 = wanted.iter().map(missing).sum();
        let folder = cache.root().to_owned();
        match space::available(&folder) {
            Some(free) if free < needed => Err(HubError::NoRoom {
                needed,
                free,
                folder,
            }),
            _ => Ok(()),
        }
    }
}

fn resolve_path(repository: &Repository, file: &str) -> String {
    let (name, commit) = (&repository.name, &repository.commit);
    format!("/{name}/resolve/{commit}/{}", quoted(file, true))
}

fn subject(repository: &Repository, file: &str) -> Subject {
    Subject {
        repository: repository.name.clone(),
        revision: repository.revision.clone(),
        file: Some(file.to_owned()),
    }
}

/// One file to fetch.
struct Job<'a, 'b> {
    hub: &'a Hub,
    repository: &'a Repository,
    expected: &'a Expected,
    again: bool,
    cancel: &'a AtomicBool,
    /// Bytes of the files before this one.
    before: u64,
    /// Bytes of all files.
    total: u64,
    on: &'b mut dyn FnMut(Event<'_>),
}

impl Job<'_, '_> {
    fn run(&mut self) -> Result<Fetched, HubError> {
        let (name, expected) = (&self.repository.name, self.expected);
        let cache = self.hub.cache();
        let blob = cache.blob(name, &expected.digest);
        let is_there =
            || fs::metadata(&blob).is_ok_and(|meta| meta.is_file() && meta.len() == expected.size);
        let mut was_there = !self.again && is_there();
        if !was_there {
            let mut waited = false;
            let on = &mut self.on;
            let _lock = cache.lock(name, &expected.digest, self.cancel, &mut || {
                waited = true;
                on(Event::Waiting {
                    file: &expected.file,
                });
            })?;
            // Whoever had the lock may have fetched it.
            was_there = (waited || !self.again) && is_there();
            if !was_there {
                self.download(&blob)?;
            }
        }
        (self.on)(Event::Bytes {
            done: self.before + expected.size,
            total: self.total,
        });
        let commit = &self.repository.commit;
        let path = cache.link(name, commit, &expected.file, &expected.digest)?;
        Ok(Fetched {
            file: expected.file.clone(),
            path,
            size: expected.size,
            digest: expected.digest,
            was_there,
        })
    }

    fn download(&mut self, blob: &std::path::Path) -> Result<(), HubError> {
        let on = &mut self.on;
        let mut part = Part::open(blob, self.expected, self.cancel, &mut |done| {
            on(Event::Resuming { done });
        })?;
        self.fill(&mut part)?;
        let resumed = part.resumed;
        match part.finish(blob) {
            // The bytes of an earlier run may be what is wrong.
            Err(HubError::Hash { .. }) if resumed => {
                let mut part = Part::open(blob, self.expected, self.cancel, &mut |_| {})?;
                self.fill(&mut part)?;
                part.finish(blob)
            }
            finished => finished,
        }
    }

    /// Asks for what is missing until nothing is, or patience ends.
    fn fill(&mut self, part: &mut Part) -> Result<(), HubError> {
        let path = resolve_path(self.repository, &self.expected.file);
        let subject = subject(self.repository, &self.expected.file);
        let mut patience = Patience::new(self.hub.options.retry);
        while !part.is_complete() {
            let had = part.len();
            let (before, total, on) = (self.before, self.total, &mut self.on);
            let reply = self.hub.get(&path, had, &subject, self.cancel);
            let received = reply.and_then(|reply| {
                part.receive(reply, self.cancel, &mut |done| {
                    let done = before + done;
                    on(Event::Bytes { done, total });
                })
            });
            let (reason, asked) = match received {
                Ok(()) => continue,
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Later { reason, wait }) => (reason, wait),
            };
            if part.len() > had {
                patience.progress();
            }
            let Some(wait) = patience.failed(asked) else {
                return Err(HubError::GaveUp {
                    url: format!("{}{path}", self.hub.options.endpoint),
                    reason,
                    failures: patience.failures(),
                    kept: part.len(),
                });
            };
            let reason = &reason;
            (self.on)(Event::Retrying { reason, wait });
            pause(wait, self.cancel)?;
        }
        Ok(())
    }
}
