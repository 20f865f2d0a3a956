//! Maps of small repositories.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::testing::store;

const FILES: &[(&str, &str)] = &[
    (
        "src/store.rs",
        "pub struct Store;\n\nimpl Store {\n    pub fn open_store(path: &str) -> Store {\n        helper(path);\n        Store\n    }\n}\n\nfn helper(path: &str) {\n    path.len();\n}\n",
    ),
    (
        "src/a.rs",
        "pub fn run_first() {\n    let store = Store::open_store(\"a\");\n}\n",
    ),
    (
        "src/b.rs",
        "pub fn run_second() {\n    let store = Store::open_store(\"b\");\n    run_first();\n}\n",
    ),
    ("tests/t.rs", "#[test]\nfn runs() {\n    run_second();\n}\n"),
];

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[test]
fn what_others_use_comes_first() {
    let (_dir, snapshot) = store(FILES);
    let all = map(&snapshot, None, 1000, &words).unwrap();
    insta::assert_snapshot!(all.render(), @r"
    src/store.rs
         1  pub struct Store
         4  pub fn open_store(path: &str) -> Store
        10  fn helper(path: &str)
    src/b.rs
         1  pub fn run_second()
    src/a.rs
         1  pub fn run_first()
    ");
    assert_eq!((all.shown, all.total), (5, 5));
    let some = map(&snapshot, Some(b"src/a.rs"), 1000, &words).unwrap();
    assert_eq!(some.render(), "src/a.rs\n     1  pub fn run_first()\n");
    assert_eq!(
        map(&snapshot, Some(b"src/a"), 1000, &words).unwrap().files,
        []
    );
}

#[test]
fn a_map_keeps_to_its_budget_and_is_the_same_each_time() {
    let (_dir, snapshot) = store(FILES);
    let mut before = 0;
    for budget in 0..40 {
        let first = map(&snapshot, None, budget, &words).unwrap();
        assert!(words(&first.render()) <= budget, "{budget}");
        assert!(first.shown >= before);
        before = first.shown;
        assert_eq!(first, map(&snapshot, None, budget, &words).unwrap());
    }
    assert_eq!(before, 5);
}
