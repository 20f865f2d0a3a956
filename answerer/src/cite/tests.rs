//! Answers held against what was shown.

use proptest::prelude::*;

use super::*;

const LOCK: &str = "pub fn acquire_lock(path: &str) -> bool {\n    let file = open(path);\n    file.try_lock().is_ok()\n}";
const COLOUR: &str = "def parse_colour(text):\n    return int(text[1:], 16)";

fn shown() -> Vec<Shown> {
    let one = |number, label: &str, text: &str| Shown {
        number,
        label: label.into(),
        text: text.into(),
    };
    vec![
        one(1, "src/lock.rs:4-7", LOCK),
        one(2, "src/colour.py:1-2", COLOUR),
    ]
}

/// Claims as `text verdict`, in order.
fn checked(answer: &str) -> String {
    let report = check(answer, &shown());
    let claims = report.claims.iter().map(|claim| {
        let text = answer[claim.at.clone()].replace('\n', "⏎");
        format!("{text} {}", claim.verdict.as_str())
    });
    claims.collect::<Vec<_>>().join(" | ")
}

#[test]
fn claims_are_verified_marked_or_dropped() {
    for (answer, expected) in [
        ("It locks [1].", "[1] verified"),
        ("It locks [7].", "[7] dropped"),
        (
            "`file.try_lock()` [1]",
            "`file.try_lock()` verified | [1] verified",
        ),
        ("`file.lock()` [1]", "`file.lock()` marked | [1] verified"),
        ("`acquire` [1]", "`acquire` marked | [1] verified"),
        ("`src/lock.rs:4-7`", "`src/lock.rs:4-7` verified"),
        (
            "acquire_lock and parse_colour",
            "acquire_lock verified | parse_colour verified",
        ),
        (
            "acquire_guard, FileLock, GitHub",
            "acquire_guard marked | FileLock marked | GitHub marked",
        ),
        (
            "he said \"let file = open\" [1]",
            "\"let file = open\" verified | [1] verified",
        ),
        ("he said \"so it is\"", "\"so it is\" marked"),
        ("arrays a[1] and x", "[1] verified"),
        (
            "```rust\nlet file = open(path);\nfile.try_lock().is_ok()\n```\n",
            "```rust⏎let file = open(path);⏎file.try_lock().is_ok()⏎```⏎ verified",
        ),
        (
            "```\nlet file = close(path);\n```\n",
            "```⏎let file = close(path);⏎```⏎ marked",
        ),
        (
            "```\npub fn acquire_lock(path: &str) -> bool {\n    // ...\n}\n```\n",
            "```⏎pub fn acquire_lock(path: &str) -> bool {⏎    // ...⏎}⏎```⏎ verified",
        ),
        ("```\n\n```\n", "```⏎⏎```⏎ marked"),
        ("plain words only", ""),
        ("[link](x) [ 2 ]", "[ 2 ] verified"),
        ("``a ` b`` ` open", "``a ` b`` marked"),
    ] {
        assert_eq!(checked(answer), expected, "{answer}");
    }
}

fn marked(answer: &str) -> String {
    let shown = shown();
    let mut marks = Marks::new(&shown);
    let mut out = marks.push(answer);
    out.push_str(&marks.finish());
    out
}

#[test]
fn doubtful_claims_are_marked_and_wrong_citations_left_out() {
    for (answer, expected) in [
        ("It locks [1].", "It locks [1]."),
        ("It locks [7], [1] and [8].", "It locks, [1] and."),
        ("`file.lock()` [1]", "`file.lock()`[?] [1]"),
        (
            "acquire_guard or acquire_lock",
            "acquire_guard[?] or acquire_lock",
        ),
        ("he said \"so it is\"", "he said \"so it is\"[?]"),
        (
            "```\nlet file = open(path);\n```\n",
            "```\nlet file = open(path);\n```\n",
        ),
        (
            "```\nmade_up();\n```\nyes",
            "```\nmade_up();\n```\n[?]\nyes",
        ),
        ("```\nmade_up();", "```\nmade_up();\n[?]\n"),
        ("```\nmade_up();\n", "```\nmade_up();\n[?]\n"),
        ("", ""),
    ] {
        assert_eq!(marked(answer), expected, "{answer}");
    }
}

