//! Cutting a run of rows that is too large into parts of similar size, at the
//! places where a cut splits the fewest syntax nodes.

use std::ops::Range;

use super::rows::Rows;

/// Weight of one split syntax node against the deviation from the wanted size.
const CUT_WEIGHT: f32 = 0.12;
/// A cut behind a blank row is this much better.
const BLANK_BONUS: f32 = 0.12;
/// Most rows of one part; only rows of pure punctuation get that far.
const MAX_ROWS: usize = 400;

/// Parts of `rows`, each of at most `max_tokens` (single rows fit by
/// construction): the partition with the least total cost, where a part costs
/// the square of its relative deviation from the wanted size and a cut costs
/// the syntax nodes it splits (`cuts`, per line).
pub(crate) fn partition(
    rows: &Rows,
    run: Range<usize>,
    cuts: &[u16],
    max_tokens: usize,
) -> Vec<Range<usize>> {
    let total = rows.tokens(&run);
    if total <= max_tokens && run.len() <= MAX_ROWS {
        return vec![run];
    }
    let parts = total.div_ceil(max_tokens.max(1)).max(1);
    // A little room, so that the best cuts are within reach.
    let wanted = (total as f32 / parts as f32)
        .min(max_tokens as f32 * 0.9)
        .max(1.0);
    let lowest = (run.start + 1..run.end)
        .map(|row| cut_height(rows, cuts, row))
        .fold(f32::MAX, f32::min);

    // best[i]: least cost of the rows before run.start + i, and where its last part begins.
    let mut best = vec![(0.0f32, 0usize); run.len() + 1];
    for end in 1..=run.len() {
        best[end] = best_last_part(rows, &run, end, &best, wanted, max_tokens);
        if end < run.len() {
            best[end].0 += CUT_WEIGHT * (cut_height(rows, cuts, run.start + end) - lowest);
        }
    }
    let mut ends = vec![run.len()];
    while let Some(&end) = ends.last().filter(|&&end| end > 0) {
        ends.push(best[end].1);
    }
    ends.reverse();
    ends.windows(2)
        .map(|pair| run.start + pair[0]..run.start + pair[1])
        .collect()
}

fn best_last_part(
    rows: &Rows,
    run: &Range<usize>,
    end: usize,
    best: &[(f32, usize)],
    wanted: f32,
    max_tokens: usize,
) -> (f32, usize) {
    let mut found = (f32::MAX, end - 1);
    for start in (end.saturating_sub(MAX_ROWS)..end).rev() {
        let tokens = rows.tokens(&(run.start + start..run.start + end));
        if tokens > max_tokens && start + 1 < end {
            break;
        }
        let deviation = tokens as f32 / wanted - 1.0;
        let cost = best[start].0 + deviation * deviation;
        if cost < found.0 {
            found = (cost, start);
        }
    }
    found
}

/// What a cut in front of `row` splits.
fn cut_height(rows: &Rows, cuts: &[u16], row: usize) -> f32 {
    let line = rows.line(row) as usize;
    if row > 0 && rows.line(row - 1) as usize == line {
        return 20.0;
    }
    let height = f32::from(cuts.get(line).copied().unwrap_or(0));
    if row > 0 && rows.is_blank(row - 1) {
        height - BLANK_BONUS / CUT_WEIGHT
    } else {
        height
    }
}

/// Where to cut a text without a syntax tree: by indentation, best at blank lines.
pub(crate) fn cuts_by_indentation(rows: &Rows) -> Vec<u16> {
    let mut after_blank = true;
    (0..rows.line_count())
        .map(|line| {
            let run = rows.first(line)..rows.first(line + 1);
            let text = rows.text(&run);
            let blank = text.trim().is_empty();
            let indent = text
                .chars()
                .take_while(|c| [' ', '\t'].contains(c))
                .map(|c| if c == '\t' { 4 } else { 1 });
            let depth = (indent.sum::<usize>() / 4).min(10) as u16;
            let cut = if blank {
                4
            } else {
                depth + 2 * u16::from(!after_blank)
            };
            after_blank = blank;
            cut
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> usize {
        text.split_whitespace().count()
    }

    #[test]
    fn cuts_fall_between_paragraphs() {
        let text = "a a a\na a a\n\nb b b\nb b b\n\nc c c\nc c c\n";
        let rows = Rows::new(text, 8, &words);
        let parts = partition(&rows, 0..rows.len(), &cuts_by_indentation(&rows), 8);
        let starts: Vec<usize> = parts.iter().map(|part| part.start).collect();
        assert_eq!(starts, [0, 3, 6]);
    }

    proptest! {
        #[test]
        fn parts_fit_and_cover(text in "([a-c ]{0,12}\n){1,60}", max in 2usize..20, cuts in proptest::collection::vec(0u16..5, 60)) {
            let rows = Rows::new(&text, max, &words);
            let parts = partition(&rows, 0..rows.len(), &cuts, max);
            let mut at = 0;
            for part in parts {
                prop_assert_eq!(part.start, at);
                prop_assert!(part.end > at && rows.tokens(&part) <= max);
                at = part.end;
            }
            prop_assert_eq!(at, rows.len());
        }
    }
}
