//! Messages on a stream: a `Content-Length` header, an empty line, JSON.

use std::io::{self, BufRead, Read, Write};

use serde_json::Value;

/// Bytes of one line of a header.
const LINE: u64 = 4096;
/// Lines of one header.
const LINES: usize = 32;
/// Bytes of one message.
const LARGEST: u64 = 64 << 20;

/// What came.
#[derive(Debug, PartialEq)]
pub enum Frame {
    /// JSON.
    Json(Value),
    /// A frame whose content is no JSON; the stream goes on behind it.
    Garbage(String),
}

/// Reads the next frame; `None` at the end of the stream, also in the middle of a frame.
///
/// # Errors
/// If the header tells no length that can be; then nobody knows where the next frame begins.
pub fn read(input: &mut impl BufRead) -> io::Result<Option<Frame>> {
    let Some(length) = header(input)? else {
        return Ok(None);
    };
    let mut body = Vec::new();
    input.by_ref().take(length).read_to_end(&mut body)?;
    if (body.len() as u64) < length {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_slice(&body) {
        Ok(value) => Frame::Json(value),
        Err(error) => Frame::Garbage(error.to_string()),
    }))
}

/// The length of the content.
fn header(input: &mut impl BufRead) -> io::Result<Option<u64>> {
    let mut length = None;
    for _ in 0..LINES {
        let mut line = Vec::new();
        input.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            return match length {
                Some(length) => Ok(Some(length)),
                None => Err(invalid("a header without `Content-Length`")),
            };
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(invalid("a line in a header that is no `Name: value`"));
        };
        if name.trim().eq_ignore_ascii_case("content-length") {
            length = Some(size(value)?);
        }
    }
    Err(invalid("a header without an end"))
}

fn size(value: &str) -> io::Result<u64> {
    match value.trim().parse() {
        Ok(length) if length <= LARGEST => Ok(length),
        Ok(_) => Err(invalid("a message of more than 64 MiB")),
        Err(_) => Err(invalid("a `Content-Length` that is no number")),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Writes one message.
///
/// # Errors
/// If the stream does not take it.
pub fn write(output: &mut impl Write, message: &[u8]) -> io::Result<()> {
    write!(output, "Content-Length: {}\r\n\r\n", message.len())?;
    output.write_all(message)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Frames until the end or an error.
    fn all(mut bytes: &[u8]) -> String {
        let mut out = Vec::new();
        loop {
            match read(&mut bytes) {
                Ok(Some(Frame::Json(value))) => out.push(value.to_string()),
                Ok(Some(Frame::Garbage(_))) => out.push("garbage".into()),
                Ok(None) => break,
                Err(error) => {
                    out.push(error.to_string());
                    break;
                }
            }
        }
        out.join(" | ")
    }

    #[test]
    fn frames_are_read_or_refused() {
        for (bytes, expected) in [
            ("Content-Length: 2\r\n\r\n{}", "{}"),
            (
                "content-length:2\nX: y\n\n{}Content-Length: 1\r\n\r\n7",
                "{} | 7",
            ),
            (
                "Content-Length: 3\r\n\r\n{]}Content-Length: 2\r\n\r\n[]",
                "garbage | []",
            ),
            ("Content-Length: 9\r\n\r\n{}", ""),
            ("", ""),
            ("X: y\r\n\r\n{}", "a header without `Content-Length`"),
            (
                "Content-Length: -1\r\n\r\n",
                "a `Content-Length` that is no number",
            ),
            (
                "Content-Length: 99999999999\r\n\r\n",
                "a message of more than 64 MiB",
            ),
            (
                "GET / HTTP/1.1\r\n\r\n",
                "a line in a header that is no `Name: value`",
            ),
        ] {
            assert_eq!(all(bytes.as_bytes()), expected, "{bytes:?}");
        }
        let endless = "a: b\n".repeat(40);
        assert_eq!(all(endless.as_bytes()), "a header without an end");
        let deep = "[".repeat(100_000);
        let deep = format!("Content-Length: {}\r\n\r\n{deep}", deep.len());
        assert_eq!(all(deep.as_bytes()), "garbage");
    }

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        let message = json!({"jsonrpc": "2.0", "method": "ä"});
        write(&mut out, message.to_string().as_bytes()).unwrap();
        assert_eq!(all(&out), message.to_string());
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            all(&bytes);
        }
    }
}
