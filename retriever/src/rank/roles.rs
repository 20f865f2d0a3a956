//! What part a file plays in a repository, read off its path.

/// Roles that make a file a less likely answer unless the query asks for such files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles {
    /// Tests, specs, fixtures, mocks.
    pub test: bool,
    /// Examples, demos, tutorials.
    pub example: bool,
    /// Benchmarks.
    pub benchmark: bool,
    /// Third-party code kept in the tree.
    pub vendored: bool,
    /// Written by a program.
    pub generated: bool,
    /// Kept for compatibility.
    pub legacy: bool,
    /// Documentation.
    pub docs: bool,
    /// Type declarations without code.
    pub declaration: bool,
    /// A package's entry file, which often only re-exports.
    pub entry: bool,
}

impl Roles {
    /// Reads the roles off a path relative to the root.
    pub fn of(path: &str) -> Roles {
        let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
        let lower = file.to_lowercase();
        let inside = |names: &str| {
            folders.split('/').any(|folder| {
                names
                    .split_whitespace()
                    .any(|name| folder.eq_ignore_ascii_case(name))
            })
        };
        Roles {
            test: inside(
                "test tests __tests__ spec specs e2e testdata fixtures mocks __mocks__ unittests",
            ) || is_test_file(file, &lower),
            example: inside(
                "example examples demo demos sample samples tutorial tutorials playground docs_src",
            ),
            benchmark: inside("bench benches benchmark benchmarks perf"),
            vendored: inside(
                "vendor vendored third_party third-party thirdparty node_modules external deps",
            ),
            generated: inside("generated gen __generated__") || is_generated_file(&lower),
            legacy: path
                .to_lowercase()
                .split(['/', '_', '-', '.'])
                .any(is_legacy_word),
            docs: inside("doc docs") || ends_with_any(&lower, ".md .mdx .rst .txt .adoc"),
            declaration: ends_with_any(&lower, ".d.ts .d.mts .d.cts .pyi"),
            entry: is_entry_file(&lower),
        }
    }
}

fn is_test_file(file: &str, lower: &str) -> bool {
    let stem = lower.split('.').next().unwrap_or_default();
    let camel = file.split('.').next().unwrap_or_default();
    stem.starts_with("test_")
        || ends_with_any(stem, "_test _tests _spec")
        || ends_with_any(camel, "Test Tests TestCase Spec")
        || lower.contains(".test.")
        || lower.contains(".spec.")
        || ends_with_any(lower, ".bats")
        || ["conftest.py", "test.rs", "tests.rs", "test.py", "tests.py"].contains(&lower)
}

fn is_generated_file(lower: &str) -> bool {
    lower.contains(".generated.")
        || lower.contains(".min.")
        || ends_with_any(lower, ".pb.go .pb.cc .pb.h _pb2.py .g.dart .g.cs")
}

fn is_legacy_word(word: &str) -> bool {
    [
        "compat",
        "compatibility",
        "legacy",
        "deprecated",
        "backport",
        "backports",
    ]
    .contains(&word)
}

fn is_entry_file(lower: &str) -> bool {
    let (stem, extension) = lower.split_once('.').unwrap_or((lower, ""));
    match stem {
        "__init__" => true,
        "index" => ["js", "ts", "jsx", "tsx", "mjs", "cjs", "mts"].contains(&extension),
        "mod" | "lib" | "prelude" => extension == "rs",
        "package-info" | "module-info" => extension == "java",
        _ => false,
    }
}

fn ends_with_any(text: &str, endings: &str) -> bool {
    endings
        .split_whitespace()
        .any(|ending| text.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(roles: Roles) -> String {
        let all = [
            ("test", roles.test),
            ("example", roles.example),
            ("benchmark", roles.benchmark),
            ("vendored", roles.vendored),
            ("generated", roles.generated),
            ("legacy", roles.legacy),
            ("docs", roles.docs),
            ("declaration", roles.declaration),
            ("entry", roles.entry),
        ];
        let named: Vec<&str> = all
            .iter()
            .filter(|(_, on)| *on)
            .map(|(name, _)| *name)
            .collect();
        named.join(" ")
    }

    #[test]
    fn paths_have_roles() {
        for (path, expected) in [
            ("src/router.rs", ""),
            ("src/testing/client.py", ""),
            ("src/contest.rs", ""),
            ("latest.js", ""),
            ("tests/router.rs", "test"),
            ("pkg/router_test.go", "test"),
            ("pkg/test_router.py", "test"),
            ("src/Router.spec.ts", "test"),
            ("src/RouterTest.java", "test"),
            ("conftest.py", "test"),
            ("examples/hello.rs", "example"),
            ("benches/encode.rs", "benchmark"),
            ("vendor/lib.c", "vendored"),
            ("api/service.pb.go", "generated"),
            ("dist/app.min.js", "generated"),
            ("src/_compat.py", "legacy"),
            ("src/legacy/cookies.js", "legacy"),
            ("docs/guide.md", "docs"),
            ("README.md", "docs"),
            ("types/index.d.ts", "declaration"),
            ("pkg/__init__.py", "entry"),
            ("src/index.ts", "entry"),
            ("src/mod.rs", "entry"),
            ("lib/index.html", ""),
        ] {
            assert_eq!(names(Roles::of(path)), expected, "{path}");
        }
    }
}
