//! Cards of small repositories.
#![allow(clippy::unwrap_used)]

use fathom_indexes::{Snapshot, SymbolRecord, SymbolRow};

use super::defined::{Defined, From};
use super::relations::implementor;
use super::*;
use crate::testing::store;
use std::rc::Rc;

const SHAPES: &[(&str, &str)] = &[
    (
        "src/shape.rs",
        "/// A thing with an area.\npub trait Shape {\n    fn area(&self) -> f64;\n}\n\npub struct Circle {\n    pub r: f64,\n}\n\nimpl Shape for Circle {\n    fn area(&self) -> f64 {\n        square(self.r) * 3.0\n    }\n}\n\n/// Multiplies a number\n/// by itself.\n#[inline]\nfn square(x: f64) -> f64 {\n    x.mul_add(x, 0.0)\n}\n\npub fn total(shapes: &[Circle]) -> f64 {\n    shapes.iter().map(Shape::area).sum::<f64>() + square(0.0)\n}\n",
    ),
    (
        "tests/total.rs",
        "#[test]\nfn totals_add_up() {\n    assert_eq!(total(&[]), 0.0);\n}\n",
    ),
    (
        "py/base.py",
        "class Base:\n    def run(self):\n        \"\"\"Runs it.\"\"\"\n        return square(2)\n\n\ndef square(x):\n    return x * x\n",
    ),
    (
        "py/child.py",
        "from base import Base\n\n\nclass Child(Base):\n    def run(self):\n        return 1\n",
    ),
];

fn card_of(snapshot: &Snapshot, name: &str) -> Card {
    match find_symbol(snapshot, name).unwrap() {
        Found::One(subject) => card(snapshot, *subject).unwrap(),
        other => panic!("{name}: {other:?}"),
    }
}

/// A card in a few lines.
fn summary(card: &Card) -> String {
    let at = |place: &Place| {
        let path = String::from_utf8_lossy(&place.path);
        format!("{path}:{}-{}", place.start_line, place.end_line)
    };
    let links = |links: &Links| {
        let all = links.listed.iter();
        let all = all.map(|link| {
            format!(
                "{} {}@{} ({})",
                link.name,
                at(&link.place),
                link.line,
                link.candidates
            )
        });
        all.collect::<Vec<_>>().join(", ")
    };
    let tests = card.tests.iter().map(|test| {
        let through = test.through.as_deref().unwrap_or("itself");
        format!("{} through {through}", test.test.name)
    });
    let subject = &card.subject;
    format!(
        "{} {} {}\n{}\ndoc: {}\ncallers: {}\ncallees: {}\noutside: {}\nimplementors: {}\ntests: {}",
        subject.kind,
        subject.qualified_name,
        at(&subject.place),
        subject.signature,
        card.doc,
        links(&card.callers),
        links(&card.callees),
        card.outside.join(" "),
        links(&card.implementors),
        tests.collect::<Vec<_>>().join(", "),
    )
}

