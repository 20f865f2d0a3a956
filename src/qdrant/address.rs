//! Where the vectors are: `qdrant://host:port/collection`.

use super::QdrantError;

/// Port of Qdrant's gRPC interface.
const PORT: u16 = 6334;

/// A server and a collection on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    tls: bool,
    /// Host and port.
    authority: String,
    /// Name of the collection.
    pub collection: String,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// For what is none.
    pub fn parse(text: &str) -> Result<Address, QdrantError> {
        let wrong = || QdrantError::Address(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let tls = match scheme {
            "qdrant" => false,
            "qdrants" => true,
            _ => return Err(wrong()),
        };
        let (authority, collection) = rest.split_once('/').ok_or_else(wrong)?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        // A key in an address would end up in histories and lists of processes.
        let is_host = |c: char| is_word(c) || "[]:".contains(c);
        let collection = collection.trim_end_matches('/');
        if authority.is_empty() || !authority.chars().all(is_host) {
            return Err(wrong());
        }
        if collection.is_empty() || !collection.chars().all(is_word) {
            return Err(wrong());
        }
        let after_host = authority.rsplit(']').next().unwrap_or_default();
        let authority = match after_host.contains(':') {
            true => authority.to_owned(),
            false => format!("{authority}:{PORT}"),
        };
        Ok(Address {
            tls,
            authority,
            collection: collection.to_owned(),
        })
    }

    /// What the client connects to.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// The server as the user writes it.
    pub(super) fn server(&self) -> String {
        let scheme = if self.tls { "qdrants" } else { "qdrant" };
        format!("{scheme}://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        for (text, expected) in [
            (
                "qdrant://localhost/code",
                Some(("http://localhost:6334", "code")),
            ),
            (
                "qdrant://10.0.0.1:7000/a-b_c.d/",
                Some(("http://10.0.0.1:7000", "a-b_c.d")),
            ),
            (
                "qdrants://db.example.org/code",
                Some(("https://db.example.org:6334", "code")),
            ),
            ("qdrant://[::1]/code", Some(("http://[::1]:6334", "code"))),
            ("qdrant://[::1]:9/code", Some(("http://[::1]:9", "code"))),
            ("http://localhost:6334/code", None),
            ("localhost/code", None),
            ("qdrant://localhost", None),
            ("qdrant:///code", None),
            ("qdrant://key@localhost/code", None),
            ("qdrant://localhost/a/b", None),
            ("qdrant://localhost/a?b", None),
        ] {
            let parsed = Address::parse(text).ok();
            let parts = parsed.map(|one| (one.url(), one.collection));
            let expected = expected.map(|(url, name)| (url.to_owned(), name.to_owned()));
            assert_eq!(parts, expected, "{text}");
        }
    }
}
