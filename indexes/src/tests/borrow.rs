//! Encodings that another store has are copied, and only those that are of use.

use std::time::Duration;

use super::{A, B};
use crate::testing::*;
use crate::*;

/// A store with files, encoded if `encoded`.
fn filled(
    options: &StoreOptions,
    files: &[(&str, &str)],
    encoded: bool,
) -> (tempfile::TempDir, Store) {
    let dir = temporary();
    let store = Store::open(dir.path(), options).unwrap();
    let mut writer = writer(&store);
    put(&mut writer, files);
    if encoded {
        encode(&mut writer, 99).unwrap();
    }
    (dir, store)
}

fn borrow(store: &Store, donor: &Store) -> usize {
    let donor = donor.snapshot().unwrap();
    store
        .writer(Duration::ZERO)
        .unwrap()
        .borrow(&donor)
        .unwrap()
}

#[test]
fn what_another_store_has_is_not_encoded_again() {
    let files: &[(&str, &str)] = &[("a.rs", A), ("b.rs", B)];
    let (donor_dir, donor) = filled(&options(), files, true);
    let (_dir, store) = filled(&options(), files, false);
    assert_eq!(borrow(&store, &donor), 4);
    assert_eq!(borrow(&store, &donor), 0);
    assert_eq!(Image::of(&store), Image::of(&donor));
    drop((donor, donor_dir));
    assert_sound(&store);
    assert_eq!(store.snapshot().unwrap().missing(), 0);
}

#[test]
fn only_what_is_known_and_can_be_read_is_taken() {
    let other_codebook = StoreOptions {
        codebook: Some(codebook(2)),
        ..options()
    };
    let other_model = StoreOptions {
        profile_id: "other@0".into(),
        ..options()
    };
    for (name, theirs, files, expected) in [
        ("the same", options(), &[("a.rs", A)][..], 3),
        ("in int8", int8_options(), &[("a.rs", A)], 3),
        (
            "something else",
            options(),
            &[("c.rs", "fn other thing\n")],
            0,
        ),
        ("a part", options(), &[("b.rs", B)], 1),
        ("another model", other_model, &[("a.rs", A)], 0),
    ] {
        let (_donor_dir, donor) = filled(&theirs, files, true);
        let (_dir, store) = filled(&options(), &[("a.rs", A)], false);
        assert_eq!(borrow(&store, &donor), expected, "{name}");
        assert_sound(&store);
    }
    // A donor is opened with the codebook of the one that borrows.
    let (donor_dir, _) = filled(&other_codebook, &[("a.rs", A)], true);
    let (_dir, store) = filled(&options(), &[("a.rs", A)], false);
    assert_eq!(borrow(&store, &open(donor_dir.path())), 0);
}
