//! `fathom model codebook`: train the codebook of a model profile.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use clap::builder::TypedValueParser;
use fathom::config::Settings;
use fathom_encoders::{EncoderOptions, Profile, TextEncoder, TokenMatrix};
use fathom_indexer::pipeline::IndexError;
use fathom_indexer::sample::{self, Sample, SampleOptions};
use fathom_indexer::walk::WalkOptions;
use fathom_indexes::codebook::{Bits, Codebook, MOST_CENTROIDS, Training};
use serde_json::json;

use super::{Global, profile};
use crate::errors::{Exit, Failure};
use crate::progress::{Progress, Step};
use crate::signals;
use fathom::output::json;

/// What a codebook needs at least: it is to serve code that it has never seen.
const LEAST_TOKENS: usize = 50_000;
const LEAST_FILES: usize = 100;
/// Tokens that a centroid should be the mean of.
const TOKENS_PER_CENTROID: usize = 16;
/// One run of documents of so many is kept out of the training, to measure on; a run is as long
/// as the chunks of a few files, so that it is other code.
const HELD_OUT: usize = 20;
const RUN: usize = 32;
/// How often the training looks at each vector.
const PASSES: usize = 4;

#[derive(Args, Debug)]
pub struct CodebookArgs {
    /// `default`, or a folder with `profile.toml`
    profile: String,
    /// A folder with code to learn from; may be given more than once
    #[arg(long, value_name = "DIR", required = true, num_args = 1..)]
    from: Vec<PathBuf>,
    /// Number of centroids
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=MOST_CENTROIDS as i64))]
    centroids: u32,
    /// Residual bits per dimension
    #[arg(long, value_name = "N", default_value = "4")]
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(["1", "2", "4", "8"]).map(bits))]
    bits: usize,
    /// Number of tokens to learn from
    #[arg(long, value_name = "TOKENS", default_value_t = 2_000_000)]
    sample: usize,
    /// Another seed gives another sample and other first centroids
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// File to write [default: `codebook.bin` in the profile's folder, or here]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Train on a sample that is too small for any other code
    #[arg(long)]
    force: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

fn bits(word: String) -> usize {
    word.parse().unwrap_or_default() // only numbers are possible values
}

pub fn run(global: &Global, args: &CodebookArgs) -> anyhow::Result<Exit> {
    let settings = global.settings()?;
    let profile = profile(&args.profile, &settings)?;
    let started = Instant::now();
    let progress = Progress::new(global.quiet);
    let made = signals::during(|cancel| make(args, &settings, &profile, &progress, cancel))?;
    progress.finish();
    let Some(mut report) = cancelled_is_none(made)? else {
        global.note("interrupted; nothing was written");
        return Ok(Exit::Interrupted);
    };
    report.took = started.elapsed();
    let out = io::stdout().lock();
    match args.json {
        true => report.write_json(out)?,
        false => report.write_text(out)?,
    }
    Ok(Exit::Found)
}

/// An interruption is no error.
fn cancelled_is_none(made: anyhow::Result<Report>) -> anyhow::Result<Option<Report>> {
    match made {
        Err(error) if matches!(error.downcast_ref(), Some(IndexError::Cancelled)) => Ok(None),
        made => made.map(Some),
    }
}

fn make(
    args: &CodebookArgs,
    settings: &Settings,
    profile: &Profile,
    progress: &Progress,
    cancel: &AtomicBool,
) -> anyhow::Result<Report> {
    let file = file(args);
    let bits = Bits::from_count(args.bits).context("so many bits cannot be")?;
    let dim = profile.token_dim();
    // A file that cannot be written is to be known before the work.
    let target = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666)) // less the umask
        .tempfile_in(folder_of(&file))
        .with_context(|| format!("cannot write beside `{}`", file.display()))?;
    let sample = take_sample(args, settings, profile, progress, cancel)?;
    check_size(args, &sample)?;
    let started = Instant::now();
    let matrices = encode(&sample, settings, profile, progress, cancel)?;
    let encoding = started.elapsed();
    let (training, held_out) = split(matrices);
    let started = Instant::now();
    let codebook = train(args, bits, &training, dim, progress, cancel)?;
    let report = Report {
        profile: profile.id().to_owned(),
        sample,
        encoding,
        training: started.elapsed(),
        cosine: mean_cosine(&codebook, &held_out),
        held_out: held_out.len() / dim,
        bytes: save(&codebook, target, &file)?,
        codebook,
        file,
        took: Duration::ZERO,
    };
    Ok(report)
}

