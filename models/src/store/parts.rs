//! Models in several files: `name-00001-of-00003.gguf` and so on.

use std::path::{Path, PathBuf};

/// The name of a GGUF file, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartName {
    /// The name without number and extension.
    pub stem: String,
    /// Which file of how many; `(1, 1)` if there is only one.
    pub number: (u32, u32),
}

impl PartName {
    /// `None` if the name is not that of a GGUF file.
    #[must_use]
    pub fn parse(name: &str) -> Option<PartName> {
        let extension = name.len().checked_sub(5)?;
        let (stem, ending) = (name.get(..extension)?, name.get(extension..)?);
        if !ending.eq_ignore_ascii_case(".gguf") || stem.is_empty() {
            return None;
        }
        Some(numbered(stem).unwrap_or(PartName {
            stem: stem.to_owned(),
            number: (1, 1),
        }))
    }

    /// Whether it is the only file of its model, or the first.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.number.0 == 1
    }

    /// The names of all files of the model.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        let (stem, count) = (&self.stem, self.number.1);
        match count {
            1 => vec![format!("{stem}.gguf")],
            _ => (1..=count)
                .map(|number| format!("{stem}-{number:05}-of-{count:05}.gguf"))
                .collect(),
        }
    }
}

fn numbered(stem: &str) -> Option<PartName> {
    let (rest, count) = stem.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let five = |digits: &str| {
        let is_number = digits.len() == 5 && digits.bytes().all(|digit| digit.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|_| is_number)
    };
    let number = (five(number)?, five(count)?);
    (!stem.is_empty() && (1..=number.1).contains(&number.0)).then(|| PartName {
        stem: stem.to_owned(),
        number,
    })
}

/// All files of the model whose first file is `first`, in its folder.
#[must_use]
pub fn all_parts(first: &Path) -> Vec<PathBuf> {
    let name = first.file_name().unwrap_or_default().to_string_lossy();
    match PartName::parse(&name) {
        Some(part) if part.number.1 > 1 => {
            let sibling = |name| first.with_file_name(name);
            part.all().into_iter().map(sibling).collect()
        }
        _ => vec![first.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let parsed = |name: &str| PartName::parse(name).map(|part| (part.stem, part.number));
        let is = |stem: &str, number| Some((stem.to_owned(), number));
        for (name, expected) in [
            ("a-Q4_K_M.gguf", is("a-Q4_K_M", (1, 1))),
            ("a.GGUF", is("a", (1, 1))),
            ("a-00002-of-00003.gguf", is("a", (2, 3))),
            ("a-00004-of-00003.gguf", is("a-00004-of-00003", (1, 1))),
            ("a-2-of-3.gguf", is("a-2-of-3", (1, 1))),
            (".gguf", None),
            ("a.bin", None),
            ("ü", None),
        ] {
            assert_eq!(parsed(name), expected, "{name}");
        }
        let all = all_parts(Path::new("/m/a-00001-of-00002.gguf"));
        let names = ["/m/a-00001-of-00002.gguf", "/m/a-00002-of-00002.gguf"];
        assert_eq!(all, names.map(PathBuf::from));
    }
}