#[test]
fn an_answer_needs_support() {
    for (answer, expected) in [
        ("It locks by `file.try_lock()` [1].", true),
        ("It locks [1].", true),
        ("It locks by `file.lock()` [1].", false),
        ("It locks.", false),
        ("It locks [9].", false),
        ("It calls flock_it and lockIt in `lock_all()` [1].", false),
        ("", false),
    ] {
        assert_eq!(check(answer, &shown()).is_supported(), expected, "{answer}");
    }
}

#[test]
fn a_quotation_belongs_to_the_citation_behind_it() {
    let report = check(
        "`parse_colour(text)` [2] and `open(path)` [1]\n\n`16`",
        &shown(),
    );
    let chunks: Vec<Option<usize>> = report.claims.iter().map(|claim| claim.chunk).collect();
    assert_eq!(chunks, [Some(2), Some(2), Some(1), Some(1), Some(2)]);
    assert_eq!(report.sources, [1, 2]);
}

/// A span of the chunk that is no part of a word and has no backtick.
fn spans() -> impl Strategy<Value = String> {
    let words: Vec<&str> = LOCK.split_whitespace().collect();
    let count = words.len();
    (0..count, 1..4_usize).prop_map(move |(from, length)| {
        let lines = LOCK.lines().find(|line| line.contains(words[from]));
        let line = lines.unwrap_or_default().trim();
        let at = line.find(words[from]).unwrap_or(0);
        let kept: Vec<&str> = line[at..].split(' ').take(length).collect();
        kept.join(" ")
    })
}

proptest! {
    #[test]
    fn spans_that_occur_are_verified(span in spans()) {
        let answer = format!("See `{span}` [1].");
        let report = check(&answer, &shown());
        prop_assert_eq!(report.counts(), Counts { verified: 2, marked: 0, dropped: 0 }, "{}", answer);
    }

    #[test]
    fn altered_spans_are_not(span in spans(), at in 0..100_usize, c in "[A-Z§0-9]") {
        let mut altered: Vec<char> = span.chars().collect();
        let at = at % (altered.len() + 1);
        altered.insert(at, c.chars().next().unwrap_or('§'));
        let altered: String = altered.into_iter().collect();
        let report = check(&format!("See `{altered}` [1]."), &shown());
        prop_assert_eq!(report.counts().marked, 1, "{}", altered);
    }

    #[test]
    fn pieces_give_the_same_as_the_whole(
        answer in prop::collection::vec(prop::sample::select(vec![
            "`open(path)` ", "[1]", "[9] ", "acquire_lock ", "```\n", "    let file = open(path);\n", "\n", "\n\n", "words ", "\"int(\" ", "€",
        ]), 0..24),
        cuts in prop::collection::vec(0..400_usize, 0..8),
    ) {
        let answer = answer.concat();
        let shown = shown();
        let whole = check(&answer, &shown);
        let mut checker = Checker::new(&shown);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| answer.is_char_boundary(cut.min(answer.len()))).map(|cut| cut.min(answer.len())).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts.into_iter().chain([answer.len()]) {
            checker.push(&answer[from..cut]);
            from = cut;
        }
        prop_assert_eq!(checker.finish(), whole);
    }

    #[test]
    fn there_are_as_many_marks_as_marked_claims(
        answer in prop::collection::vec(prop::sample::select(vec![
            "`open(path)` ", "`close(path)` ", "[1] ", "[9] ", "acquire_guard ", "```\n", "    let file = open(path);\n", "\n", "\n\n", "words ", "\"int(\" ",
        ]), 0..24),
    ) {
        let answer = answer.concat();
        let counts = check(&answer, &shown()).counts();
        let out = marked(&answer);
        prop_assert_eq!(out.matches(MARK).count(), counts.marked, "{}", out);
        prop_assert_eq!(out.matches("[9]").count() + counts.dropped, answer.matches("[9]").count());
    }

    #[test]
    fn any_text_is_checked(answer in any::<String>()) {
        let report = check(&answer, &shown());
        for claim in report.claims {
            prop_assert!(answer.get(claim.at).is_some());
        }
    }
}
