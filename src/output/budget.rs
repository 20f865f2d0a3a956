//! Fits an answer into a number of tokens, for readers that pay by the token.
//!
//! Readers differ in their tokenizers; four bytes to a token is a common
//! average for code and prose, and errs towards too few results for most.

use super::Item;

/// Bytes taken for one token.
const BYTES_PER_TOKEN: usize = 4;
/// A result is cut rather than dropped if at least so many of its lines fit.
const MIN_LINES: usize = 3;

/// Keeps the best results whose `size` in bytes fits into `tokens`, beside
/// `around` bytes that are always there; the last one may be cut to its first
/// lines. Returns how many were left out or cut.
pub fn fit(
    items: &mut Vec<Item>,
    tokens: usize,
    around: usize,
    size: impl Fn(&Item) -> usize,
) -> usize {
    let before = items.len();
    let mut left = tokens
        .saturating_mul(BYTES_PER_TOKEN)
        .saturating_sub(around);
    for i in 0..items.len() {
        let needed = size(&items[i]);
        if needed <= left {
            left -= needed;
            continue;
        }
        let cut = shorten(&items[i], left, &size, i == 0);
        items.truncate(i);
        items.extend(cut);
        return before - i;
    }
    0
}

/// `item` with as many of its lines as fit into `bytes`; the best result keeps at least its first line.
fn shorten(
    item: &Item,
    bytes: usize,
    size: impl Fn(&Item) -> usize,
    is_best: bool,
) -> Option<Item> {
    let total = item.text.split_inclusive(|&byte| byte == b'\n').count();
    let least = if is_best { 1 } else { MIN_LINES };
    let fits = |&lines: &usize| size(&first_lines(item, lines)) <= bytes;
    let lines = (least..total).rev().find(fits);
    let lines = lines.or(is_best.then_some(1))?;
    Some(first_lines(item, lines))
}

fn first_lines(item: &Item, lines: usize) -> Item {
    let text: Vec<&[u8]> = item
        .text
        .split_inclusive(|&byte| byte == b'\n')
        .take(lines)
        .collect();
    let end_line = item.start_line + lines.saturating_sub(1) as u32;
    Item {
        text: text.concat(),
        end_line: end_line.min(item.end_line),
        matches: item
            .matches
            .iter()
            .copied()
            .filter(|&line| line <= end_line)
            .collect(),
        ..item.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of each result kept when results of `lines` lines (8 bytes each) must fit into `tokens`.
    fn kept(lines: &[usize], tokens: usize) -> (Vec<u32>, usize) {
        let mut items: Vec<Item> = lines
            .iter()
            .map(|&lines| Item {
                start_line: 1,
                end_line: lines as u32,
                text: b"1234567\n".repeat(lines),
                ..Item::default()
            })
            .collect();
        let left_out = fit(&mut items, tokens, 0, |item| item.text.len());
        (items.iter().map(|item| item.end_line).collect(), left_out)
    }

    #[test]
    fn the_best_results_that_fit_are_kept() {
        assert_eq!(kept(&[5, 5], 20), (vec![5, 5], 0));
        assert_eq!(kept(&[5, 5], 16), (vec![5, 3], 1));
        assert_eq!(kept(&[5, 5, 5], 15), (vec![5], 2));
        assert_eq!(kept(&[5], 2), (vec![1], 1));
        assert_eq!(kept(&[5], 0), (vec![1], 1));
        assert_eq!(kept(&[], 10), (vec![], 0));
    }
}
