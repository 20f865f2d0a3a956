//! Paths as a query names them.

/// Whether `named` is this path, its end, or a folder of it, in whole components: `http/client.rs` and `src/http` name
/// `src/http/client.rs`.
pub fn names_path(named: &str, path: &[u8]) -> bool {
    let named = named.trim_start_matches("./").trim_matches('/').as_bytes();
    let starts_component = |at: usize| at == 0 || path[at - 1] == b'/';
    let ends_component = |at: usize| at == path.len() || path[at] == b'/';
    !named.is_empty()
        && memchr::memmem::find_iter(path, named)
            .any(|at| starts_component(at) && ends_component(at + named.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_components_name_a_path() {
        for (named, expected) in [
            ("src/http/client.rs", true),
            ("http/client.rs", true),
            ("client.rs", true),
            ("./src/http/client.rs", true),
            ("src/http/", true),
            ("http", true),
            ("lient.rs", false),
            ("http/client", false),
            ("src/client.rs", false),
            ("/", false),
            ("", false),
        ] {
            assert_eq!(
                names_path(named, b"src/http/client.rs"),
                expected,
                "{named}"
            );
        }
    }
}
