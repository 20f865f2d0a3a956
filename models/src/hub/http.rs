//! One request: redirects, the token, what statuses mean.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use ureq::http::{HeaderMap, Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::retry::Failure;
use super::{Hub, HubError, Token};

/// How often the cancel flag is looked at while a server is silent.
const POLL: Duration = Duration::from_millis(25);
/// Redirects of one request.
const HOPS: usize = 8;

/// A client that trusts whom the system trusts, and follows nothing by itself.
pub(super) fn agent(silence: Duration) -> Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    Agent::config_builder()
        .tls_config(tls.build())
        .timeout_connect(Some(Duration::from_secs(10).min(silence)))
        .timeout_recv_response(Some(silence))
        .timeout_per_read(Some(silence))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("fathom/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// What a request is about, for messages.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) repository: String,
    pub(super) revision: String,
    pub(super) file: Option<String>,
}

/// A good answer.
pub(super) struct Reply {
    /// Where it came from, without the query, which may be a signature.
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    /// The hub's own headers: it answers before it sends on to another host.
    pub(super) linked: Linked,
}

/// What the hub says of a file before it sends on to where the bytes are.
#[derive(Clone, Debug, Default)]
pub(super) struct Linked {
    pub(super) etag: Option<String>,
    pub(super) size: Option<u64>,
}

impl Hub {
    /// Asks for a path of the hub, from a byte on. Waiting can be cancelled.
    pub(super) fn get(
        &self,
        path: &str,
        from: u64,
        subject: &Subject,
        cancel: &AtomicBool,
    ) -> Result<Reply, Failure> {
        let request = Request {
            agent: self.agent.clone(),
            endpoint: self.options.endpoint.clone(),
            token: self.options.token.clone(),
            url: format!("{}{path}", self.options.endpoint),
            from,
            subject: subject.clone(),
        };
        cancellable(cancel, move || request.run())
    }
}

/// Runs what may block in a thread of its own, and leaves it when cancelled.
fn cancellable<T: Send + 'static>(
    cancel: &AtomicBool,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        // If nobody waits any more, the result is of no interest.
        let _unheard = sender.send(work());
    });
    loop {
        match receiver.recv_timeout(POLL) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::later("the connection's thread panicked"));
            }
            Err(RecvTimeoutError::Timeout) if cancel.load(Ordering::Relaxed) => {
                return Err(HubError::Cancelled.into());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// A request with all that it needs, to be run in any thread.
struct Request {
    agent: Agent,
    endpoint: String,
    token: Option<Token>,
    url: String,
    from: u64,
    subject: Subject,
}

impl Request {
    fn run(&self) -> Result<Reply, Failure> {
        let home = uri(&self.endpoint)?;
        let mut target = uri(&self.url)?;
        let mut linked = Linked::default();
        for _ in 0..HOPS {
            let response = self.send(&target, same_origin(&target, &home))?;
            let status = response.status().as_u16();
            if same_origin(&target, &home) {
                linked.learn(response.headers());
            }
            match location(&response) {
                Some(location) => target = joined(&target, location)?,
                None => return self.judge(reply(status, &target, response, linked)),
            }
        }
        Err(self.unexpected("redirects without end").into())
    }

    fn send(&self, target: &Uri, with_token: bool) -> Result<Response<Body>, Failure> {
        let mut get = self.agent.get(target.clone());
        // Compressed bytes have other ranges and another length.
        get = get.header("Accept-Encoding", "identity");
        if self.from > 0 {
            get = get.header("Range", format!("bytes={}-", self.from));
        }
        if let (true, Some(token)) = (with_token, &self.token) {
            get = get.header("Authorization", format!("Bearer {}", token.reveal()));
        }
        get.call().map_err(|error| self.failed(target, &error))
    }

    fn failed(&self, target: &Uri, error: &ureq::Error) -> Failure {
        use ureq::Error::{BadUri, InvalidProxyUrl, Pem, Rustls, Tls};
        let host = target.host().unwrap_or_default();
        match error {
            Tls(_) | Rustls(_) | Pem(_) | BadUri(_) | InvalidProxyUrl => {
                let what = format!("nothing that can be trusted: {error}");
                self.unexpected(what).into()
            }
            _ => Failure::later(format!("cannot reach {host}: {error}")),
        }
    }

    fn unexpected(&self, what: impl Into<String>) -> HubError {
        HubError::Unexpected {
            url: self.url.clone(),
            what: what.into(),
        }
    }

    /// An answer, if it is one; else what its status means.
    fn judge(&self, reply: Reply) -> Result<Reply, Failure> {
        let code = text(&reply.headers, "x-error-code").unwrap_or_default();
        match (reply.status, code) {
            (200 | 206, _) if is_html(&reply.headers) => {
                Err(HubError::WebPage { url: reply.url }.into())
            }
            (200 | 206 | 416, _) => Ok(reply),
            (401 | 403, "GatedRepo") => Err(self.gated().into()),
            (401 | 404, "RepoNotFound") => Err(self.no_repository().into()),
            (401 | 403, _) if is_html(&reply.headers) => {
                Err(HubError::WebPage { url: reply.url }.into())
            }
            (401 | 403, _) => Err(self.denied(reply.status).into()),
            (404 | 410, _) => Err(self.not_found(code).into()),
            (408 | 425 | 429 | 500..=599, _) => Err(Failure::Later {
                reason: meaning(reply.status),
                wait: text(&reply.headers, "retry-after")
                    .and_then(|seconds| seconds.trim().parse().ok())
                    .map(Duration::from_secs),
            }),
            (status, _) => Err(self.unexpected(format!("with status {status}")).into()),
        }
    }

    fn gated(&self) -> HubError {
        HubError::Gated {
            repository: self.subject.repository.clone(),
            page: self.page(),
            endpoint: self.endpoint.clone(),
            has_token: self.token.is_some(),
        }
    }

    fn denied(&self, status: u16) -> HubError {
        HubError::Denied {
            repository: self.subject.repository.clone(),
            endpoint: self.endpoint.clone(),
            status,
            has_token: self.token.is_some(),
        }
    }

    fn no_repository(&self) -> HubError {
        HubError::NoRepository {
            repository: self.subject.repository.clone(),
            endpoint: self.endpoint.clone(),
        }
    }

    fn not_found(&self, code: &str) -> HubError {
        let subject = self.subject.clone();
        match (code, subject.file) {
            ("RevisionNotFound", _) => HubError::NoRevision {
                page: self.page(),
                repository: subject.repository,
                revision: subject.revision,
            },
            (_, Some(file)) => HubError::NoFile {
                page: self.page(),
                repository: subject.repository,
                file,
            },
            (_, None) => self.no_repository(),
        }
    }

    fn page(&self) -> String {
        format!("{}/{}", self.endpoint, self.subject.repository)
    }
}

fn meaning(status: u16) -> String {
    let meaning = match status {
        429 => " (too many requests; with HF_TOKEN set, more are allowed)",
        500.. => " (the server has a problem)",
        _ => "",
    };
    format!("status {status}{meaning}")
}

fn reply(status: u16, target: &Uri, response: Response<Body>, linked: Linked) -> Reply {
    let (parts, body) = response.into_parts();
    Reply {
        url: without_query(target),
        status,
        headers: parts.headers,
        body,
        linked,
    }
}

impl Linked {
    fn learn(&mut self, headers: &HeaderMap) {
        let linked = text(headers, "x-linked-etag").map(str::to_owned);
        let own = || text(headers, "etag").map(str::to_owned);
        self.etag = linked.or(self.etag.take()).or_else(own);
        let size = text(headers, "x-linked-size").and_then(|size| size.parse().ok());
        self.size = size.or(self.size);
    }
}

/// A header as text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_html(headers: &HeaderMap) -> bool {
    let kind = text(headers, "content-type").unwrap_or_default();
    kind.trim_start()
        .to_ascii_lowercase()
        .starts_with("text/html")
}

