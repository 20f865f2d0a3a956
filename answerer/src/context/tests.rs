//! Packing: never too much, nothing twice, byte for byte.

use proptest::prelude::*;

use super::*;

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn file(path: &str, lines: u32) -> File {
    let text: String = (1..=lines)
        .map(|n| format!("\tline {n} of {path}  \n"))
        .collect();
    File {
        path: path.into(),
        language: "rust".into(),
        text,
        definitions: vec![
            ((1, lines), format!("impl {path}")),
            ((5, 30), "fn\n  long()".into()),
        ],
    }
}

fn want(file: usize, lines: (u32, u32), value: f32) -> Want {
    Want { file, lines, value }
}

#[test]
fn a_context_reads_well() {
    let files = [file("a.rs", 40), file("b.rs", 40)];
    let wants = [
        want(0, (10, 11), 0.9),
        want(1, (2, 2), 0.5),
        want(0, (12, 13), 0.2),
    ];
    let context = pack(&files, &wants, &words, 60);
    insta::assert_snapshot!(context.render(), @r"
    [1] b.rs:2-2
    inside: impl b.rs
    ```rust
    	line 2 of b.rs  
    ```

    [2] a.rs:10-13
    inside: impl a.rs
    inside: fn long()
    ```rust
    	line 10 of a.rs  
    	line 11 of a.rs  
    	line 12 of a.rs  
    	line 13 of a.rs  
    ```
    ");
}

#[test]
fn value_counts_for_its_length() {
    let files = [file("a.rs", 200), file("b.rs", 10)];
    let wants = [want(0, (1, 200), 0.6), want(1, (1, 10), 0.5)];
    let labels = |budget| {
        let context = pack(&files, &wants, &words, budget);
        context.pieces.iter().map(Piece::label).collect::<Vec<_>>()
    };
    assert_eq!(labels(100), ["b.rs:1-10"]);
    assert_eq!(labels(2000), ["b.rs:1-10", "a.rs:1-200"]);
    assert!(labels(3).is_empty());
}

proptest! {
    #[test]
    fn never_too_much_nothing_twice_byte_for_byte(
        wants in prop::collection::vec((0..3_usize, 1..60_u32, 0..30_u32, 0.0..1.0_f32), 0..14),
        budget in 0..400_usize,
    ) {
        let files = [file("a.rs", 40), file("b.rs", 60), file("c.rs", 3)];
        let wants: Vec<Want> = wants.into_iter().map(|(f, from, more, value)| want(f, (from, from + more), value)).collect();
        let context = pack(&files, &wants, &words, budget);
        prop_assert!(words(&context.render()) <= budget || context.pieces.is_empty());
        let mut seen = std::collections::HashSet::new();
        for piece in &context.pieces {
            let file = files.iter().find(|file| file.path == piece.path);
            let whole = file.map_or("", |file| file.text.as_str());
            let lines: Vec<&str> = whole.split_inclusive('\n').collect();
            let (first, last) = (piece.lines.0 as usize, piece.lines.1 as usize);
            prop_assert_eq!(&piece.text, &lines[first - 1..last].concat());
            for line in first..=last {
                prop_assert!(seen.insert((piece.path.clone(), line)), "twice");
            }
        }
    }

    #[test]
    fn code_is_fenced_as_data(text in "[`a\n]{1,60}") {
        let rendered = Piece::new(b"x", "", (1, 1), &text).render(1);
        let fence = crate::untrusted::fence(&text);
        prop_assert_eq!(rendered.matches(&fence).count(), 2);
        prop_assert!(rendered.contains(&text));
    }
}
