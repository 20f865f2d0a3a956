//! The figures of an evaluation, as tables or as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use fathom_retriever::evaluate::{self, Quality, Scored, Summary};
use serde_json::{Value, json};

use super::{Measured, VariantRun};

/// The figures of one mode.
struct Figures<'a> {
    name: String,
    chunks: Summary,
    files: Summary,
    p50_ms: f64,
    p95_ms: f64,
    by_category: BTreeMap<String, Summary>,
    by_language: BTreeMap<String, Summary>,
    by_repository: BTreeMap<String, Summary>,
    measured: &'a [Measured],
}

/// Figures of all modes, the first being the one that counts.
pub struct Report<'a> {
    modes: Vec<Figures<'a>>,
}

impl<'a> Report<'a> {
    /// Aggregates the runs.
    pub fn new(runs: &'a [VariantRun]) -> Report<'a> {
        Report {
            modes: runs.iter().map(figures).collect(),
        }
    }

    /// Tables for people.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(first) = self.modes.first() else {
            return Ok(());
        };
        writeln!(
            out,
            "{} questions about {} repositories; means over repositories, 95 % intervals by bootstrap; `-`: without signals\n",
            first.chunks.questions, first.chunks.repositories
        )?;
        self.write_headline(out)?;
        for (title, groups) in [
            (
                "category",
                groups(&self.modes, |figures| &figures.by_category),
            ),
            (
                "language",
                groups(&self.modes, |figures| &figures.by_language),
            ),
            (
                "repository",
                groups(&self.modes, |figures| &figures.by_repository),
            ),
        ] {
            writeln!(out, "\nNDCG@10 by {title}")?;
            self.write_groups(out, title, &groups)?;
        }
        Ok(())
    }

    fn write_headline(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "| mode | NDCG@10 | interval | by file | MRR | recall@1 | recall@10 | p50 ms | p95 ms |\n|---|---|---|---|---|---|---|---|---|"
        )?;
        for mode in &self.modes {
            let Summary {
                mean,
                ndcg_interval: interval,
                ..
            } = mode.chunks;
            writeln!(
                out,
                "| {} | {:.3} | {:.3}–{:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {:.1} | {:.1} |",
                mode.name,
                mean.ndcg,
                interval.low,
                interval.high,
                mode.files.mean.ndcg,
                mean.mrr,
                mean.recall_1,
                mean.recall,
                mode.p50_ms,
                mode.p95_ms
            )?;
        }
        Ok(())
    }

    fn write_groups(&self, out: &mut dyn Write, title: &str, groups: &Groups) -> io::Result<()> {
        write!(out, "\n| {title} | questions |")?;
        for mode in &self.modes {
            write!(out, " {} |", mode.name)?;
        }
        writeln!(out, "\n|---|---|{}", "---|".repeat(self.modes.len()))?;
        for (name, summaries) in groups {
            write!(out, "| {name} | {} |", summaries[0].questions)?;
            for summary in summaries {
                write!(out, " {:.3} |", summary.mean.ndcg)?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// Everything, down to the single question.
    pub fn to_json(&self) -> Value {
        let modes: serde_json::Map<String, Value> = self
            .modes
            .iter()
            .map(|mode| (mode.name.clone(), mode_json(mode)))
            .collect();
        json!({ "modes": modes })
    }
}

/// For each group its summary in each mode.
type Groups<'a> = BTreeMap<&'a str, Vec<&'a Summary>>;

fn groups<'a>(
    modes: &'a [Figures<'a>],
    of: impl Fn(&'a Figures<'a>) -> &'a BTreeMap<String, Summary>,
) -> Groups<'a> {
    let mut groups = Groups::new();
    for (name, summary) in modes.iter().flat_map(of) {
        groups.entry(name).or_default().push(summary);
    }
    groups
}

fn figures(run: &VariantRun) -> Figures<'_> {
    let chunks: Vec<Scored> = run.measured.iter().map(|m| m.scored.clone()).collect();
    let files: Vec<Scored> = run.measured.iter().map(merged).collect();
    let mut times: Vec<f64> = run
        .measured
        .iter()
        .map(|m| m.took.as_secs_f64() * 1e3)
        .collect();
    times.sort_by(f64::total_cmp);
    Figures {
        name: run.variant.name(),
        chunks: evaluate::summarise(&chunks),
        files: evaluate::summarise(&files),
        p50_ms: quantile(&times, 0.50),
        p95_ms: quantile(&times, 0.95),
        by_category: evaluate::by_category(&chunks).into_iter().collect(),
        by_language: evaluate::by_language(&chunks).into_iter().collect(),
        by_repository: evaluate::by_repository(&chunks).into_iter().collect(),
        measured: &run.measured,
    }
}

fn merged(measured: &Measured) -> Scored {
    Scored {
        quality: measured.merged,
        ..measured.scored.clone()
    }
}

/// Of sorted values; 0 where there are none.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted
        .get((last * share).round() as usize)
        .copied()
        .unwrap_or(0.0)
}

fn mode_json(mode: &Figures) -> Value {
    let named = |summaries: &BTreeMap<String, Summary>| -> Value {
        summaries
            .iter()
            .map(|(name, summary)| (name.clone(), summary_json(summary)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    json!({
        "chunks": summary_json(&mode.chunks),
        "files": summary_json(&mode.files),
        "p50_ms": mode.p50_ms,
        "p95_ms": mode.p95_ms,
        "by_category": named(&mode.by_category),
        "by_language": named(&mode.by_language),
        "by_repository": named(&mode.by_repository),
        "questions": mode.measured.iter().map(question_json).collect::<Vec<_>>(),
    })
}

fn summary_json(summary: &Summary) -> Value {
    let Quality {
        ndcg,
        mrr,
        recall_1,
        recall,
    } = summary.mean;
    json!({
        "ndcg": ndcg,
        "ndcg_low": summary.ndcg_interval.low,
        "ndcg_high": summary.ndcg_interval.high,
        "mrr": mrr,
        "recall_1": recall_1,
        "recall": recall,
        "repositories": summary.repositories,
        "questions": summary.questions,
    })
}

fn question_json(measured: &Measured) -> Value {
    let found: Vec<String> = measured
        .found
        .iter()
        .map(|ranked| format!("{}:{}-{}", ranked.path, ranked.lines.0, ranked.lines.1))
        .collect();
    json!({
        "repository": measured.scored.repository,
        "category": measured.scored.category,
        "query": measured.query,
        "ndcg": measured.scored.quality.ndcg,
        "took_ms": measured.took.as_secs_f64() * 1e3,
        "found": found,
    })
}