#[test]
fn a_function_has_callers_and_tests_two_steps_away() {
    let (_dir, snapshot) = store(SHAPES);
    let Found::One(subject) = find(&snapshot, b"src/shape.rs", 20, 20).unwrap() else {
        panic!("no subject");
    };
    insta::assert_snapshot!(summary(&card(&snapshot, *subject).unwrap()), @r"
    function square src/shape.rs:19-21
    fn square(x: f64) -> f64
    doc: Multiplies a number
    by itself.
    callers: Circle::area src/shape.rs:11-13@12 (1), total src/shape.rs:23-25@24 (1)
    callees: 
    outside: mul_add
    implementors: 
    tests: totals_add_up through total
    ");
}

#[test]
fn tests_are_found_by_the_words_of_a_name() {
    for name in ["acquire", "acquire_lock", "acquireLock", "x2"] {
        let library = format!("pub fn {name}() {{}}\n");
        let test = format!("#[test]\nfn works() {{\n    assert!({name}());\n}}\n");
        let (_dir, snapshot) = store(&[("src/a.rs", &library), ("tests/a.rs", &test)]);
        let tests = card_of(&snapshot, name).tests;
        assert_eq!(tests.len(), 1, "{name}");
    }
}

#[test]
fn a_trait_has_implementors() {
    let (_dir, snapshot) = store(SHAPES);
    insta::assert_snapshot!(summary(&card_of(&snapshot, "Shape")), @r"
    interface Shape src/shape.rs:2-4
    pub trait Shape
    doc: A thing with an area.
    callers:  src/shape.rs:10-10@10 (1)
    callees: 
    outside: 
    implementors: Circle src/shape.rs:10-10@10 (1)
    tests: 
    ");
    insta::assert_snapshot!(summary(&card_of(&snapshot, "Base")), @r"
    type Base py/base.py:1-4
    class Base
    doc: 
    callers: 
    callees: square py/base.py:7-8@4 (1)
    outside: 
    implementors: Child py/child.py:4-6@4 (1)
    tests: 
    ");
    insta::assert_snapshot!(summary(&card_of(&snapshot, "Base.run")), @r"
    method Base.run py/base.py:2-4
    def run(self)
    doc: Runs it.
    callers: 
    callees: square py/base.py:7-8@4 (1)
    outside: 
    implementors: 
    tests: 
    ");
}

#[test]
fn heads_name_implementors() {
    for (head, base, expected) in [
        ("impl Shape for Circle", "Shape", Some("Circle")),
        ("impl<T> Shape<T> for Circle<T>", "Shape", Some("Circle")),
        ("impl Circle", "Circle", None),
        ("impl Shape for Circle", "Circle", None),
        ("class Child(Base):", "Base", Some("Child")),
        ("class Base:", "Base", None),
        ("public class A extends B implements C, D", "D", Some("A")),
        ("struct A : public B", "B", Some("A")),
        ("class A : B<C>", "B", Some("A")),
        ("fn f(x: Base)", "Base", None),
        (
            "export class Sq extends Base implements Shape",
            "Shape",
            Some("Sq"),
        ),
    ] {
        assert_eq!(implementor(head, base), expected, "{head}");
    }
}

#[test]
fn a_scope_before_a_name_says_which_definition_is_meant() {
    let places = [
        ("a/one.rs", "One::new"),
        ("a/two.rs", "m::Two::new"),
        ("b/one.rs", "One::new"),
        ("b/list.rs", "List<T>::new"),
        ("b/free.rs", "new"),
        ("b/py.py", "pkg.One.new"),
        ("b/long.rs", "Höhe_1::new"),
    ];
    let row = |(at, (path, name)): (usize, &(&str, &str))| SymbolRow {
        file: FileId(at as u32),
        path: path.as_bytes().to_vec(),
        record: SymbolRecord {
            name: "new".into(),
            qualified_name: (*name).into(),
            kind: ChunkKind::Method,
            line: 1,
            end_line: 1,
            signature: String::new(),
        },
        chunk: None,
    };
    let rows = places.iter().enumerate().map(row).collect();
    let defined = Rc::new(Defined::new("new", rows));
    for (path, line, expected) in [
        ("c/x.rs", "One::new()", "0 2 5"),
        ("a/x.rs", "let a = One::new();", "0"),
        ("b/one.rs", "One.new", "2"),
        ("c/x.rs", "m::Two->new()", "1"),
        ("c/x.rs", "Two#new, One::new", "0 1 2 5"),
        ("c/x.rs", "List<T>::new", "3"),
        ("c/x.rs", "List<u8>::new", "-"),
        ("c/x.rs", "AnyOne::new", "-"),
        ("c/x.rs", "any_One::new", "-"),
        ("c/x.rs", "(One::newer)", "0 2 5"),
        ("c/x.rs", "One::<T>::new", "-"),
        ("c/x.rs", "One:: new", "-"),
        ("c/x.rs", "One new", "-"),
        ("c/x.rs", "::new", "-"),
        ("c/x.rs", "Höhe_1::new", "6"),
        ("c/x.rs", "One", "-"),
        ("c/x.rs", "", "-"),
    ] {
        let at = places.iter().position(|place| place.0 == path);
        let from = From {
            file: FileId(at.map_or(u32::MAX, |at| at as u32)),
            path: path.as_bytes(),
            language: "rust",
        };
        let meant = defined.scoped(&from, line, |_| true);
        let meant = meant.map(|meant| {
            let found = meant.iter().map(|row| row.file.0.to_string());
            found.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(meant.as_deref().unwrap_or("-"), expected, "{path}: {line}");
    }
    let nearest = |path: &str| {
        let from = From {
            file: FileId(u32::MAX),
            path: path.as_bytes(),
            language: "rust",
        };
        let is_rust = |row: &SymbolRow| row.path.ends_with(b".rs");
        (
            defined.nearest(&from, is_rust).len(),
            defined.nearest(&from, is_rust).len(),
        )
    };
    assert_eq!(nearest("a/x.rs"), (2, 2));
    assert_eq!(nearest("b/x.rs"), (4, 4));
    assert_eq!(nearest("c/x.rs"), (6, 6));
}

#[test]
fn targets_are_lines_or_symbols() {
    let lines = |path: &str, start, end| Target::Lines {
        path: path.into(),
        start,
        end,
    };
    for (written, expected) in [
        ("src/a.rs:12", lines("src/a.rs", 12, 12)),
        ("src/a.rs:12-20", lines("src/a.rs", 12, 20)),
        ("src/a.rs:12:5", lines("src/a.rs", 12, 12)),
        ("a b.py:1", lines("a b.py", 1, 1)),
        ("src/a.rs:0", Target::Symbol("src/a.rs:0".into())),
        ("src/a.rs:9-3", Target::Symbol("src/a.rs:9-3".into())),
        ("Foo::bar", Target::Symbol("Foo::bar".into())),
        ("Foo::1", Target::Symbol("Foo::1".into())),
        (":12", Target::Symbol(":12".into())),
    ] {
        assert_eq!(parse(written), expected, "{written}");
    }
}

#[test]
fn a_name_with_several_definitions_is_a_choice() {
    let (_dir, snapshot) = store(SHAPES);
    let found = |name: &str| match find_symbol(&snapshot, name).unwrap() {
        Found::One(subject) => subject.qualified_name,
        Found::Many(choices) => {
            let choices = choices.iter().map(|c| c.name.as_str());
            choices.collect::<Vec<_>>().join("|")
        }
        Found::Nothing => "-".into(),
    };
    for (name, expected) in [
        ("total", "total"),
        ("total()", "total"),
        ("TOTAL", "total"),
        ("square", "square|square"),
        ("Circle::area", "Circle::area"),
        ("Child.run", "Child.run"),
        ("run", "Base.run|Child.run"),
        ("nowhere", "-"),
        ("Square::area", "-"),
        ("", "-"),
    ] {
        assert_eq!(found(name), expected, "{name}");
    }
}

#[test]
fn traces_name_places() {
    for (text, expected) in [
        (
            "thread 'main' panicked at src/main.rs:12:5:",
            "src/main.rs:12",
        ),
        ("  --> src/lib.rs:3:9", "src/lib.rs:3"),
        ("             at ./src/a.rs:7:1", "./src/a.rs:7"),
        (
            "  File \"/home/me/app/views.py\", line 42, in show",
            "/home/me/app/views.py:42",
        ),
        (
            "\tat com.acme.web.Server.run(Server.java:88)",
            "com/acme/web/Server.java:88",
        ),
        (
            "\tat java.base/java.lang.Thread.run(Thread.java:833)",
            "java/lang/Thread.java:833",
        ),
        (
            "    at show (/srv/app/lib/view.js:10:15)",
            "/srv/app/lib/view.js:10",
        ),
        ("    at file:///srv/app/x.mjs:1:2", "/srv/app/x.mjs:1"),
        ("\t/go/src/acme/run.go:19 +0x1d", "/go/src/acme/run.go:19"),
        ("src/x.c:12:5: error: expected ';'", "src/x.c:12"),
        ("src/app.ts(12,5): error TS2304", "src/app.ts:12"),
        ("In file included from a/b.h:3,", "a/b.h:3"),
        ("error: at 12:30 on version 1.2:3", "1.2:3"),
        ("nothing here: 12", ""),
    ] {
        let found = mentions(text);
        let found: Vec<String> = found
            .iter()
            .map(|m| format!("{}:{}", m.path, m.line))
            .collect();
        assert_eq!(found.join(" "), expected, "{text}");
    }
}

#[test]
fn places_resolve_by_their_ends() {
    let files: Vec<&[u8]> = vec![
        b"src/main.rs",
        b"web/src/main.rs",
        b"setup.py",
        b"java/com/acme/A.java",
    ];
    for (path, expected) in [
        ("src/main.rs", vec!["src/main.rs", "web/src/main.rs"]),
        ("./web/src/main.rs", vec!["web/src/main.rs"]),
        ("/home/me/repo/web/src/main.rs", vec!["web/src/main.rs"]),
        (
            "/home/me/repo/src/main.rs",
            vec!["src/main.rs", "web/src/main.rs"],
        ),
        ("/usr/lib/python3/setup.py", vec!["setup.py"]),
        ("/usr/lib/main.rs", vec![]),
        ("com/acme/A.java", vec!["java/com/acme/A.java"]),
        ("org/other/A.java", vec![]),
        ("rs", vec![]),
    ] {
        let mention = Mention {
            path: path.into(),
            line: 1,
        };
        let found: Vec<_> = resolve(&mention, &files)
            .into_iter()
            .map(String::from_utf8_lossy)
            .collect();
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn git_tells_the_last_change_and_runs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let git = |args: &[&str]| {
        let done = std::process::Command::new("git")
            .args([
                "-C",
                dir.path().to_str().unwrap(),
                "-c",
                "user.name=A. Author",
                "-c",
                "user.email=a@example.org",
            ])
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let place = Place {
        path: b"a.txt".to_vec(),
        start_line: 1,
        end_line: 1,
    };
    assert_eq!(last_change(dir.path(), &place), None);
    git(&["init", "-q"]);
    std::fs::write(dir.path().join("a.txt"), "one\ntwo\n").unwrap();
    git(&["add", "."]);
    git(&["commit", "-qm", "Begin"]);
    std::fs::write(dir.path().join("a.txt"), "one\n2\n").unwrap();
    git(&["commit", "-qam", "Count"]);
    let ran = dir.path().join("ran");
    let evil = format!("touch {}; false", ran.display());
    for setting in [
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "diff.x.textconv",
        "core.sshCommand",
        "gpg.program",
    ] {
        git(&["config", setting, &evil]);
    }
    git(&["config", "log.showSignature", "true"]);
    std::fs::write(dir.path().join(".gitattributes"), "*.txt diff=x\n").unwrap();
    assert_eq!(last_change(dir.path(), &place).unwrap().subject, "Begin");
    let place = Place {
        start_line: 2,
        end_line: 2,
        ..place
    };
    let change = last_change(dir.path(), &place).unwrap();
    assert_eq!(
        (change.subject.as_str(), change.author.as_str()),
        ("Count", "A. Author")
    );
    assert!(!ran.exists());
}
