//! Who may ask: checks of Host, Origin, token and content type, before anything else is looked at.
//!
//! A page of any site can send requests to a server on its visitor's machine, and by DNS rebinding
//! it can do so under a name of its own. So the name that a request was sent to must be known,
//! and so must the site that it comes from, if it comes from one.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};

use super::problem::Problem;

/// Characters of a token at least.
const SHORTEST: usize = 16;

/// A text that requests must carry. It is compared in constant time and never shown.
#[derive(Clone)]
pub struct Token(blake3::Hash);

/// Why a token is not usable.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It could be guessed.
    #[error("the token has fewer than {SHORTEST} characters; take a long random text")]
    Short,
    /// The file cannot be read.
    #[error("cannot read the token in `{}`: {source}; give the path of a text file", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no secret.
    #[error("other users can read the token in `{}`; run `chmod 600 {}`", path.display(), path.display())]
    Readable {
        /// The file.
        path: PathBuf,
    },
}

impl Token {
    /// The token that is this text.
    ///
    /// # Errors
    /// If it is too short.
    pub fn new(text: &str) -> Result<Token, TokenError> {
        match text.trim() {
            text if text.len() < SHORTEST => Err(TokenError::Short),
            text => Ok(Token(blake3::hash(text.as_bytes()))),
        }
    }

    /// The token that a file holds.
    ///
    /// # Errors
    /// If it cannot be read, others can read it too, or the token is too short.
    pub fn read(path: &Path) -> Result<Token, TokenError> {
        use std::os::unix::fs::PermissionsExt;
        let failed = |source| TokenError::File {
            path: path.to_owned(),
            source,
        };
        let mode = std::fs::metadata(path)
            .map_err(failed)?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(TokenError::Readable {
                path: path.to_owned(),
            });
        }
        Token::new(&std::fs::read_to_string(path).map_err(failed)?)
    }

    fn is(&self, text: &str) -> bool {
        // Hashes are compared in constant time.
        self.0 == blake3::hash(text.as_bytes())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What is let through.
#[derive(Clone, Debug)]
pub struct Gate {
    address: SocketAddr,
    hosts: Vec<String>,
    origins: Vec<String>,
    token: Option<Token>,
}

/// A request that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Another site whose page may read the answer.
    pub origin: Option<String>,
}

impl Gate {
    /// For a server at `address`, which `hosts` name too, for pages of `origins` too.
    pub fn new(
        address: SocketAddr,
        hosts: &[String],
        origins: &[String],
        token: Option<Token>,
    ) -> Gate {
        let lower = |texts: &[String]| texts.iter().map(|text| text.to_lowercase()).collect();
        Gate {
            address,
            hosts: lower(hosts),
            origins: lower(origins),
            token,
        }
    }

    /// Whether a token is asked for.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Checks a request's head; `is_open` says that everybody may have the answer, who may ask.
    ///
    /// # Errors
    /// 403 or 401.
    pub fn check(
        &self,
        method: &Method,
        headers: &HeaderMap,
        is_open: bool,
    ) -> Result<Passed, Problem> {
        let host = self.host(headers)?;
        let origin = self.origin(headers, &host, is_open)?;
        let is_preflight = *method == Method::OPTIONS && origin.is_some();
        if !is_open && !is_preflight {
            self.token(headers)?;
        }
        Ok(Passed { origin })
    }

    fn host(&self, headers: &HeaderMap) -> Result<String, Problem> {
        let host = single(headers, &header::HOST).unwrap_or_default();
        match self.is_host(&host) {
            true => Ok(host),
            false => Err(forbidden(
                "host",
                format!(
                    "this server is not called `{}`; `fathom serve --allow-host NAME` adds a name",
                    shown(&host)
                ),
            )),
        }
    }

    fn is_host(&self, host: &str) -> bool {
        let (name, port) = split(host);
        if self
            .hosts
            .iter()
            .any(|known| known == host || known == name)
        {
            return true;
        }
        if port.unwrap_or(80) != self.address.port() {
            return false;
        }
        let ip = name.trim_matches(['[', ']']).parse::<IpAddr>();
        match (name, ip) {
            ("localhost", _) => true,
            (_, Ok(ip)) if ip.is_loopback() => true,
            // Rebinding needs a name: an address means the machine that has it.
            (_, Ok(_)) => !self.address.ip().is_loopback(),
            _ => false,
        }
    }

