//! Where settings come from, and which source wins.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

/// Resolves settings from `variables`, with `user` as the user's file.
fn settings(flags: Flags, variables: &[(&str, &str)], user: &str) -> Settings {
    try_settings(flags, variables, user)
        .expect("valid settings")
        .0
}

fn try_settings(
    flags: Flags,
    variables: &[(&str, &str)],
    user: &str,
) -> Result<(Settings, Vec<String>), ConfigError> {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("fathom")).unwrap();
    std::fs::write(home.path().join("fathom/config.toml"), user).unwrap();
    Settings::resolve(&flags, &|name| match name {
        env::XDG_CONFIG_HOME => Some(home.path().into()),
        "HOME" => Some("/home/ada".into()),
        _ => variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).into()),
    })
}

#[test]
fn flags_beat_variables_beat_the_file_beat_defaults() {
    let flag = |top_k| Flags {
        top_k,
        ..Flags::default()
    };
    let variable: &[_] = &[(env::TOP_K, "20")];
    assert_eq!(settings(flag(Some(30)), variable, "top-k = 7").top_k, 30);
    assert_eq!(settings(flag(None), variable, "top-k = 7").top_k, 20);
    assert_eq!(settings(flag(None), &[], "top-k = 7").top_k, 7);
    assert_eq!(settings(flag(None), &[], "").top_k, DEFAULT_TOP_K);
}

#[test]
fn folders_follow_the_xdg_rules() {
    let dir = |variables: &[(&str, &str)]| settings(Flags::default(), variables, "").data_dir;
    assert_eq!(dir(&[]), Path::new("/home/ada/.local/share/fathom"));
    assert_eq!(dir(&[(env::XDG_DATA_HOME, "/d")]), Path::new("/d/fathom"));
    let relative = dir(&[(env::XDG_DATA_HOME, "d")]);
    assert_eq!(relative, Path::new("/home/ada/.local/share/fathom"));
    assert_eq!(dir(&[(env::DATA_DIR, "/x")]), Path::new("/x"));
}

#[test]
fn background_work_can_be_switched_off_everywhere() {
    let on =
        |variables: &[(&str, &str)], user| settings(Flags::default(), variables, user).background;
    assert!(on(&[], ""));
    assert!(!on(&[], "background = false"));
    assert!(!on(&[(env::CI, "true")], ""));
    assert!(!on(&[(env::BACKGROUND, "0")], "background = true"));
    assert!(on(&[(env::BACKGROUND, "1"), (env::CI, "true")], ""));
    let flags = Flags {
        no_background: true,
        ..Flags::default()
    };
    assert!(!settings(flags, &[(env::BACKGROUND, "1")], "").background);
}

#[test]
fn a_wrong_variable_is_named() {
    let error = try_settings(Flags::default(), &[(env::THREADS, "many")], "").unwrap_err();
    insta::assert_snapshot!(error, @"the environment variable `FATHOM_THREADS` is `many`, but should be a whole number");
}

#[test]
fn unknown_keys_are_named() {
    let (_, warnings) = try_settings(Flags::default(), &[], "colour = 'never'").unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("sets `colour`, which has no meaning there"));
}

fn narrowed(repository: &str) -> (Settings, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join(REPOSITORY_FILE), repository).unwrap();
    settings(Flags::default(), &[], "ignore = ['a']").narrowed_by(root.path())
}

#[test]
fn a_repository_may_only_narrow() {
    let before = settings(Flags::default(), &[], "ignore = ['a']");
    let (after, warnings) = narrowed(
        "ignore = ['b']\nmax-file-bytes = 9999999999\ndata-dir = '/tmp/x'\nhidden = true\nmodel = 'http://x'",
    );
    assert_eq!(after.ignore, ["a", "b"]);
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert_eq!(
        after,
        Settings {
            ignore: after.ignore.clone(),
            // Each has a home of its own.
            file: after.file.clone(),
            ..before
        }
    );
    assert_eq!(narrowed("max-file-bytes = 10").0.max_file_bytes, 10);
}

#[test]
fn an_unusable_repository_file_is_only_a_warning() {
    for text in [
        "ignore = 3",
        "[[[",
        &"#".repeat(MAX_CONFIG_BYTES as usize + 1),
    ] {
        let (settings, warnings) = narrowed(text);
        assert_eq!(settings.ignore, ["a"]);
        assert_eq!(warnings.len(), 1);
    }
}

#[test]
fn the_first_source_that_names_a_reader_decides() {
    let readers = |model: Option<&str>, variables: &[(&str, &str)], user: &str| {
        let flags = Flags {
            reader: ReaderOptions {
                model: model.map(str::to_owned).into_iter().collect(),
                ..ReaderOptions::default()
            },
            ..Flags::default()
        };
        let reader = settings(flags, variables, user).reader;
        (reader.models, reader.url)
    };
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    let user = "model = ['small', 'large']\nreader-url = 'http://file'";
    let variables: &[_] = &[(env::MODEL, "a, b"), (env::READER_URL, "http://variable")];
    assert_eq!(readers(Some("m"), variables, user), (names(&["m"]), None));
    let both = Some("http://variable".to_owned());
    assert_eq!(readers(None, variables, user), (names(&["a", "b"]), both));
    let both = Some("http://file".to_owned());
    assert_eq!(readers(None, &[], user), (names(&["small", "large"]), both));
    assert_eq!(readers(None, &[], "model = 'one'"), (names(&["one"]), None));
    assert_eq!(readers(None, &[], ""), (Vec::new(), None));
}

#[test]
fn a_key_comes_from_the_environment_and_is_never_shown() {
    let variables: &[_] = &[(env::READER_KEY, "k-123")];
    let reader = settings(Flags::default(), variables, "").reader;
    assert_eq!(reader.key.as_ref().map(Key::reveal), Some("k-123"));
    assert!(!format!("{reader:?}").contains("k-123"));
    let (_, warnings) = try_settings(Flags::default(), &[], "reader-key = 'x'").unwrap();
    assert!(warnings[0].contains("sets `reader-key`"), "{warnings:?}");
}