fn uri(text: &str) -> Result<Uri, HubError> {
    let parsed: Option<Uri> = text.parse().ok();
    let is_web =
        |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    parsed
        .filter(is_web)
        .ok_or_else(|| HubError::Endpoint(text.to_owned()))
}

/// Scheme, host and port: who the token is for.
fn same_origin(one: &Uri, other: &Uri) -> bool {
    let port = |uri: &Uri| match (uri.port_u16(), uri.scheme_str()) {
        (Some(port), _) => port,
        (None, Some("http")) => 80,
        (None, _) => 443,
    };
    let host = |uri: &Uri| uri.host().unwrap_or_default().to_ascii_lowercase();
    one.scheme_str() == other.scheme_str() && host(one) == host(other) && port(one) == port(other)
}

fn location(response: &Response<Body>) -> Option<&str> {
    match response.status().as_u16() {
        301 | 302 | 303 | 307 | 308 => text(response.headers(), "location"),
        _ => None,
    }
}

/// The address that a redirect means.
fn joined(base: &Uri, location: &str) -> Result<Uri, HubError> {
    let hostile = || HubError::Hostile {
        what: "redirect",
        name: location.split('?').next().unwrap_or_default().to_owned(),
    };
    let scheme = base.scheme_str().unwrap_or("https");
    let authority = base.authority().map_or("", |authority| authority.as_str());
    let absolute = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.contains("://") {
        location.to_owned()
    } else {
        let folder = base
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let target = uri(&absolute).map_err(|_| hostile())?;
    // From a safe connection to one that anybody can read.
    if scheme == "https" && target.scheme_str() == Some("http") {
        return Err(hostile());
    }
    Ok(target)
}

fn without_query(uri: &Uri) -> String {
    let text = uri.to_string();
    text.split('?').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn redirects_are_joined() {
        let join = |location: &str| {
            let base = uri("https://hub.test:8443/a/resolve/main/f").unwrap();
            joined(&base, location).map_or_else(|_| "refused".to_owned(), |uri| uri.to_string())
        };
        assert_eq!(join("/b?x=1"), "https://hub.test:8443/b?x=1");
        assert_eq!(join("g"), "https://hub.test:8443/a/resolve/main/g");
        assert_eq!(join("//cdn.test/b"), "https://cdn.test/b");
        assert_eq!(join("https://cdn.test/b"), "https://cdn.test/b");
        for refused in ["http://hub.test/b", "ftp://cdn.test/b", "https:///b"] {
            assert_eq!(join(refused), "refused", "{refused}");
        }
    }

    #[test]
    fn the_token_is_for_one_origin() {
        let home = uri("https://hub.test").unwrap();
        for (other, same) in [
            ("https://hub.test:443/x", true),
            ("https://HUB.test/x", true),
            ("https://cdn.hub.test/x", false),
            ("https://hub.test:444/x", false),
            ("http://hub.test/x", false),
        ] {
            assert_eq!(same_origin(&uri(other).unwrap(), &home), same, "{other}");
        }
    }
}
