//! What one pass costs on this machine.

use std::time::{Duration, Instant};

use super::context::{Context, LONGEST_PASS};
use crate::lookup::{CostCurve, Target, Token};
use crate::reader::ReaderError;

/// Time after which no further size is measured: the first answer waits.
const BUDGET: Duration = Duration::from_millis(1000);

/// Batch sizes that are always measured.
const AT_LEAST: usize = 4;

/// Measures the cost curve at the end of the memory, which is as before then.
/// `None` if there is no room.
pub(super) fn measure(context: &mut Context) -> Result<Option<CostCurve>, ReaderError> {
    let began = Instant::now();
    if context.room() < LONGEST_PASS {
        return Ok(None);
    }
    // The first pass sets things up.
    time(context, 1)?;
    let mut times = Vec::new();
    for size in CostCurve::SIZES {
        if size > AT_LEAST && began.elapsed() > BUDGET {
            break;
        }
        let mut best = time(context, size)?;
        // The best of two, as something else may have run beside one.
        if size == 1 || began.elapsed() < BUDGET / 4 {
            best = best.min(time(context, size)?);
        }
        times.push((size, best.as_secs_f64()));
    }
    Ok(CostCurve::measured(&times))
}

/// Time to score one token.
pub(super) fn one(context: &mut Context) -> Result<Duration, ReaderError> {
    time(context, 1)?;
    Ok(time(context, 1)?.min(time(context, 1)?))
}

fn time(context: &mut Context, size: usize) -> Result<Duration, ReaderError> {
    let vocabulary = context.model().vocabulary() as Token;
    // Different tokens, as a model with experts reads different weights for them.
    let tokens: Vec<Token> = (0..size as Token)
        .map(|i| (i * 7919 + 100) % vocabulary)
        .collect();
    let len = context.len();
    let began = Instant::now();
    context.score(&tokens)?;
    let took = began.elapsed();
    context.keep(len)?;
    Ok(took)
}
