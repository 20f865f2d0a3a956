//! Which contents have a token of which centroid.

/// Contents by centroid: those at `ordinals[ends[i - 1]..ends[i]]` have a token of centroid
/// `centroids[i]`. Centroids ascend, and so do the ordinals of one; both are distinct.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postings<'a> {
    /// Centroids that occur.
    pub centroids: &'a [u16],
    /// End of each centroid's ordinals.
    pub ends: &'a [u32],
    /// Ordinals, one list after another.
    pub ordinals: &'a [u32],
}

impl<'a> Postings<'a> {
    /// The contents with a token of `centroid`; empty for postings that do not fit together.
    pub fn of(&self, centroid: u16) -> &'a [u32] {
        let list = || {
            let at = self.centroids.binary_search(&centroid).ok()?;
            let begin = match at.checked_sub(1) {
                Some(before) => *self.ends.get(before)?,
                None => 0,
            };
            let end = *self.ends.get(at)?;
            self.ordinals.get(begin as usize..end as usize)
        };
        list().unwrap_or_default()
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.ordinals.is_empty()
    }
}

/// [`Postings`] that own their lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedPostings {
    /// Centroids that occur.
    pub centroids: Vec<u16>,
    /// End of each centroid's ordinals.
    pub ends: Vec<u32>,
    /// Ordinals, one list after another.
    pub ordinals: Vec<u32>,
}

impl OwnedPostings {
    /// Borrows the lists.
    pub fn as_ref(&self) -> Postings<'_> {
        Postings {
            centroids: &self.centroids,
            ends: &self.ends,
            ordinals: &self.ordinals,
        }
    }
}

/// Lists the contents of each centroid; what a segment stores. `offsets` holds the first token of
/// each content and the end of the last, as in [`super::CodedSet`].
///
/// # Panics
/// If an offset lies beyond the tokens or below the one before.
pub fn postings_of(offsets: &[u32], centroids: &[u16]) -> OwnedPostings {
    let mut counts = vec![0_u32; 1 << 16];
    each_once(offsets, centroids, |centroid, _| {
        counts[usize::from(centroid)] += 1;
    });
    let mut postings = OwnedPostings::default();
    let mut end = 0;
    for (centroid, count) in (0..=u16::MAX).zip(&mut counts) {
        let begin = end;
        if *count > 0 {
            end += *count;
            postings.centroids.push(centroid);
            postings.ends.push(end);
        }
        *count = begin;
    }
    let mut next = counts;
    postings.ordinals = vec![0; end as usize];
    each_once(offsets, centroids, |centroid, ordinal| {
        let place = &mut next[usize::from(centroid)];
        postings.ordinals[*place as usize] = ordinal;
        *place += 1;
    });
    postings
}

/// Calls `each` once for every content and distinct centroid of it, contents in order.
fn each_once(offsets: &[u32], centroids: &[u16], mut each: impl FnMut(u16, u32)) {
    let mut last_seen = vec![u32::MAX; 1 << 16];
    for (ordinal, rows) in (0..).zip(offsets.windows(2)) {
        for &centroid in &centroids[rows[0] as usize..rows[1] as usize] {
            let last = &mut last_seen[usize::from(centroid)];
            if *last != ordinal {
                *last = ordinal;
                each(centroid, ordinal);
            }
        }
    }
}
