//! A hub on the loopback, with the real one's paths and headers, and with faults.

#![allow(dead_code, unreachable_pub)] // each test uses a part of it

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

/// The commit that `main` is at.
pub const COMMIT: &str = "5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b";

/// The commit that the branch `v1` is at.
pub const BRANCH: &str = "1717171717171717171717171717171717171717";

/// What goes wrong, on every request until it is changed.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// So many requests for files are answered by this status and these headers.
    pub status: Option<(usize, u16, &'static str)>,
    /// The same for descriptions of repositories.
    pub api_status: Option<(usize, u16, &'static str)>,
    /// A connection ends after so many bytes of a file.
    pub cut: Option<usize>,
    /// Of these many cuts, then none.
    pub cuts: Option<usize>,
    /// A page with this type instead of a file.
    pub page: Option<&'static str>,
    /// One byte of a file is another.
    pub flip: bool,
    /// Requests for a range get everything.
    pub no_ranges: bool,
    /// Descriptions have no hashes and sizes.
    pub no_hashes: bool,
    /// Files are at this address.
    pub elsewhere: Option<String>,
    /// Pause after each 64 KiB.
    pub pause: Duration,
    /// Only who sends this token is let in; others hear that the repository is gated.
    pub token: Option<&'static str>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Path and query.
    pub path: String,
    /// First byte of a range.
    pub from: Option<usize>,
    /// The whole header.
    pub authorization: Option<String>,
}

type Files = BTreeMap<String, Arc<Stored>>;

struct Stored {
    bytes: Vec<u8>,
    hash: String,
}

#[derive(Default)]
struct State {
    /// Files by repository.
    repositories: Mutex<BTreeMap<String, Files>>,
    faults: Mutex<Faults>,
    log: Mutex<Vec<Asked>>,
    /// Size of every file as descriptions say, if it is not the true one.
    declared: Mutex<Option<u64>>,
}

/// A hub that answers until the process ends.
#[derive(Clone)]
pub struct FakeHub {
    state: Arc<State>,
    port: u16,
}

impl FakeHub {
    /// A hub with these files of one repository.
    pub fn serve(repository: &str, files: &[(&str, Vec<u8>)]) -> FakeHub {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let hub = FakeHub {
            state: Arc::default(),
            port: listener.local_addr().unwrap().port(),
        };
        for (name, bytes) in files {
            hub.add(repository, name, bytes.clone());
        }
        let serving = hub.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let hub = serving.clone();
                // A client that goes away is no error here.
                std::thread::spawn(move || hub.answer(stream).unwrap_or_default());
            }
        });
        hub
    }

    /// Adds or replaces a file.
    pub fn add(&self, repository: &str, name: &str, bytes: Vec<u8>) {
        let mut repositories = self.state.repositories.lock().unwrap();
        let files = repositories.entry(repository.to_owned()).or_default();
        let hash = sha256(&bytes);
        files.insert(name.to_owned(), Arc::new(Stored { bytes, hash }));
    }

    /// For HF_ENDPOINT.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on.
    pub fn faults(&self, faults: Faults) {
        *self.state.faults.lock().unwrap() = faults;
    }

    /// Descriptions tell this size from now on.
    pub fn declare(&self, size: u64) {
        *self.state.declared.lock().unwrap() = Some(size);
    }

    /// What was asked since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state.log.lock().unwrap())
    }

    fn fault(&self) -> MutexGuard<'_, Faults> {
        self.state.faults.lock().unwrap()
    }

    fn answer(&self, stream: TcpStream) -> io::Result<()> {
        let Some(asked) = read_request(&stream)? else {
            return Ok(());
        };
        self.state.log.lock().unwrap().push(asked.clone());
        let mut out = stream;
        let path = asked.path.split('?').next().unwrap_or_default();
        if let Some(rest) = path.strip_prefix("/api/models/") {
            return self.describe(&mut out, rest, &asked);
        }
        if let Some(rest) = path.strip_prefix("/cdn/") {
            return self.file(&mut out, rest, &asked);
        }
        if let Some((name, rest)) = path[1..].split_once("/resolve/") {
            let (_, file) = rest.split_once('/').unwrap_or_default();
            return self.resolve(&mut out, name, &file.replace("%20", " "), &asked);
        }
        status(&mut out, 404, "", "not found")
    }

    /// `true` if the request was answered by a fault or the lack of a token.
    fn refuse(
        &self,
        out: &mut TcpStream,
        asked: &Asked,
        of: fn(&mut Faults) -> &mut Option<(usize, u16, &'static str)>,
    ) -> io::Result<bool> {
        let mut faults = self.fault();
        let token = faults.token.map(|token| format!("Bearer {token}"));
        let due = of(&mut faults);
        if let Some((times, code, headers)) = due {
            let (code, headers) = (*code, *headers);
            *times -= 1;
            if *times == 0 {
                *due = None;
            }
            drop(faults);
            return status(out, code, headers, "fault").map(|()| true);
        }
        drop(faults);
        if token.is_some() && asked.authorization != token {
            let code = if asked.authorization.is_some() {
                403
            } else {
                401
            };
            return status(out, code, "X-Error-Code: GatedRepo\r\n", "gated").map(|()| true);
        }
        Ok(false)
    }

    fn describe(&self, out: &mut TcpStream, rest: &str, asked: &Asked) -> io::Result<()> {
        if self.refuse(out, asked, |faults| &mut faults.api_status)? {
            return Ok(());
        }
        let (name, revision) = rest.split_once("/revision/").unwrap_or((rest, "main"));
        let repositories = self.state.repositories.lock().unwrap();
        let Some(files) = repositories.get(name) else {
            return status(out, 404, "X-Error-Code: RepoNotFound\r\n", "");
        };
        let commit = match revision {
            "main" | COMMIT => COMMIT,
            "v1" | BRANCH => BRANCH,
            _ => return status(out, 404, "X-Error-Code: RevisionNotFound\r\n", ""),
        };
        let no_hashes = self.fault().no_hashes;
        let declared = *self.state.declared.lock().unwrap();
        let size = |bytes: &[u8]| declared.unwrap_or(bytes.len() as u64);
        let sibling = |(name, file): (&String, &Arc<Stored>)| match no_hashes {
            true => json!({"rfilename": name}),
            false => json!({
                "rfilename": name,
                "size": size(&file.bytes),
                "lfs": {"sha256": file.hash, "size": size(&file.bytes), "pointerSize": 134},
            }),
        };
        let info = json!({
            "id": name,
            "sha": commit,
            "gated": false,
            "cardData": {"license": "apache-2.0", "license_link": "https://example.test/licence"},
            "siblings": files.iter().map(sibling).collect::<Vec<_>>(),
        });
        status(
            out,
            200,
            "Content-Type: application/json\r\n",
            &info.to_string(),
        )
    }

    /// As the hub does: its own headers first, the bytes elsewhere.
    fn resolve(
        &self,
        out: &mut TcpStream,
        name: &str,
        file: &str,
        asked: &Asked,
    ) -> io::Result<()> {
        if self.refuse(out, asked, |faults| &mut faults.status)? {
            return Ok(());
        }
        let Some(stored) = self.stored(name, file) else {
            return status(out, 404, "X-Error-Code: EntryNotFound\r\n", "");
        };
        let elsewhere = self.fault().elsewhere.clone();
        let base = elsewhere.unwrap_or_default();
        let headers = format!(
            "Location: {base}/cdn/{name}/{}?signature=secret\r\nX-Repo-Commit: {COMMIT}\r\nX-Linked-Size: {}\r\nX-Linked-Etag: \"{}\"\r\nETag: \"other\"\r\n",
            file.replace(' ', "%20"),
            stored.bytes.len(),
            stored.hash,
        );
        status(out, 302, &headers, "")
    }

    fn stored(&self, name: &str, file: &str) -> Option<Arc<Stored>> {
        let repositories = self.state.repositories.lock().unwrap();
        repositories.get(name)?.get(file).cloned()
    }

    fn file(&self, out: &mut TcpStream, rest: &str, asked: &Asked) -> io::Result<()> {
        let mut at = rest.match_indices('/');
        let cut = at.nth(1).map_or(rest.len(), |(at, _)| at);
        let (name, file) = (&rest[..cut], rest[cut + 1..].replace("%20", " "));
        let Some(stored) = self.stored(name, &file) else {
            return status(out, 404, "", "");
        };
        let bytes = &stored.bytes;
        let faults = self.fault().clone();
        if let Some(kind) = faults.page {
            let headers = format!("Content-Type: {kind}\r\n");
            return status(out, 200, &headers, "<!DOCTYPE html><title>Log in</title>");
        }
        let from = asked.from.filter(|_| !faults.no_ranges);
        if from.is_some_and(|from| from >= bytes.len()) {
            return status(out, 416, "", "");
        }
        let begin = from.unwrap_or(0);
        let (code, range) = match from {
            Some(from) => (
                206,
                format!(
                    "Content-Range: bytes {from}-{}/{}\r\n",
                    bytes.len() - 1,
                    bytes.len()
                ),
            ),
            None => (200, String::new()),
        };
        write!(
            out,
            "HTTP/1.1 {code} OK\r\nContent-Length: {}\r\nContent-Type: binary/octet-stream\r\n{range}Connection: close\r\n\r\n",
            bytes.len() - begin
        )?;
        let mut left = self.cut_at();
        for (index, block) in bytes[begin..].chunks(64 << 10).enumerate() {
            let block = &block[..block.len().min(left)];
            left -= block.len();
            if faults.flip && index == 0 && from.is_none() {
                let mut changed = block.to_vec();
                let last = changed.len() - 1;
                changed[last] ^= 1;
                out.write_all(&changed)?;
            } else {
                out.write_all(block)?;
            }
            if left == 0 {
                break;
            }
            if !faults.pause.is_zero() {
                std::thread::sleep(faults.pause);
            }
        }
        out.flush()
    }

    /// How many bytes this connection may carry.
    fn cut_at(&self) -> usize {
        let mut faults = self.fault();
        match (faults.cut, &mut faults.cuts) {
            (Some(_), Some(0)) | (None, _) => usize::MAX,
            (Some(cut), Some(left)) => {
                *left -= 1;
                cut
            }
            (Some(cut), None) => cut,
        }
    }
}

fn read_request(stream: &TcpStream) -> io::Result<Option<Asked>> {
    let mut lines = BufReader::new(stream).lines();
    let Some(first) = lines.next().transpose()? else {
        return Ok(None);
    };
    let mut asked = Asked {
        path: first.split(' ').nth(1).unwrap_or("/").to_owned(),
        from: None,
        authorization: None,
    };
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                let range = value.strip_prefix("bytes=").unwrap_or_default();
                asked.from = range.split('-').next().and_then(|from| from.parse().ok());
            }
            "authorization" => asked.authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok(Some(asked))
}

fn status(out: &mut TcpStream, code: u16, headers: &str, body: &str) -> io::Result<()> {
    write!(
        out,
        "HTTP/1.1 {code} X\r\nContent-Length: {}\r\n{headers}Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that begins as a model does, of any size, and never twice the same.
pub fn model(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = b"GGUF".to_vec();
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