    /// The site that asks, if it is another one.
    fn origin(
        &self,
        headers: &HeaderMap,
        host: &str,
        is_open: bool,
    ) -> Result<Option<String>, Problem> {
        if !headers.contains_key(header::ORIGIN) {
            return match single(headers, &HeaderName::from_static("sec-fetch-site")).as_deref() {
                Some("cross-site") if !is_open => Err(foreign("another site")),
                _ => Ok(None),
            };
        }
        let origin = single(headers, &header::ORIGIN).unwrap_or_default();
        if self.origins.contains(&origin) {
            return Ok(Some(origin));
        }
        let own = |scheme: &str| origin.strip_prefix(scheme) == Some(host);
        // TLS is somebody else's, who is called by a name that was allowed.
        let by_proxy = own("https://") && !self.hosts.is_empty();
        match own("http://") || by_proxy {
            true => Ok(None),
            false => Err(foreign(&origin)),
        }
    }

    fn token(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let sent = single(headers, &header::AUTHORIZATION).unwrap_or_default();
        let sent = exact(headers, &header::AUTHORIZATION).unwrap_or(sent);
        match sent.split_once(' ') {
            Some((scheme, sent))
                if scheme.eq_ignore_ascii_case("bearer") && token.is(sent.trim()) =>
            {
                Ok(())
            }
            _ => Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "token",
                "the token is missing or not this server's; send `Authorization: Bearer TOKEN`",
            )),
        }
    }
}

/// Only JSON is taken: what a form of another site can send is not.
///
/// # Errors
/// 415.
pub fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let sent = single(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let kind = sent.split(';').next().unwrap_or_default().trim();
    match kind == "application/json" {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-type",
            format!(
                "the body is `{}`; send JSON with `Content-Type: application/json`",
                shown(kind)
            ),
        )),
    }
}

/// The value of a header that may stand there once, in lower case.
fn single(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    exact(headers, name).map(|value| value.to_lowercase())
}

fn exact(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok().map(str::to_owned),
        _ => None,
    }
}

/// `name` and port; a name in brackets is an IPv6 address.
fn split(host: &str) -> (&str, Option<u16>) {
    let end = host.rfind(']').map_or(0, |end| end + 1);
    match host[end..].rfind(':') {
        // What is no port matches none.
        Some(at) => (
            &host[..end + at],
            host[end + at + 1..].parse().ok().or(Some(0)),
        ),
        None => (host, None),
    }
}

fn forbidden(code: &str, message: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, code, message)
}

fn foreign(origin: &str) -> Problem {
    let message = format!(
        "pages of `{}` may not ask this server; `fathom serve --allow-origin ORIGIN` lets them",
        shown(origin)
    );
    forbidden("origin", message)
}

