//! A file while its bytes come: written, hashed, continued, kept.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::HubError;
use super::http::{Reply, text};
use super::retry::Failure;
use crate::digest::{self, Digest, HashThread, Hasher};

/// Bytes that are read at once.
const BLOCK: usize = 128 << 10;
/// Blocks that may wait to be written.
const WAITING: usize = 4;
/// How often the cancel flag is looked at while nothing comes.
const POLL: Duration = Duration::from_millis(25);

/// What a file should be.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// Path in the repository, for messages.
    pub(super) file: String,
    pub(super) size: u64,
    pub(super) digest: Digest,
}

/// A `.part` file and the hash of what is in it.
pub(super) struct Part {
    path: PathBuf,
    file: File,
    len: u64,
    hash: HashThread,
    expected: Expected,
    /// Whether its first bytes come from an earlier run.
    pub(super) resumed: bool,
}

impl Part {
    /// Opens the part beside a blob, and hashes what it has.
    pub(super) fn open(
        blob: &Path,
        expected: &Expected,
        cancel: &AtomicBool,
        on: &mut dyn FnMut(u64),
    ) -> Result<Part, HubError> {
        let path = part_path(blob);
        let folder = blob.parent().unwrap_or(blob);
        fs::create_dir_all(folder).map_err(HubError::cache("create", folder))?;
        let mut options = File::options();
        let options = options.create(true).read(true).write(true).truncate(false);
        let file = options
            .open(&path)
            .map_err(HubError::cache("write", &path))?;
        let mut part = Part {
            hash: HashThread::start(Hasher::like(&expected.digest, expected.size)),
            path,
            file,
            len: 0,
            expected: expected.clone(),
            resumed: false,
        };
        part.catch_up(cancel, on)?;
        Ok(part)
    }

    fn catch_up(&mut self, cancel: &AtomicBool, on: &mut dyn FnMut(u64)) -> Result<(), HubError> {
        let read = HubError::cache("read", &self.path);
        let (hash, len) = (&self.hash, &mut self.len);
        let complete = digest::blocks(&mut self.file, cancel, |block| {
            *len += block.len() as u64;
            on(*len);
            hash.update(block);
            Ok(())
        });
        if !complete.map_err(read)? {
            return Err(HubError::Cancelled);
        }
        self.resumed = self.len > 0;
        match self.len > self.expected.size {
            true => self.restart(),
            false => Ok(()),
        }
    }

    /// Bytes that are there.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn is_complete(&self) -> bool {
        self.len == self.expected.size
    }

    /// Throws away what is there.
    pub(super) fn restart(&mut self) -> Result<(), HubError> {
        let emptied = self.file.set_len(0);
        let emptied = emptied.and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(HubError::cache("write", &self.path))?;
        self.hash = HashThread::start(Hasher::like(&self.expected.digest, self.expected.size));
        self.len = 0;
        self.resumed = false;
        Ok(())
    }

    /// Takes an answer to a request for the bytes from [`Part::len`] on.
    pub(super) fn receive(
        &mut self,
        reply: Reply,
        cancel: &AtomicBool,
        on: &mut dyn FnMut(u64),
    ) -> Result<(), Failure> {
        match reply.status {
            // A server that knows no ranges begins anew.
            200 => self.restart()?,
            206 if begins_at(&reply) == Some(self.len) => {}
            _ => {
                self.restart()?;
                return Err(Failure::later(
                    "the server sent another range than asked for",
                ));
            }
        }
        let url = reply.url.clone();
        let incoming = read_aside(reply);
        loop {
            let block = match incoming.recv_timeout(POLL) {
                Ok(Ok(block)) => block,
                Ok(Err(error)) => return Err(Failure::later(format!("broken off: {error}"))),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if cancel.load(Ordering::Relaxed) => {
                    return Err(HubError::Cancelled.into());
                }
                Err(RecvTimeoutError::Timeout) => continue,
            };
            self.look_at(&block, &url)?;
            self.write(block)?;
            on(self.len);
            if cancel.load(Ordering::Relaxed) {
                return Err(HubError::Cancelled.into());
            }
        }
        match self.is_complete() {
            true => Ok(()),
            false => Err(Failure::later("the connection was closed early")),
        }
    }

    /// A proxy's page, or a file that grew, is to be seen before it is written.
    fn look_at(&self, block: &[u8], url: &str) -> Result<(), HubError> {
        let wants_model = self.expected.file.ends_with(".gguf") && self.expected.size >= 4;
        if self.len == 0 && wants_model && block.len() >= 4 && !block.starts_with(b"GGUF") {
            return Err(HubError::WebPage {
                url: url.to_owned(),
            });
        }
        if self.len + block.len() as u64 > self.expected.size {
            return Err(HubError::Unexpected {
                url: url.to_owned(),
                what: format!(
                    "with more than the {} bytes of the file",
                    self.expected.size
                ),
            });
        }
        Ok(())
    }

    fn write(&mut self, block: Vec<u8>) -> Result<(), HubError> {
        let written = self.file.write_all(&block);
        if let Err(error) = written {
            // Part of the block may be there, which the hash does not know.
            let _ = self.file.set_len(self.len);
            return Err(HubError::cache("write", &self.path)(error));
        }
        self.len += block.len() as u64;
        self.hash.update(block);
        Ok(())
    }

    /// Compares the hash and makes the part a blob. A wrong one is deleted.
    pub(super) fn finish(self, blob: &Path) -> Result<(), HubError> {
        let write = || HubError::cache("write", blob);
        let found = self.hash.finish();
        if found != Some(self.expected.digest) {
            fs::remove_file(&self.path).map_err(HubError::cache("remove", &self.path))?;
            return Err(HubError::Hash {
                file: self.expected.file,
                found: found.map_or_else(String::new, |digest| digest.to_string()),
                expected: self.expected.digest.to_string(),
            });
        }
        self.file.sync_all().map_err(write())?;
        fs::rename(&self.path, blob).map_err(write())?;
        let folder = blob.parent().map(File::open);
        // Some file systems cannot sync folders; the bytes are safe, and a lost name is found by its part.
        let _ = folder.map(|folder| folder.and_then(|folder| folder.sync_all()));
        Ok(())
    }
}

/// Where a blob is until it is complete.
pub(super) fn part_path(blob: &Path) -> PathBuf {
    blob.with_extension("part")
}

fn begins_at(reply: &Reply) -> Option<u64> {
    let range = text(&reply.headers, "content-range")?;
    let range = range.trim().strip_prefix("bytes")?.trim_start();
    range.split('-').next()?.trim().parse().ok()
}

/// Reads a body in a thread of its own, so that waiting for it can be cancelled.
fn read_aside(reply: Reply) -> Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = sync_channel(WAITING);
    std::thread::spawn(move || {
        let mut body = reply.body.into_with_config().limit(u64::MAX).reader();
        loop {
            let mut block = Vec::with_capacity(BLOCK);
            let read = body.by_ref().take(BLOCK as u64).read_to_end(&mut block);
            // What came before a failure is good.
            if !block.is_empty() && sender.send(Ok(block)).is_err() {
                return;
            }
            match read {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    let _unheard = sender.send(Err(error));
                    return;
                }
            }
        }
    });
    receiver
}
