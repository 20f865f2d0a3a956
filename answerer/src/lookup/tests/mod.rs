//! Decoding with drafts against plain decoding, on models small enough to
//! enumerate.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod distribution;
mod equality;
mod lengths;
mod speed;
mod toy;
