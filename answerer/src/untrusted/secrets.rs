//! Secrets, found by their patterns and replaced before text enters a prompt.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A text without secrets; its lines are where they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// The text, with `[redacted: …]` in place of each secret.
    pub text: String,
    /// How many were found.
    pub count: usize,
}

/// What a secret is called, and how it looks.
const PATTERNS: &[(&str, &str)] = &[
    ("AWS key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
    ("Google key", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("Google token", r"\bya29\.[0-9A-Za-z_-]{20,}"),
    (
        "GitHub token",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    ("GitLab token", r"\bglpat-[\w-]{20,}"),
    ("Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    (
        "Slack webhook",
        r"hooks\.slack\.com/services/[A-Za-z0-9/_-]{20,}",
    ),
    ("Stripe key", r"\b[sr]k_(?:live|test)_[0-9A-Za-z]{16,}"),
    (
        "API key",
        r"\b(?:sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,})",
    ),
    (
        "JWT",
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    ),
    (
        "password",
        r"(?P<keep>[a-z][a-z0-9+.-]*://[^\s/:@]+:)(?P<value>[^\s/:@${}<>]{3,})(?P<end>@)",
    ),
    (
        "secret",
        r#"(?i)(?P<keep>[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api_?key|access_?key|credential|private_?key|auth_?key)[\w.-]*["']?\s*(?::=|=>|:|==?)\s*["'`])(?P<value>[^"'`\s]{8,})"#,
    ),
    (
        "secret",
        r"(?i)(?P<keep>[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api_?key|access_?key|credential|private_?key|auth_?key)[\w.-]*\s*[:=]\s*)(?P<value>[A-Za-z0-9+/=_-]{16,})",
    ),
];

static REGEXES: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let compiled = PATTERNS
        .iter()
        .map(|&(name, pattern)| (name, Regex::new(pattern)));
    let usable = compiled.filter_map(|(name, regex)| Some((name, regex.ok()?)));
    usable.collect()
});

/// Entropy in bits per character from which a value assigned to a telling name is a secret.
const RANDOM: f32 = 3.0;

/// Replaces secrets. Doing it twice changes nothing more.
#[must_use]
pub fn redact(text: &str) -> Redacted {
    let mut count = 0;
    let mut in_key = false;
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let begins = line.contains("-----BEGIN ") && line.contains("PRIVATE KEY");
        let ends = line.contains("-----END ");
        count += usize::from(begins);
        if begins || in_key {
            out.push_str("[redacted: private key]");
            out.push_str(&line[line.trim_end_matches(['\n', '\r']).len()..]);
            in_key = !ends && is_key_line(line, begins);
        } else {
            out.push_str(&of_line(line, &mut count));
        }
    }
    Redacted { text: out, count }
}

/// Whether a key may go on after this line: one that is cut off ends where its letters end.
fn is_key_line(line: &str, begins: bool) -> bool {
    let inner = line
        .trim()
        .trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=:-, \\\"'".contains(c);
    begins || inner.chars().all(is_base64)
}

fn of_line(line: &str, count: &mut usize) -> String {
    let mut line = line.to_owned();
    for (name, regex) in REGEXES.iter() {
        let replace = |found: &Captures<'_>| {
            let Some(value) = found.name("value") else {
                *count += 1;
                return format!("[redacted: {name}]");
            };
            if *name == "secret" && !is_random(value.as_str()) {
                return found[0].to_owned();
            }
            *count += 1;
            let end = found.name("end").map_or("", |end| end.as_str());
            format!("{}[redacted: {name}]{end}", &found["keep"])
        };
        line = regex.replace_all(&line, replace).into_owned();
    }
    line
}

/// Whether a value is made up at random: letters and digits, many different ones.
fn is_random(value: &str) -> bool {
    let has_digit = value.contains(|c: char| c.is_ascii_digit());
    let has_letter = value.contains(|c: char| c.is_ascii_alphabetic());
    let is_code = value.contains(['(', '{', '<', '$', '[']) || value.contains("::");
    has_digit && has_letter && !is_code && entropy(value) >= RANDOM
}

/// Shannon entropy in bits per byte.
fn entropy(value: &str) -> f32 {
    let mut counts = [0_u32; 256];
    for byte in value.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total = value.len() as f32;
    let share = counts.iter().filter(|&&count| count > 0);
    share
        .map(|&count| count as f32 / total)
        .map(|p| -p * p.log2())
        .sum()
}
