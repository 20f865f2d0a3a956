//! One JSON document per line, with a limit to its length and to the time it may take.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How often a waiting reader looks whether it should stop.
const TICK: Duration = Duration::from_millis(250);

/// One end of a connection.
pub struct Line {
    stream: UnixStream,
    /// What was received after the last line.
    rest: Vec<u8>,
    limit: usize,
}

impl Line {
    /// Lines of at most `limit` bytes are taken.
    pub fn new(stream: UnixStream, limit: usize) -> io::Result<Line> {
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        Ok(Line {
            stream,
            rest: Vec::new(),
            limit,
        })
    }

    /// Sends one document.
    pub fn send(&mut self, document: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(document)?;
        line.push(b'\n');
        self.stream.write_all(&line)
    }

    /// The next document; `None` when the other side has closed, or `stop` says so.
    ///
    /// # Errors
    /// Of the system, for a line that is too long or not what is expected, and
    /// [`io::ErrorKind::TimedOut`] after `patience`.
    pub fn receive<T: DeserializeOwned>(
        &mut self,
        patience: Duration,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<Option<T>> {
        let (start, mut looked) = (Instant::now(), 0);
        loop {
            if let Some(end) = self.rest[looked..].iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=looked + end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            looked = self.rest.len();
            if looked > self.limit {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the line is too long",
                ));
            }
            let mut buffer = [0; 16 << 10];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => self.rest.extend_from_slice(&buffer[..count]),
                Err(error) if is_wait(&error) && start.elapsed() < patience => {
                    if stop() {
                        return Ok(None);
                    }
                }
                Err(error) if is_wait(&error) => return Err(io::ErrorKind::TimedOut.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What is received of `bytes` by a reader of lines of up to 20 bytes: numbers, or an error.
    fn received(bytes: &[u8], close: bool) -> Vec<String> {
        let (mut here, there) = UnixStream::pair().unwrap();
        let mut line = Line::new(there, 20).unwrap();
        here.write_all(bytes).unwrap();
        let open = (!close).then_some(here);
        let mut seen = Vec::new();
        loop {
            match line.receive::<u32>(Duration::ZERO, &|| false) {
                Ok(Some(number)) => seen.push(number.to_string()),
                Ok(None) => break seen.push("end".into()),
                Err(error) => break seen.push(error.kind().to_string()),
            }
        }
        drop(open);
        seen
    }

    #[test]
    fn lines_are_bounded_in_length_and_time() {
        let long = [b'1'; 40];
        let cases: &[(&[u8], bool, &[&str])] = &[
            (b"1\n22\n", true, &["1", "22", "end"]),
            (b"1\n2", true, &["1", "end"]),
            (b"1\n2", false, &["1", "timed out"]),
            (b"no number\n", true, &["invalid data"]),
            (b"\xff\xfe\n", true, &["invalid data"]),
            (&long, false, &["invalid data"]),
            (b"", true, &["end"]),
        ];
        for (bytes, close, expected) in cases {
            assert_eq!(received(bytes, *close), *expected, "{bytes:?}");
        }
    }
}