/// What a client sent, short.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn passes(gate: &Gate, pairs: &[(&str, &str)]) -> Result<Option<String>, u16> {
        let passed = gate.check(&Method::POST, &headers(pairs), false);
        passed
            .map(|passed| passed.origin)
            .map_err(|problem| problem.status)
    }

    fn gate(address: &str, hosts: &[&str], origins: &[&str], token: Option<&str>) -> Gate {
        let owned = |texts: &[&str]| {
            texts
                .iter()
                .map(|&text| text.to_owned())
                .collect::<Vec<_>>()
        };
        let token = token.map(|text| Token::new(text).unwrap());
        Gate::new(
            address.parse().unwrap(),
            &owned(hosts),
            &owned(origins),
            token,
        )
    }

    #[test]
    fn a_host_is_this_machine_or_allowed() {
        let here = gate("127.0.0.1:7171", &[], &[], None);
        let named = gate("127.0.0.1:7171", &["box.example", "other:99"], &[], None);
        let wide = gate("0.0.0.0:7171", &[], &[], None);
        for (gate, host, expected) in [
            (&here, "127.0.0.1:7171", true),
            (&here, "localhost:7171", true),
            (&here, "LOCALHOST:7171", true),
            (&here, "[::1]:7171", true),
            (&here, "127.0.0.1", false),
            (&here, "127.0.0.1:80", false),
            (&here, "localhost:x", false),
            (&here, "localhost:", false),
            (&here, "evil.example:7171", false),
            (&here, "127.0.0.1.evil.example:7171", false),
            (&here, "localhost.evil.example:7171", false),
            (&here, "192.168.0.7:7171", false),
            (&here, "", false),
            (&named, "box.example", true),
            (&named, "box.example:443", true),
            (&named, "other:99", true),
            (&named, "other:98", false),
            (&wide, "192.168.0.7:7171", true),
            (&wide, "[fe80::1]:7171", true),
            (&wide, "evil.example:7171", false),
        ] {
            let passed = passes(gate, &[("host", host)]);
            assert_eq!(passed.is_ok(), expected, "{host}");
        }
        let twice = [("host", "localhost:7171"), ("host", "localhost:7171")];
        assert_eq!(passes(&here, &twice), Err(403));
        assert_eq!(passes(&here, &[]), Err(403));
    }

    #[test]
    fn an_origin_is_this_server_or_allowed() {
        let gate_of = |origins| gate("127.0.0.1:7171", &[], origins, None);
        let (none, one) = (gate_of(&[]), gate_of(&["https://ide.example"]));
        let proxied = gate("127.0.0.1:7171", &["box.example"], &[], None);
        let host = ("host", "localhost:7171");
        for (gate, more, expected) in [
            (&none, &[][..], Ok(None)),
            (&none, &[("origin", "http://localhost:7171")], Ok(None)),
            (&none, &[("origin", "https://localhost:7171")], Err(403)),
            (&none, &[("origin", "http://localhost:7172")], Err(403)),
            (&none, &[("origin", "http://127.0.0.1:7171")], Err(403)),
            (&none, &[("origin", "null")], Err(403)),
            (&none, &[("origin", "")], Err(403)),
            (&none, &[("origin", "https://ide.example")], Err(403)),
            (&none, &[("sec-fetch-site", "cross-site")], Err(403)),
            (&none, &[("sec-fetch-site", "same-origin")], Ok(None)),
            (
                &one,
                &[("origin", "https://ide.example")],
                Ok(Some("https://ide.example".to_owned())),
            ),
            (&one, &[("origin", "https://ide.example.evil")], Err(403)),
        ] {
            let sent = [&[host], more].concat();
            assert_eq!(passes(gate, &sent), expected, "{more:?}");
        }
        let by_proxy = [("host", "box.example"), ("origin", "https://box.example")];
        assert_eq!(passes(&proxied, &by_proxy), Ok(None));
    }

    #[test]
    fn a_token_is_asked_for_after_host_and_origin() {
        let gate = gate("127.0.0.1:7171", &[], &[], Some("correct-horse-battery"));
        let host = ("host", "localhost:7171");
        let bearer = |text: &'static str| ("authorization", text);
        for (sent, expected) in [
            (vec![host], Err(401)),
            (vec![host, bearer("Bearer wrong-horse-battery")], Err(401)),
            (vec![host, bearer("correct-horse-battery")], Err(401)),
            (vec![host, bearer("Basic correct-horse-battery")], Err(401)),
            (vec![host, bearer("Bearer Correct-Horse-Battery")], Err(401)),
            (vec![host, bearer("Bearer correct-horse-battery")], Ok(None)),
            (vec![host, bearer("bearer correct-horse-battery")], Ok(None)),
            (vec![bearer("Bearer correct-horse-battery")], Err(403)),
            (vec![host, ("origin", "null")], Err(403)),
        ] {
            assert_eq!(passes(&gate, &sent), expected, "{sent:?}");
        }
        assert!(Token::new("short").is_err());
        assert!(!format!("{gate:?}").contains("horse"));
    }

    #[test]
    fn bodies_are_json() {
        for (kind, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=application/json", false),
            ("application/jsonp", false),
        ] {
            let checked = check_content_type(&headers(&[("content-type", kind)]));
            assert_eq!(checked.is_ok(), expected, "{kind}");
        }
        assert!(check_content_type(&HeaderMap::new()).is_err());
    }
}
