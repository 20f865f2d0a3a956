//! Which files of a repository are the model that is wanted.

use std::collections::BTreeMap;

use fathom_models::store::PartName;

use super::{ModelError, ModelId, find};

/// A model of a repository: its files and what it is called.
struct Model<'a> {
    /// Folder in the repository, empty or with a slash at its end.
    folder: &'a str,
    stem: String,
    /// Number of files that it should have.
    count: u32,
    files: Vec<&'a str>,
}

type IsIt<'a> = dyn Fn(&Model<'_>) -> bool + 'a;

/// The files of a repository that are the model `id`, in order.
///
/// # Errors
/// If there is none: says what there is.
pub fn choose(id: &ModelId, repository: &str, files: &[&str]) -> Result<Vec<String>, ModelError> {
    let models = models(files);
    let (wanted, is_it): (String, Box<IsIt<'_>>) = match id {
        ModelId::Profile {
            profile,
            quantisation,
        } => {
            let file = profile.file_name(quantisation.as_deref());
            let stem = file.trim_end_matches(".gguf").to_ascii_lowercase();
            let is_it = move |model: &Model<'_>| model.stem.to_ascii_lowercase() == stem;
            (format!("file `{file}`"), Box::new(is_it))
        }
        _ => {
            let wanted = quantisation_of(id).unwrap_or(find::USUAL).to_owned();
            let word = wanted.clone();
            (
                format!("model in `{word}`"),
                Box::new(move |model| model.is(&wanted)),
            )
        }
    };
    // One file before several of the same model, and the shorter name.
    let simplest = |model: &&Model<'_>| (model.count, model.folder.len() + model.stem.len());
    let found = models
        .iter()
        .filter(|model| is_it(model))
        .min_by_key(simplest);
    let only = match (models.as_slice(), quantisation_of(id)) {
        ([only], None) => Some(only),
        _ => None,
    };
    let model = found.or(only).ok_or_else(|| {
        let mut has: Vec<String> = models.iter().map(Model::name).collect();
        has.dedup();
        ModelError::NoQuantisation {
            repository: repository.to_owned(),
            wanted,
            has,
        }
    })?;
    Ok(model.files.iter().map(|&file| file.to_owned()).collect())
}

fn quantisation_of(id: &ModelId) -> Option<&str> {
    match id {
        ModelId::Path(_) => None,
        ModelId::Profile { quantisation, .. }
        | ModelId::Hub { quantisation, .. }
        | ModelId::Imported { quantisation, .. } => quantisation.as_deref(),
    }
}

/// The complete models among files. Projectors of images are none.
fn models<'a>(files: &[&'a str]) -> Vec<Model<'a>> {
    let mut models: BTreeMap<(&str, String, u32), Vec<&str>> = BTreeMap::new();
    for &path in files {
        let (folder, name) = path.split_at(path.rfind('/').map_or(0, |at| at + 1));
        let Some(part) = PartName::parse(name) else {
            continue;
        };
        if !part.stem.to_ascii_lowercase().starts_with("mmproj") {
            let key = (folder, part.stem, part.number.1);
            models.entry(key).or_default().push(path);
        }
    }
    let complete = models
        .into_iter()
        .filter(|((_, _, count), files)| files.len() == *count as usize);
    complete
        .map(|((folder, stem, count), mut files)| {
            files.sort_unstable();
            Model {
                folder,
                stem,
                count,
                files,
            }
        })
        .collect()
}

impl Model<'_> {
    fn is(&self, wanted: &str) -> bool {
        let folder = self.folder.trim_end_matches('/');
        is_quantised(&self.stem, wanted) || is_quantised(folder, wanted)
    }

    fn name(&self) -> String {
        format!("{}{}", self.folder, self.stem)
    }
}

/// Whether the name of a model ends with a quantisation as a word.
pub(super) fn is_quantised(stem: &str, wanted: &str) -> bool {
    let (stem, wanted) = (stem.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    let before = stem.strip_suffix(&wanted);
    before.is_some_and(|before| before.is_empty() || before.ends_with(['-', '.', '_', '/']))
}

/// The last word of a model's name, if it is a quantisation.
pub(super) fn quantisation(stem: &str) -> Option<&str> {
    let word = stem.rsplit(['-', '.', '/']).next()?;
    let lower = word.to_ascii_lowercase();
    let known = ["q", "iq", "tq", "f16", "f32", "bf16", "mxfp4"];
    let is_known = known.iter().any(|begin| lower.starts_with(begin));
    (is_known && lower.contains(|c: char| c.is_ascii_digit())).then_some(word)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FILES: &[&str] = &[
        "README.md",
        "B-Q4_K_M.gguf",
        "B-IQ4_K_M.gguf",
        "mmproj-B-Q8_0.gguf",
        "Q6_K/B-Q6_K-00001-of-00002.gguf",
        "Q6_K/B-Q6_K-00002-of-00002.gguf",
        "B-q5_k_m-00001-of-00002.gguf",
        "B-q5_k_m-00002-of-00002.gguf",
        "B-q5_k_m.gguf",
        "B-Q2_K-00001-of-00002.gguf",
    ];

    fn chosen(id: &str, files: &[&str]) -> String {
        let chosen = choose(&id.parse().unwrap(), "a/b", files);
        chosen.map_or_else(|error| error.to_string(), |files| files.join(" "))
    }

    #[test]
    fn files_are_chosen_by_quantisation() {
        for (id, expected) in [
            ("a/b", "B-Q4_K_M.gguf"),
            ("a/b:iq4_k_m", "B-IQ4_K_M.gguf"),
            ("a/b:q5_k_m", "B-q5_k_m.gguf"),
            (
                "a/b:Q6_K",
                "Q6_K/B-Q6_K-00001-of-00002.gguf Q6_K/B-Q6_K-00002-of-00002.gguf",
            ),
        ] {
            assert_eq!(chosen(id, FILES), expected, "{id}");
        }
        assert_eq!(chosen("a/b", &["only-F16.gguf"]), "only-F16.gguf");
        assert_eq!(
            chosen("qwen3-4b:q8_0", &["Qwen3-4B-Q8_0.gguf", "x-Q8_0.gguf"]),
            "Qwen3-4B-Q8_0.gguf"
        );
    }

    #[test]
    fn what_is_not_there_names_what_is() {
        insta::assert_snapshot!(chosen("a/b:q8_0", FILES), @"`a/b` has no model in `q8_0`; it has `B-IQ4_K_M`, `B-Q4_K_M`, `B-q5_k_m`, `Q6_K/B-Q6_K`: name one of them, as in `a/b:IQ4_K_M`");
        insta::assert_snapshot!(chosen("a/b:q4_k_m", &["B-F16.gguf"]), @"`a/b` has no model in `q4_k_m`; it has `B-F16`: name one of them, as in `a/b:F16`");
        insta::assert_snapshot!(chosen("qwen3-4b", &["README.md"]), @"`a/b` has no file `Qwen3-4B-Q4_K_M.gguf`, and no other GGUF file; look for a repository of the same model whose name ends in `-GGUF`");
    }
}
