//! `fathom doctor`: can this installation work, and what to do where it cannot.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use fathom::config::Settings;
use fathom::encoder;
use fathom::workspace::{Workspace, WorkspaceError};
use fathom_encoders::{Encoder, runtime};

use super::Global;
use crate::errors::Exit;
use fathom::output::escape;
use fathom::output::style::Paint;

#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// A path in a repository whose index is to be looked at too
    #[arg(default_value = ".")]
    path: PathBuf,
}

/// How well something is.
enum Health {
    Good,
    /// Works, but with less than there could be.
    Doubtful,
    Bad,
}

/// One line of the report.
struct Finding {
    health: Health,
    what: &'static str,
    detail: String,
}

impl Finding {
    fn good(what: &'static str, detail: impl Into<String>) -> Finding {
        Finding {
            health: Health::Good,
            what,
            detail: detail.into(),
        }
    }

    fn doubtful(what: &'static str, detail: impl Into<String>) -> Finding {
        Finding {
            health: Health::Doubtful,
            ..Finding::good(what, detail)
        }
    }

    fn bad(what: &'static str, detail: impl Into<String>) -> Finding {
        Finding {
            health: Health::Bad,
            ..Finding::good(what, detail)
        }
    }
}

pub fn run(global: &Global, args: &DoctorArgs) -> anyhow::Result<Exit> {
    let settings = global.settings()?;
    let findings = [
        version(),
        processor(&settings),
        onnx_runtime(),
        model(&settings),
        reranker(&settings),
        data_folder(&settings.data_dir),
        background(&settings),
        index(&args.path, &settings),
    ];
    let paint = Paint::for_stdout(settings.color);
    let mut out = io::stdout().lock();
    for finding in &findings {
        let mark = match finding.health {
            Health::Good => paint.good("ok  "),
            Health::Doubtful => paint.doubtful("warn"),
            Health::Bad => paint.bad("fail"),
        };
        let detail = escape::text(finding.detail.as_bytes());
        writeln!(out, "{mark}  {:13} {detail}", finding.what)?;
    }
    let failed = findings.iter().any(|f| matches!(f.health, Health::Bad));
    Ok(if failed { Exit::Error } else { Exit::Found })
}

fn version() -> Finding {
    let platform = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let dense = if cfg!(feature = "faiss") {
        "with faiss"
    } else {
        "without faiss"
    };
    Finding::good(
        "fathom",
        format!("{} for {platform}, {dense}", env!("CARGO_PKG_VERSION")),
    )
}

fn processor(settings: &Settings) -> Finding {
    let features = cpu_features();
    let detail = format!("{} threads; {}", settings.threads, features.join(", "));
    if features.is_empty() {
        Finding::doubtful(
            "processor",
            format!("{detail}no vector instructions known, scoring is slow"),
        )
    } else {
        Finding::good("processor", detail)
    }
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> Vec<&'static str> {
    [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("AVX-512", is_x86_feature_detected!("avx512f")),
        ("AVX-512 VNNI", is_x86_feature_detected!("avx512vnni")),
    ]
    .into_iter()
    .filter_map(|(name, there)| there.then_some(name))
    .collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_features() -> Vec<&'static str> {
    if cfg!(target_arch = "aarch64") {
        vec!["NEON"]
    } else {
        Vec::new()
    }
}

fn onnx_runtime() -> Finding {
    match runtime::locate(&runtime::RuntimeLocation::Search) {
        Ok(path) => Finding::good("ONNX Runtime", path.display().to_string()),
        Err(error) => Finding::bad("ONNX Runtime", error.to_string()),
    }
}

/// Loads the model and encodes a line with it.
fn model(settings: &Settings) -> Finding {
    let profile = match encoder::selected(settings) {
        Ok(profile) => profile,
        Err(error) => return Finding::bad("model", error.to_string()),
    };
    if runtime::locate(&runtime::RuntimeLocation::Search).is_err() {
        return Finding::bad("model", "not tried without ONNX Runtime");
    }
    let started = Instant::now();
    let encoded = Encoder::open(&profile, &encoder::options(settings, 1))
        .and_then(|mut encoder| encoder.encode_query("where is the lock taken"));
    let took = started.elapsed().as_millis();
    match encoded {
        Ok(embedding) => {
            let norm: f32 = embedding.dense.iter().map(|x| x * x).sum::<f32>().sqrt();
            let dense = profile.dense_dim() == 0 || (norm - 1.0).abs() < 0.01;
            let tokens = profile.token_dim() == 0 || embedding.tokens.rows() > 0;
            let detail = format!("{}, loaded and run in {took} ms", profile.id());
            if dense && tokens {
                Finding::good("model", detail)
            } else {
                Finding::bad(
                    "model",
                    format!("{detail}, but its output is not usable; run `make runtime`"),
                )
            }
        }
        Err(error) => Finding::bad("model", error.to_string()),
    }
}

fn reranker(settings: &Settings) -> Finding {
    let Some(name) = &settings.encoder.reranker else {
        return Finding::good("reranker", "none; `fathom model use NAME` selects one");
    };
    let started = Instant::now();
    let scored = encoder::reranker(settings).map_err(|error| error.to_string());
    let scored = scored.and_then(|reranker| match reranker {
        Some(mut reranker) => {
            let scores = reranker.score("where is the lock taken", &["self.mutex.lock()"]);
            scores.map(drop).map_err(|error| error.to_string())
        }
        None => Ok(()),
    });
    let took = started.elapsed().as_millis();
    match scored {
        Ok(()) => Finding::good("reranker", format!("{name}, loaded and run in {took} ms")),
        Err(error) => Finding::bad("reranker", error),
    }
}

fn data_folder(dir: &Path) -> Finding {
    let probe = dir.join(format!(".doctor-{}", std::process::id()));
    let tried = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&probe, b"fathom"))
        .and_then(|()| std::fs::remove_file(&probe));
    match tried {
        Ok(()) => Finding::good("data folder", dir.display().to_string()),
        Err(error) => Finding::bad(
            "data folder",
            format!(
                "cannot write to `{}`: {error}; make it writable, or give `--data-dir`",
                dir.display()
            ),
        ),
    }
}

fn background(settings: &Settings) -> Finding {
    let detail = if settings.background {
        "a search may finish an index in the background"
    } else {
        "off; `fathom index` finishes an index"
    };
    Finding::good("background", detail)
}

fn index(path: &Path, settings: &Settings) -> Finding {
    let counts = Workspace::open_indexed(path, settings)
        .and_then(|workspace| Ok((workspace.root().to_owned(), workspace.snapshot()?.counts())));
    match counts {
        Ok((root, counts)) => Finding::good(
            "index",
            format!(
                "`{}`: {} files, {} of {} chunks encoded",
                root.display(),
                counts.files,
                counts.encoded,
                counts.distinct
            ),
        ),
        Err(error @ WorkspaceError::NotIndexed { .. }) => {
            Finding::doubtful("index", error.to_string())
        }
        Err(error) => Finding::bad("index", error.to_string()),
    }
}