/// The file to write.
fn file(args: &CodebookArgs) -> PathBuf {
    let folder = Path::new(&args.profile);
    let beside_profile = || match folder.join("profile.toml").is_file() {
        true => folder.join("codebook.bin"),
        false => PathBuf::from("codebook.bin"),
    };
    args.out.clone().unwrap_or_else(beside_profile)
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn take_sample(
    args: &CodebookArgs,
    settings: &Settings,
    profile: &Profile,
    progress: &Progress,
    cancel: &AtomicBool,
) -> anyhow::Result<Sample> {
    let options = SampleOptions {
        tokens: args.sample,
        seed: args.seed,
        threads: settings.threads,
        walk: WalkOptions {
            max_file_bytes: settings.max_file_bytes,
            exclude: settings.ignore.clone(),
            never: vec![settings.data_dir.clone()],
        },
        ..SampleOptions::default()
    };
    let text = TextEncoder::open(profile)?;
    let on = |done| progress.step(&tokens("reading", done, args.sample));
    Ok(sample::documents(&args.from, &text, &options, cancel, &on)?)
}

fn tokens(stage: &'static str, done: usize, total: usize) -> Step {
    Step {
        stage,
        done: done.min(total) as u64,
        total: total as u64,
        unit: "tokens",
    }
}

/// A codebook never comes from a handful of files.
fn check_size(args: &CodebookArgs, sample: &Sample) -> anyhow::Result<()> {
    let (found, files) = (sample.tokens(), sample.files);
    let wanted = LEAST_TOKENS.max(TOKENS_PER_CENTROID * args.centroids as usize);
    if found == 0 {
        let what = "there is no code in the folders given with `--from`";
        return Err(Failure::new(what, "give folders with the code of many projects").into());
    }
    if !args.force && (found < wanted || files < LEAST_FILES) {
        return Err(Failure::new(
            format!(
                "{found} tokens of {files} files are too few for a codebook of {} centroids: \
                 it needs {wanted} tokens of {LEAST_FILES} files",
                args.centroids
            ),
            "give more folders with `--from`, or fewer `--centroids`, or `--force` for a trial",
        )
        .into());
    }
    Ok(())
}

fn encode(
    sample: &Sample,
    settings: &Settings,
    profile: &Profile,
    progress: &Progress,
    cancel: &AtomicBool,
) -> anyhow::Result<Vec<TokenMatrix>> {
    let total = sample.tokens();
    let on = |done| progress.step(&tokens("encoding", done, total));
    let options = EncoderOptions::default();
    let threads = settings.threads;
    Ok(sample::encode(
        &sample.documents,
        profile,
        &options,
        threads,
        cancel,
        &on,
    )?)
}

/// Vectors to train on, and vectors to measure on.
fn split(matrices: Vec<TokenMatrix>) -> (Vec<f32>, Vec<f32>) {
    let (mut training, mut held_out) = (Vec::new(), Vec::new());
    for (at, matrix) in matrices.into_iter().enumerate() {
        let part = match at / RUN % HELD_OUT {
            0 => &mut held_out,
            _ => &mut training,
        };
        part.extend_from_slice(matrix.as_slice());
    }
    match training.is_empty() {
        true => (held_out.clone(), held_out),
        false => (training, held_out),
    }
}

fn train(
    args: &CodebookArgs,
    bits: Bits,
    vectors: &[f32],
    dim: usize,
    progress: &Progress,
    cancel: &AtomicBool,
) -> anyhow::Result<Codebook> {
    let training = Training {
        centroids: args.centroids as usize,
        passes: PASSES,
        seed: args.seed,
        bits,
    };
    let total = PASSES * vectors.len() / dim;
    let trained = Codebook::train_while(vectors, dim, &training, &mut |share| {
        let done = (share * total as f64) as usize;
        progress.step(&tokens("training", done, total));
        !cancel.load(Ordering::Relaxed)
    });
    Ok(trained.ok_or(IndexError::Cancelled)?)
}

/// Cosine of decoded and original vectors.
fn mean_cosine(codebook: &Codebook, vectors: &[f32]) -> f64 {
    let coded = codebook.encode(vectors);
    let decoded = codebook.decode(&coded.centroids, &coded.residuals, &coded.norms);
    let products = vectors.iter().zip(&decoded).map(|(a, b)| f64::from(a * b));
    products.sum::<f64>() * codebook.dim() as f64 / vectors.len() as f64
}

/// Writes the file, whole or not at all; gives its length.
fn save(
    codebook: &Codebook,
    mut target: tempfile::NamedTempFile,
    file: &Path,
) -> anyhow::Result<usize> {
    let bytes = codebook.to_bytes();
    let written = target.write_all(&bytes);
    let synced = written.and_then(|()| target.as_file().sync_all());
    let saved = synced.and_then(|()| target.persist(file).map_err(|error| error.error));
    saved.with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(bytes.len())
}

/// What was done.
struct Report {
    profile: String,
    sample: Sample,
    encoding: Duration,
    training: Duration,
    took: Duration,
    held_out: usize,
    cosine: f64,
    bytes: usize,
    codebook: Codebook,
    file: PathBuf,
}

impl Report {
    fn write_json(&self, mut out: impl Write) -> io::Result<()> {
        let report = json!({
            "profile": self.profile,
            "file": self.file.to_string_lossy(),
            "bytes": self.bytes,
            "id": self.codebook.id().to_string(),
            "blake3": self.blake3(),
            "dim": self.codebook.dim(),
            "centroids": self.codebook.len(),
            "bits": self.codebook.bits().count(),
            "bytes_per_token": self.bytes_per_token(),
            "files": self.sample.files,
            "chunks": self.sample.documents.len(),
            "tokens": self.sample.tokens(),
            "languages": self.sample.languages,
            "held_out_tokens": self.held_out,
            "mean_cosine": (self.cosine * 1e6).round() / 1e6,
            "encoding_seconds": seconds(self.encoding),
            "training_seconds": seconds(self.training),
            "seconds": seconds(self.took),
        });
        json::pretty(&mut out, &report)
    }

    fn write_text(&self, mut out: impl Write) -> io::Result<()> {
        let sample = &self.sample;
        let (tokens, chunks) = (sample.tokens(), sample.documents.len());
        let (files, languages) = (sample.files, sample.languages.len());
        let codebook = &self.codebook;
        let (centroids, bits) = (codebook.len(), codebook.bits().count());
        let (file, bytes, id) = (self.file.display(), self.bytes, codebook.id());
        writeln!(out, "codebook   {file} ({bytes} bytes), id {id}")?;
        let per_token = self.bytes_per_token();
        writeln!(
            out,
            "holds      {centroids} centroids, {bits} bits: {per_token} bytes per token"
        )?;
        writeln!(
            out,
            "from       {tokens} tokens of {chunks} chunks, {files} files, {languages} languages"
        )?;
        writeln!(
            out,
            "precision  mean cosine {:.5} of {} tokens held out",
            self.cosine, self.held_out
        )?;
        writeln!(
            out,
            "took       {:.1} s: encoding {:.1} s, training {:.1} s",
            seconds(self.took),
            seconds(self.encoding),
            seconds(self.training)
        )?;
        writeln!(out, "\nprofile.toml names it as:\n\n[codebook]")?;
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        writeln!(out, "file = \"{name}\"\nblake3 = \"{}\"", self.blake3())
    }

    /// As a profile names the file.
    fn blake3(&self) -> String {
        blake3::hash(&self.codebook.to_bytes()).to_hex().to_string()
    }

    /// Centroid, residual and length.
    fn bytes_per_token(&self) -> usize {
        2 + self.codebook.row_bytes() + 1
    }
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10.0).round() / 10.0
}
